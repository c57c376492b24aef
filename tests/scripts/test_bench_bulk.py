"""The benchmark of many requests: it runs, and its ratios come from what it measured."""

import json
import math
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from statistics import median

import bench_bulk_results as results
import bench_bulk_server
import pytest
from bench_bulk_children import Child
from bench_bulk_results import Measurement, Promise, Table
from common.failure import Failure

SCRIPT = Path(__file__).parents[2] / "scripts" / "benchmarks" / "bench_bulk.py"
ROWS = "ours, plain, async;httpx"  # those that need no more than the package does

#: A hundred records in half a second, a quarter of it on the CPU.
ONE = Measurement(given=100, done=100, elapsed_s=0.5, cpu_s=0.125, waited_s=0.0)


def run(*arguments):
    """Run the benchmark, and return what it says into a pipe."""
    command = [sys.executable, SCRIPT, *arguments]
    environ = {**os.environ, "PYTHONPATH": str(SCRIPT.parents[1])}  # as the session has it
    return subprocess.run(
        command, env=environ, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture(scope="module")
def said():
    """The lines of a run that is as short as can be."""
    storm = ("--ids", "44", "--rate", "40")
    turns = ("--rounds", "2", "--seconds", "0.05", "--concurrency", "2;10")
    done = run(*turns, *storm, "--rows", ROWS)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_its_ratios_are_those_of_what_it_measured(said):
    """Each is the median of the rounds' own, and the spread is theirs."""
    assert {line["row"] for line in said} == set(ROWS.split(";"))
    assert len({line["table"] for line in said}) == 8
    for line in said:
        ratios = [a / b for a, b in zip(line["values"], line["bases"], strict=True)]
        assert line["ratio"] == pytest.approx(median(ratios), rel=0.02, abs=0.002), line
        assert line["lowest"] <= line["ratio"] <= line["highest"]


def test_it_fetches_every_record_that_it_counts(said):
    """Nothing fails on a server that answers; every cell counts some records."""
    assert [line["failed"] for line in said] == [{}] * len(said)
    counted = [line for line in said if not re.search("lost|CPU", line["table"])]
    assert all(value > 0 for line in counted for value in line["values"])


def test_no_row_is_faster_than_the_latency_allows(said):
    """The delay is there: more than concurrency / latency would be a mistake of the benchmark."""
    shares = [line["ratio"] for line in said if "ms of latency" in line["table"]]
    assert len(shares) == 4
    assert max(shares) <= 1.05  # a timer may count in whole milliseconds


def test_it_says_which_limits_are_kept(said):
    """What is promised of a row is judged, and of no other row."""
    judged = {(line["table"], line["row"]) for line in said if line["verdict"]}
    assert judged == {
        (table, "ours, plain, async")
        for table in (
            "requests/s on loopback as concurrency grows",
            "requests/s at 50 ms of latency",
            "429 storm: requests",
            "429 storm: ids lost",
            "429 storm: wall time",
        )
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--rows", "curl"), "there is no row 'curl'"),
        (("--concurrency", "10;many"), "--concurrency is like 10;50;100;200"),
        (("--ids", "100"), "--ids is more than --rate"),
        (("--rounds", "0"), "--rounds and --rate are at least 1"),
    ],
)
def test_it_refuses_what_cannot_be_measured(arguments, words):
    """In one line, before anything starts."""
    done = run(*arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert words in done.stderr


def test_a_row_that_breaks_off_ends_the_run(tmp_path):
    """With its last words, although it can no longer be told what to do."""
    with Child("curl", ["-c", "raise SystemExit('no such host')"], tmp_path) as child:
        child.say({"url": "x" * 100_000})
        with pytest.raises(Failure, match=r"^`curl` ended: no such host$"):
            child.hear()


def rounds(**rates):
    """Return rounds in which the rows came to these rates, at 10 and at 200."""
    return [
        {
            (row, at): replace(ONE, given=done, done=done)
            for row, all_rounds in rates.items()
            for at, done in zip((10, 200), all_rounds[number], strict=True)
        }
        for number in range(len(next(iter(rates.values()))))
    ]


def cells(found, table):
    """Return the results of a table, by row and concurrency."""
    return {(one.row, one.at): one for one in found if one.table == table}


def test_a_round_is_compared_with_itself():
    """A machine that is slow for a while is so for all: ratios are of one round."""
    fast, base = results.FAST[0], results.BASE
    found = results.loopback(rounds(**{base: [(100, 100), (10, 10)], fast: [(95, 80), (9, 8)]}))
    cell = cells(found, "requests/s on loopback")
    assert cell[fast, "10"].ratio == pytest.approx(0.925)
    assert cell[fast, "10"].verdict == results.KEPT
    assert cell[fast, "200"].ratio == pytest.approx(0.8)
    assert cell[fast, "200"].verdict == results.MISSED
    assert cell[base, "10"].verdict == ""


def test_plain_may_not_get_slower_with_more_at_one_time():
    """At the highest concurrency no less than at the lowest."""
    plain = results.PLAIN
    found = results.loopback(rounds(**{plain[0]: [(50, 50)] * 3, plain[1]: [(50, 49)] * 3}))
    cell = cells(found, "requests/s on loopback as concurrency grows")
    assert cell[plain[0], "200"].verdict == results.KEPT
    assert cell[plain[1], "200"].verdict == results.MISSED


@pytest.mark.parametrize(
    ("done", "cpu_s", "waited_s", "verdict"),
    [
        (90, 0.1, 0.0, results.KEPT),
        (80, 0.1, 0.0, results.MISSED),
        (80, 0.46, 0.0, results.CPU_FULL),
        (20, 0.1, 0.0, results.CPU_FULL),  # two hundred would take a second of CPU
        (80, 0.1, 0.36, results.CPU_FULL),
    ],
)
def test_a_share_of_the_ideal_is_excused_by_a_full_cpu_alone(done, cpu_s, waited_s, verdict):
    """Ten at one time, each half a tenth of a second: two hundred a second, a hundred in half."""
    one = replace(ONE, given=done, done=done, cpu_s=cpu_s, waited_s=waited_s)
    found = results.latency([{(results.PLAIN[0], 10): one}], 0.05)
    assert found[0].ratio == pytest.approx(done / 100)
    assert found[0].verdict == verdict


def test_what_failed_or_was_lost_keeps_no_limit():
    """However fast it was, and whatever the CPU did."""
    lost = replace(ONE, done=99, cpu_s=0.5, failed={})
    assert results.failures([lost]) == {"no outcome": 1}
    share, *_ = results.latency([{(results.PLAIN[0], 10): lost}], 0.05)
    assert share.verdict == results.MISSED
    storm = results.storm(results.PLAIN[0], "fixed window", lost, 100, 0.5)
    assert [one.verdict for one in storm] == [*[results.MISSED] * 3, ""]
    assert [one.ratio for one in storm] == [1.0, 0.01, 1.0, 1.0]


def test_a_row_that_gets_nothing_is_shown_as_that():
    """It is compared with nothing, and no division by zero ends the run."""
    cell = Table("t", "b").cell("row", 10, [5.0], [0.0], Promise(1.0, is_least=True), {"E": 3})
    assert (cell.ratio, cell.verdict, cell.failed) == (0.0, results.MISSED, {"E": 3})
    assert "failed at 10: 3 x E" in results.text([cell])
    assert Table("t", "b").cell("row", 10, [0.0], [0.0], Promise(1.0)).verdict == results.MISSED


def test_only_what_came_counts():
    """Neither a rate nor the CPU of a record is flattered by what failed."""
    half = replace(ONE, done=50)
    assert half.rate == pytest.approx(100)
    assert half.cpu_us == pytest.approx(2500)


def test_a_table_names_the_limits_that_are_missed():
    """And says of a limit that all keep that it is kept."""
    promise = Promise(1.0, is_least=True)
    kept, missed = (Table("t", "b").cell("row", at, [at], [2.0], promise) for at in (3, 1))
    assert "limit: at least 1, kept" in results.text([kept])
    assert "row at 1: 0.50, MISSED" in results.text([kept, missed])


@pytest.mark.parametrize("kind", bench_bulk_server.LIMITS)
@pytest.mark.parametrize("ids", [1, 100, 250, 1000])
def test_the_ideal_of_a_storm_is_what_its_limit_allows(kind, ids):
    """Who asks exactly when a request is welcome needs the ideal time, and no request more."""
    limit = bench_bulk_server.LIMITS[kind](100)
    start = now = 50.0
    for _ in range(ids):
        while wait_s := limit.wait_s(now):
            now += max(wait_s, 1e-9)  # less may not move the clock
    assert now - start == pytest.approx(limit.ideal_s(ids), abs=0.001)


@pytest.mark.parametrize("kind", bench_bulk_server.LIMITS)
def test_a_limit_welcomes_no_more_than_it_says(kind):
    """Asked all the time, it lets its rate through, and what it had kept."""
    limit = bench_bulk_server.LIMITS[kind](100)
    welcomed = sum(not limit.wait_s(millisecond / 1000) for millisecond in range(5000))
    assert 500 <= welcomed <= 600


def test_a_refusal_says_in_whole_seconds_when_to_come_again():
    """As the servers do that this is about."""
    answers = bench_bulk_server.Answers(
        b'{"data":{"id":"gen-0","model":"m"}}', 0.0, bench_bulk_server.FixedWindow(1)
    )
    welcome = answers.answer(b"/api/v1/generation?id=gen-7", 0.0)
    assert json.loads(welcome.partition(b"\r\n\r\n")[2])["data"]["id"] == "gen-7"
    refusal = answers.answer(b"/api/v1/generation?id=gen-8", 0.25)
    assert refusal.startswith(b"HTTP/1.1 429 ")
    assert b"\r\nRetry-After: %d\r\n" % math.ceil(0.75) in refusal
    assert (answers.welcomed, answers.refused) == (1, 1)
