"""`modelgates fetch`: which ids are found and stored, what is printed, and how it is stopped."""

import gzip
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import threading
from collections import Counter
from subprocess import PIPE

import pytest

from modelgates_client.ledger import Ledger, LedgerCounts
from modelgates_client.ledger.capture_file import CaptureFile

from ..client.servers import refusing_port
from ..fast_server import Answer, Gateway, error, record
from .command_runs import KEY, Command as Plain, Screen

#: The command with a long patience: on a busy machine, a server may be stopped for seconds.
PATIENT = """
import sys
from modelgates_client.bulk import in_flight, gate
from modelgates_client.cli import main
in_flight.MIN_PATIENCE_S = gate.MIN_PATIENCE_S = 120.0
sys.exit(main())
"""

#: The same; leases that it cannot release end after a microsecond instead of 30 s.
SHORT_LEASES = f"from modelgates_client.ledger import id_queue; id_queue._LEASE = 1\n{PATIENT}"


class Command(Plain):
    """Runs the command with a long patience."""

    program = PATIENT


IDS = [f"gen-{number}" for number in range(200)]
NOT_AGAIN = "x-should-retry: false"  # the error is not retried, as if retries were exhausted


@pytest.fixture
def gateway():
    """A server that has a record of every id."""
    with Gateway() as gateway:
        yield gateway


@pytest.fixture
def ledger(tmp_path):
    """The path of the ledger."""
    return str(tmp_path / "ledger.db")


@pytest.fixture
def fetch(gateway, ledger):
    """Return a function that runs the command on the ledger."""

    def fetch(*arguments, **options):
        return Command(gateway.base_url)("fetch", *arguments, "--ledger", ledger, **options)

    return fetch


def counts(path):
    """Return the counts of a ledger."""
    with Ledger(path, read_only=True) as ledger:
        return ledger.counts()


def lines(ids):
    """Return ids as lines."""
    return "".join(f"{each}\n" for each in ids)


def test_ids_of_files_and_stdin_are_fetched(fetch, gateway, ledger, tmp_path):
    """Lists, JSON Lines, gzip'd logs and a JSON document, all into one ledger."""
    (tmp_path / "ids.txt").write_text("# mine\n\ngen-1\ngen-2\n")
    (tmp_path / "all.json").write_text(json.dumps([{"id": "gen-3"}, {"id": "gen-1"}], indent=2))
    (tmp_path / "app.log.gz").write_bytes(gzip.compress(b"12:00 done id=gen-4 cost=3\n"))
    files = [tmp_path / name for name in ("ids.txt", "all.json", "app.log.gz")]

    result = fetch(*files, "-", stdin='{"id": "gen-5"}\n')

    assert gateway.requests == Counter(f"gen-{number}" for number in range(1, 6))
    assert counts(ledger) == LedgerCounts(5, 0, 0, 0)
    summary = json.loads(result.stdout)
    assert summary.pop("elapsed_s") > 0
    assert summary == {
        "ids": 5, "final": 5, "provisional": 0, "pending": 0, "failed": 0, "forgotten": 0,
        "never_final": 0, "requests": 5,
    }  # fmt: skip
    assert result.stderr.startswith("5 ids: 5 resolved, 0 pending, 0 failed; 5 requests in ")
    assert result.returncode == 0


def test_captured_ids_are_fetched_into_a_new_ledger(fetch, gateway, ledger):
    """Without files: an application has captured ids for a ledger that does not exist yet."""
    CaptureFile(ledger).append("gen-1", {"feature": "search"})
    result = fetch()
    assert (result.returncode, gateway.requests) == (0, Counter(["gen-1"]))
    assert counts(ledger) == LedgerCounts(1, 0, 0, 0)


def test_quiet_prints_nothing_but_the_result(fetch):
    """The result is on stdout."""
    result = fetch("-", "--quiet", stdin="gen-1\n")

    assert (result.stderr, result.returncode) == ("", 0)
    assert json.loads(result.stdout)["final"] == 1


def test_without_files_the_pending_ids_are_fetched(fetch, gateway, ledger):
    """Ids that have a record are not requested."""
    with Ledger(ledger) as opened:
        opened.enqueue(IDS)
    assert fetch().returncode == 0
    assert fetch().returncode == 0

    assert gateway.requests == Counter(IDS)


def test_records_are_fetched_while_ids_are_still_being_written(ledger):
    """From a pipe, the first id is requested before the second one is written."""
    is_requested = threading.Event()

    def respond(generation_id, _):
        is_requested.set()
        return record(generation_id)

    with Gateway(respond) as gateway:
        command = Command(gateway.base_url)
        pipe = subprocess.PIPE
        with command.started("fetch", "-", "--ledger", ledger, stdin=pipe, stdout=pipe) as running:
            running.stdin.write(b"gen-1\n")
            running.stdin.flush()
            assert is_requested.wait(50)
            printed, _ = running.communicate(b"gen-2\n", timeout=50)

    assert json.loads(printed)["final"] == 2


def respond_by_id(generation_id, _):
    """Respond with the status that is part of the id."""
    statuses = {"late": 404, "refused": 403, "down": 500, "key": 401}
    statuses_in_id = [status for name, status in statuses.items() if name in generation_id]
    if statuses_in_id:
        return error(*statuses_in_id, NOT_AGAIN, message="no \x1b[2J\x1b]0;title\x07 [red]")
    if "provisional" in generation_id:
        data = {"id": generation_id, "finish_reason": None}
        return Answer(200, json.dumps({"data": data}).encode())
    return record(generation_id)


@pytest.mark.parametrize(
    ("ids", "status", "state"),
    [
        (["gen-1"], 0, (1, 0, 0, 0)),
        (["gen-1", "gen-late"], 3, (1, 0, 1, 0)),
        (["gen-1", "gen-provisional"], 3, (1, 1, 0, 0)),
        (["gen-late", "gen-refused", "gen-1"], 4, (1, 0, 1, 1)),
        (["gen-down", "gen-late"], 6, (0, 0, 2, 0)),
        (["gen-key"], 4, (0, 0, 1, 0)),
    ],
)
def test_the_exit_status_is_the_highest(ledger, ids, status, state):
    """Of all failures, as for `get`; pending ids have status 3."""
    with Gateway(respond_by_id) as gateway:
        result = Command(gateway.base_url)(
            "fetch", "-", "--ledger", ledger, "--wait", "0", stdin=lines(ids)
        )

    assert result.returncode == status, result.stderr
    assert counts(ledger) == LedgerCounts(*state)
    assert not set(result.stderr) & {"\x1b", "\x07"}


def test_ids_beyond_the_age_limit_are_given_up(ledger):
    """The exit status and a line say so; with `never`, none is given up."""
    with Gateway(respond_by_id) as gateway:
        fetch = Command(gateway.base_url)
        base_arguments = ("fetch", "--ledger", ledger, "--wait", "0")
        never = fetch(
            *base_arguments, "-", "--give-up-after", "never", stdin="gen-1000000000-late\n"
        )
        result = fetch(*base_arguments)

    assert [never.returncode, result.returncode] == [3, 3]
    assert "given up" not in never.stderr
    assert "1 id given up: older than 7d, and without a record" in result.stderr
    assert counts(ledger) == LedgerCounts(0, 0, 0, 0, forgotten=1)


def test_an_old_record_that_is_not_final_ends(ledger):
    """It is a success, and is not requested again; each command names it apart."""
    generation_id = "gen-1000000000-provisional"
    with Gateway(respond_by_id) as gateway:
        fetch = Command(gateway.base_url)
        base_arguments = ("fetch", "--ledger", ledger, "--wait", "0")
        first = fetch(*base_arguments, "-", stdin=f"{generation_id}\n")
        again = fetch(*base_arguments)
        requests = gateway.requests
        listed = fetch("list", ledger, "--never-final", "--format", "table")
        shown = fetch("show", ledger, generation_id)
        by_default = fetch("list", ledger)
        undone = fetch("forget", ledger, generation_id, "--undo")

    assert [first.returncode, again.returncode, requests.total()] == [0, 0, 1]
    assert first.stderr.startswith("1 id: 1 resolved (1 never final), 0 pending, 0 failed; 1 req")
    assert (
        "1 record not final after 7d: counted as stated and no longer requested; see `modelgates "
        "list --never-final`\n"
    ) in first.stderr
    assert json.loads(again.stdout)["never_final"] == 1
    state = "never-final: the record did not become final, and is no longer requested"
    assert f"{generation_id}  {state}; tried " in listed.stdout
    assert ", 1 request, given up 20" in listed.stdout
    assert json.loads(shown.stdout)["waiting"]["state"] == "never-final"
    assert "never-final" not in by_default.stdout
    assert json.loads(undone.stdout)["counts"]["provisional"] == 1


def test_provisional_records_are_a_success_with_no_final(ledger):
    """They are stored."""
    with Gateway(respond_by_id) as gateway:
        result = Command(gateway.base_url)(
            "fetch", "-", "--ledger", ledger, "--no-final", stdin="gen-provisional-1\n"
        )

    assert result.returncode == 0
    assert counts(ledger) == LedgerCounts(0, 1, 0, 0)


def test_failed_ids_are_requested_again_only_with_retry_failed(fetch, ledger):
    """Until then the exit status is that of a failure."""
    with Gateway(respond_by_id) as gateway:
        arguments = ("fetch", "-", "--ledger", ledger)
        Command(gateway.base_url)(*arguments, stdin="gen-refused-1\n")

    assert fetch().returncode == 1
    assert fetch("--retry-failed").returncode == 0


def test_a_rejected_key_stops_the_fetch(ledger):
    """With one line and status 4; all ids stay pending."""
    with Gateway(lambda *_: error(401)) as gateway:
        result = Command(gateway.base_url)("fetch", "-", "--ledger", ledger, stdin=lines(IDS))

    assert result.returncode == 4
    assert result.stderr.splitlines()[0].startswith(
        "error: HTTP 401: no (the API key was rejected); "
    )
    assert counts(ledger) == LedgerCounts(0, 0, 200, 0)
    assert gateway.requests.total() < 200


def test_an_outage_stops_the_fetch(ledger):
    """The exit status is that of the last failure."""
    with Gateway(lambda *_: error(500, NOT_AGAIN)) as gateway:
        arguments = ("fetch", "-", "--ledger", ledger, "--wait", "0")
        result = Command(gateway.base_url)(*arguments, stdin=lines(IDS))

    assert result.returncode == 6
    assert re.search("error: [0-9]+ ids in a row failed; .*continue with", result.stderr)
    assert counts(ledger) == LedgerCounts(0, 0, 200, 0)


@pytest.mark.parametrize("ids", [IDS[:1], IDS])
def test_an_unreachable_server_stops_the_fetch(ledger, ids):
    """It is reported within a second, and the ids stay queued, however many they are."""
    unreachable_url = f"http://127.0.0.1:{refusing_port()}/api/v1"
    for timeout in ("1.2", "10"):  # a longer one if a busy machine needs it
        arguments = ("fetch", "-", "--ledger", ledger, "--outage-timeout", timeout)
        result = Command(unreachable_url)(*arguments, stdin=lines(ids))
        messages = result.stderr.splitlines()
        assert result.returncode == 7
        if messages[0].startswith("warning"):
            break

    assert messages[0].startswith("warning: outage: no id gets a response; attempt ")
    assert re.match(
        r"outage since [0-9:]{8}, [0-9]+ ids? waiting, probing: the next try in", messages[1]
    )
    last = f"error: no response for {timeout} s; the last error: no connection: .*; continue with: "
    assert any(re.match(last, line) for line in messages)
    assert counts(ledger) == LedgerCounts(0, 0, len(ids), 0)


def test_ids_that_contain_the_key_are_never_sent(fetch, gateway, ledger):
    """They are refused, and neither printed nor stored; the others are fetched."""
    result = fetch("-", stdin=f'gen-1\ngen-{KEY}\n{{"id": "gen-2", "key": "{KEY}"}}\n')

    assert gateway.requests == Counter(["gen-1", "gen-2"])
    assert result.returncode == 2
    assert result.stderr.splitlines()[0] == (
        "error: -:2: an id contains an API key, which was not sent"
    )
    assert counts(ledger) == LedgerCounts(2, 0, 0, 0)


def test_two_commands_share_the_work(tmp_path, ledger):
    """Each id is requested once, by either of them."""
    with Gateway(delay_s=0.01) as gateway:
        command, pipe = Command(gateway.base_url), subprocess.PIPE
        with Ledger(ledger) as opened:
            opened.enqueue(IDS)
        arguments = ("fetch", "--ledger", ledger, "--concurrency", "2")
        with (
            command.started(*arguments, stdout=pipe) as first,
            command.started(*arguments, stdout=pipe) as second,
        ):
            summaries = [json.loads(each.stdout.read()) for each in (first, second)]

    assert gateway.requests == Counter(IDS)
    assert [each["final"] for each in summaries] == [200, 200]
    assert sum(each["requests"] for each in summaries) == 200


@pytest.mark.parametrize("trouble", ["folder", "text", "nowhere"])
def test_an_unusable_ledger_is_reported_in_one_line(gateway, tmp_path, trouble):
    """Nothing is sent."""
    path = {"folder": tmp_path, "text": tmp_path / "text", "nowhere": tmp_path / "no" / "l.db"}
    (tmp_path / "text").write_text("no ledger " * 100)
    result = Command(gateway.base_url)("fetch", "-", "--ledger", path[trouble], stdin="gen-1\n")

    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("error: the ledger ")
    assert result.returncode == 1
    assert not gateway.requests


@pytest.mark.skipif(not shutil.which("prlimit"), reason="needs prlimit of Linux")
def test_a_full_disk_loses_no_stored_record(gateway, ledger):
    """It is reported in one line, and the next run continues."""
    command = Command(gateway.base_url)
    command.program = SHORT_LEASES
    line = ["prlimit", "--fsize=400000", *command.command_line("fetch", "-", "--ledger", ledger)]
    # Without coverage: its own file is larger than that.
    env = {name: value for name, value in command.env.items() if not name.startswith("COVERAGE_")}
    result = subprocess.run(
        line, env=env, input=lines(IDS).encode(), capture_output=True, timeout=60
    )

    messages = result.stderr.decode().splitlines()
    assert result.returncode == 1
    assert messages[0].startswith("error: the ledger ")
    assert "disk" in messages[0]
    assert not [line for line in messages if "Traceback" in line]
    stored = counts(ledger).final
    assert stored < 200
    assert Command(gateway.base_url)("fetch", "--ledger", ledger).returncode == 0
    assert counts(ledger).final == 200


def test_invalid_usage_is_refused_before_any_request(gateway, ledger, tmp_path):
    """With one line and status 2; no ledger is created."""
    command = Command(gateway.base_url)
    for arguments, message in [
        ((), "error: nothing to fetch: "),
        ((tmp_path / "no.txt",), "error: the file "),
        (("-", "-"), "error: stdin (-) can be read only once"),
        (("-", "--key-stdin"), "error: --key-stdin: stdin cannot"),
    ]:
        result = command("fetch", *arguments, "--ledger", ledger)
        assert (result.returncode, len(result.stderr.splitlines())) == (2, 1)
        assert result.stderr.startswith(message)
    assert not os.path.exists(ledger)  # noqa: PTH110


def test_a_ledger_given_as_a_list_of_ids_is_refused(fetch, ledger):
    """It is a mistake to pass it as FILE."""
    fetch("-", stdin="gen-1\n")
    result = fetch(ledger)

    assert result.returncode == 2
    assert "is a ledger" in result.stderr


@pytest.mark.skipif(os.name != "posix", reason="needs a terminal")
def test_a_terminal_gets_a_progress_bar(gateway, ledger):
    """With rate and states; the result is a line, not JSON."""
    screen = Screen(
        Command(gateway.base_url), "fetch", "-", "--ledger", ledger, stdin=lines(IDS).encode()
    )

    assert screen.status == 0
    assert "━" in screen.text
    assert "200 ids: 200 resolved, 0 pending, 0 failed" in screen.text
    assert '"final"' not in screen.text


def test_check_reads_the_bodies_of_a_ledger(fetch, gateway, ledger):
    """Whatever the file is called; each body is a separate location."""
    fetch("-", stdin=lines(IDS[:5]))
    # The records may lack what the vendored spec requires: that is drift.
    result = Command(gateway.base_url)("check", ledger, "--fail-on", "never")

    assert json.loads(result.stdout)["bodies"] == 5
    assert result.returncode == 0


def test_check_reports_damage_of_a_ledger(fetch, gateway, ledger):
    """In one line, after the bodies that can be read."""
    fetch("-", stdin="gen-1\n")
    with open(ledger, "r+b") as file:  # noqa: PTH123
        file.truncate(4096)
    result = Command(gateway.base_url)("check", ledger)

    assert result.stderr.startswith("error: the ledger ")
    assert "Traceback" not in result.stderr
    assert result.returncode == 1


class SmallBatchCommand(Command):
    """Runs the command, which queues a tenth of the usual number of ids in a transaction."""

    program = f"""
from modelgates_client.ledger import id_source, ledger
id_source._MAX_READ_AHEAD = ledger._ENQUEUE_BATCH = 1_000
{PATIENT}"""


@pytest.mark.parametrize("stop", ["key", "interrupt"])
def test_the_command_in_the_advice_fetches_every_id(ledger, tmp_path, stop):
    """Ids that were not queued at the stop are requested, too."""
    ids = [f"gen-{number}" for number in range(1_100)]
    (tmp_path / "the ids.txt").write_text(lines(ids))
    arguments = ("fetch", str(tmp_path / "the ids.txt"), "--ledger", ledger)
    is_requested = threading.Event()

    def respond(generation_id, _):
        is_requested.set()
        return error(401) if stop == "key" else Answer(*record(generation_id)[:3], 60)

    with (
        Gateway(respond) as gateway,
        SmallBatchCommand(gateway.base_url).started(
            *arguments, stdout=PIPE, stderr=PIPE
        ) as running,
    ):
        assert is_requested.wait(50)
        if stop == "interrupt":
            running.send_signal(signal.SIGINT)
        _, stderr = running.communicate(timeout=50)

    advice = shlex.split(re.search("continue with: modelgates (.*)", stderr.decode())[1])
    with Gateway() as gateway:
        assert SmallBatchCommand(gateway.base_url)(*advice).returncode == 0
    assert counts(ledger) == LedgerCounts(len(ids), 0, 0, 0)


def test_a_wrong_base_url_stops_the_fetch_at_once(ledger):
    """No id is stored as failed; the message suggests checking `base_url`, without the page."""
    page = Answer(404, b"<!doctype html><title>Not here</title><h1>404</h1>")
    with Gateway(lambda *_: page) as gateway:
        result = Command(gateway.base_url)("fetch", "-", "--ledger", ledger, stdin=lines(IDS))

    assert result.returncode == 2
    assert "is base_url right?" in result.stderr
    assert "<" not in result.stderr
    assert counts(ledger) == LedgerCounts(0, 0, 200, 0)
