"""The benchmark of outages and limits: it runs, and its ideals are those of its servers."""

import os
import subprocess
import sys
from pathlib import Path

import bench_outages
import pytest

SCRIPT = Path(bench_outages.__file__)
LIMITED = {name: case for name, case in bench_outages.cases().items() if case.limit}


def run(*arguments):
    """Run the benchmark."""
    environ = {**os.environ, "PYTHONPATH": str(SCRIPT.parents[1])}  # as the session has it
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("client", ["fast", "async", "sync"])
def test_a_row_is_what_came_of_a_case(client):
    """It takes the second of the outage, and that of starting twice."""
    done = run("--only", "^outage 1 s: restart, reset$", "--client", client)
    assert done.returncode == 0, done.stderr
    head, _, row = done.stdout.splitlines()
    assert head.startswith("| case | ids lost | requests an id |")
    name, lost, requests, wall_s, ideal_s, ratio = row.strip("| ").split(" | ")
    assert (name, lost) == ("outage 1 s: restart, reset", "0 of 500")
    assert float(requests.strip("!")) >= 1
    assert float(wall_s) >= 1.3
    assert float(wall_s) / float(ideal_s) == pytest.approx(float(ratio.strip("!")), rel=0.05)


def test_what_cannot_be_measured_is_refused():
    """In a line that names the cases that there are."""
    done = run("--only", "no such case")
    assert done.returncode == 1
    assert done.stderr.startswith("error: no case matches 'no such case'; there are: outage 1 s")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", [name for name in LIMITED if "random" not in name])
def test_the_ideal_is_what_the_limit_allows(name):
    """Who asks exactly when a request is welcome needs that time."""
    case = LIMITED[name]
    limit = case.limit()
    start = now = 50.0
    for _ in range(case.ids):
        while wait_s := limit.wait_s(now):
            now += max(wait_s, 1e-9)  # less may not move the clock
    assert now - start == pytest.approx(case.ideal_s, rel=0.02, abs=0.1)
