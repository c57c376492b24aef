"""`modelgates fetch`: which ids are found, what is stored, what is said, and how it is stopped."""

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
from .commands import KEY, Screen
from .commands import Command as Plain

#: The command, that takes no silence for a hang: a busy machine may not run a server for seconds.
PATIENT = """
import sys
from modelgates_client.bulk import in_flight, gate
from modelgates_client.cli import main
in_flight.MIN_PATIENCE_S = gate.MIN_PATIENCE_S = 120.0
sys.exit(main())
"""


class Command(Plain):
    """Runs the command, which is patient."""

    program = PATIENT


IDS = [f"gen-{number}" for number in range(200)]
NOT_AGAIN = "x-should-retry: false"  # an error as at the end of all retries, without the wait


@pytest.fixture
def gateway():
    """A server that knows every id."""
    with Gateway() as gateway:
        yield gateway


@pytest.fixture
def ledger(tmp_path):
    """Where the ledger is to be."""
    return str(tmp_path / "ledger.db")


@pytest.fixture
def fetch(gateway, ledger):
    """Run the command on the ledger."""

    def fetch(*arguments, **options):
        return Command(gateway.base_url)("fetch", *arguments, "--ledger", ledger, **options)

    return fetch


def counts(path):
    """Return what a ledger says."""
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

    done = fetch(*files, "-", stdin='{"id": "gen-5"}\n')

    assert gateway.requests == Counter(f"gen-{number}" for number in range(1, 6))
    assert counts(ledger) == LedgerCounts(5, 0, 0, 0)
    said = json.loads(done.stdout)
    assert said.pop("elapsed_s") > 0
    assert said == {
        "ids": 5, "final": 5, "provisional": 0, "pending": 0, "failed": 0, "forgotten": 0,
        "requests": 5,
    }  # fmt: skip
    assert done.stderr.startswith("5 ids: 5 resolved, 0 pending, 0 failed; 5 requests in ")
    assert done.returncode == 0


def test_what_was_captured_is_fetched_and_the_ledger_made(fetch, gateway, ledger):
    """Without files: an application has captured ids for a ledger that is not there yet."""
    CaptureFile(ledger).append("gen-1", {"feature": "search"})
    done = fetch()
    assert (done.returncode, gateway.requests) == (0, Counter(["gen-1"]))
    assert counts(ledger) == LedgerCounts(1, 0, 0, 0)


def test_quiet_it_says_nothing(fetch):
    """But what was asked for, on stdout."""
    done = fetch("-", "--quiet", stdin="gen-1\n")

    assert (done.stderr, done.returncode) == ("", 0)
    assert json.loads(done.stdout)["final"] == 1


def test_without_files_it_goes_on(fetch, gateway, ledger):
    """What the ledger lacks is fetched, what it has is not."""
    with Ledger(ledger) as made:
        made.enqueue(IDS)
    assert fetch().returncode == 0
    assert fetch().returncode == 0

    assert gateway.requests == Counter(IDS)


def test_records_are_fetched_while_ids_are_still_being_written(ledger):
    """A live pipe: the first id is asked for before the second one is written."""
    asked = threading.Event()

    def answer(generation_id, _):
        asked.set()
        return record(generation_id)

    with Gateway(answer) as gateway:
        command = Command(gateway.base_url)
        pipe = subprocess.PIPE
        with command.started("fetch", "-", "--ledger", ledger, stdin=pipe, stdout=pipe) as running:
            running.stdin.write(b"gen-1\n")
            running.stdin.flush()
            assert asked.wait(50)
            said, _ = running.communicate(b"gen-2\n", timeout=50)

    assert json.loads(said)["final"] == 2


def answer_by_name(generation_id, _):
    """Answer by what an id is called."""
    statuses = {"late": 404, "refused": 403, "down": 500, "key": 401}
    found = [status for name, status in statuses.items() if name in generation_id]
    if found:
        return error(*found, NOT_AGAIN, message="no \x1b[2J\x1b]0;title\x07 [red]")
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
    """Of all that failed, as for `get`; what is left pending is 3."""
    with Gateway(answer_by_name) as gateway:
        done = Command(gateway.base_url)(
            "fetch", "-", "--ledger", ledger, "--wait", "0", stdin=lines(ids)
        )

    assert done.returncode == status, done.stderr
    assert counts(ledger) == LedgerCounts(*state)
    assert not set(done.stderr) & {"\x1b", "\x07"}


def test_ids_are_given_up_by_their_age(ledger):
    """It is told, by the status of that run, too; and not where none is to be given up."""
    with Gateway(answer_by_name) as gateway:
        fetch = Command(gateway.base_url)
        given = ("fetch", "--ledger", ledger, "--wait", "0")
        never = fetch(*given, "-", "--give-up-after", "never", stdin="gen-1000000000-late\n")
        done = fetch(*given)

    assert [never.returncode, done.returncode] == [3, 3]
    assert "given up" not in never.stderr
    assert "1 id given up: older than 7d, and without a record" in done.stderr
    assert counts(ledger) == LedgerCounts(0, 0, 0, 0, forgotten=1)


def test_provisional_records_will_do_with_no_final(ledger):
    """They are stored, and it is a success."""
    with Gateway(answer_by_name) as gateway:
        done = Command(gateway.base_url)(
            "fetch", "-", "--ledger", ledger, "--no-final", stdin="gen-provisional-1\n"
        )

    assert done.returncode == 0
    assert counts(ledger) == LedgerCounts(0, 1, 0, 0)


def test_failed_ids_rest_until_they_are_to_be_tried_again(fetch, ledger):
    """They keep the command from success; --retry-failed asks for them."""
    with Gateway(answer_by_name) as gateway:
        arguments = ("fetch", "-", "--ledger", ledger)
        Command(gateway.base_url)(*arguments, stdin="gen-refused-1\n")

    assert fetch().returncode == 1
    assert fetch("--retry-failed").returncode == 0


def test_a_key_that_is_not_taken_stops_it(ledger):
    """One line, 4, and everything stays pending."""
    with Gateway(lambda *_: error(401)) as gateway:
        done = Command(gateway.base_url)("fetch", "-", "--ledger", ledger, stdin=lines(IDS))

    assert done.returncode == 4
    assert done.stderr.splitlines()[0].startswith(
        "error: HTTP 401: no (the API key was rejected); "
    )
    assert counts(ledger) == LedgerCounts(0, 0, 200, 0)
    assert gateway.requests.total() < 200


def test_an_outage_stops_it(ledger):
    """The status is that of what failed last."""
    with Gateway(lambda *_: error(500, NOT_AGAIN)) as gateway:
        arguments = ("fetch", "-", "--ledger", ledger, "--wait", "0")
        done = Command(gateway.base_url)(*arguments, stdin=lines(IDS))

    assert done.returncode == 6
    assert re.search("error: [0-9]+ ids in a row failed; .*continue with", done.stderr)
    assert counts(ledger) == LedgerCounts(0, 0, 200, 0)


@pytest.mark.parametrize("ids", [IDS[:1], IDS])
def test_a_server_that_is_not_there_is_no_connection(ledger, ids):
    """It is shown within a second, and the ids stay queued: few and many alike."""
    nobody = f"http://127.0.0.1:{refusing_port()}/api/v1"
    for timeout in ("1.2", "10"):  # what is too short on a busy machine is tried with more
        arguments = ("fetch", "-", "--ledger", ledger, "--outage-timeout", timeout)
        done = Command(nobody)(*arguments, stdin=lines(ids))
        said = done.stderr.splitlines()
        assert done.returncode == 7
        if said[0].startswith("warning"):
            break

    assert said[0].startswith("warning: outage: no id gets a response; attempt ")
    assert re.match(
        r"outage since [0-9:]{8}, [0-9]+ ids waiting, probing: the next try in", said[1]
    )
    last = f"error: no response for {timeout} s; the last error: no connection: .*; continue with: "
    assert any(re.match(last, line) for line in said)
    assert counts(ledger) == LedgerCounts(0, 0, len(ids), 0)


def test_ids_that_hold_the_key_are_never_sent(fetch, gateway, ledger):
    """They are refused, not shown, not stored; the others are fetched."""
    done = fetch("-", stdin=f'gen-1\ngen-{KEY}\n{{"id": "gen-2", "key": "{KEY}"}}\n')

    assert gateway.requests == Counter(["gen-1", "gen-2"])
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == (
        "error: -:2: an id contains an API key, which was not sent"
    )
    assert counts(ledger) == LedgerCounts(2, 0, 0, 0)


def test_two_commands_share_the_work(tmp_path, ledger):
    """Each id is asked for once, by whichever of them."""
    with Gateway(delay_s=0.01) as gateway:
        command, pipe = Command(gateway.base_url), subprocess.PIPE
        with Ledger(ledger) as made:
            made.enqueue(IDS)
        arguments = ("fetch", "--ledger", ledger, "--concurrency", "2")
        with (
            command.started(*arguments, stdout=pipe) as first,
            command.started(*arguments, stdout=pipe) as second,
        ):
            told = [json.loads(each.stdout.read()) for each in (first, second)]

    assert gateway.requests == Counter(IDS)
    assert [each["final"] for each in told] == [200, 200]
    assert sum(each["requests"] for each in told) == 200


@pytest.mark.parametrize("trouble", ["folder", "text", "nowhere"])
def test_a_ledger_that_cannot_be_used_is_one_line(gateway, tmp_path, trouble):
    """And nothing is sent."""
    path = {"folder": tmp_path, "text": tmp_path / "text", "nowhere": tmp_path / "no" / "l.db"}
    (tmp_path / "text").write_text("no ledger " * 100)
    done = Command(gateway.base_url)("fetch", "-", "--ledger", path[trouble], stdin="gen-1\n")

    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("error: the ledger ")
    assert done.returncode == 1
    assert not gateway.requests


@pytest.mark.skipif(not shutil.which("prlimit"), reason="limits the size of files, on Linux")
def test_a_full_disk_is_one_line_and_loses_nothing(gateway, ledger):
    """What was stored stays; the next run goes on."""
    command = Command(gateway.base_url)
    line = ["prlimit", "--fsize=400000", *command.line("fetch", "-", "--ledger", ledger)]
    done = subprocess.run(
        line, env=command.env, input=lines(IDS).encode(), capture_output=True, timeout=60
    )

    said = done.stderr.decode().splitlines()
    assert done.returncode == 1
    assert said[0].startswith("error: the ledger ")
    assert "disk" in said[0]
    assert not [line for line in said if "Traceback" in line]
    stored = counts(ledger).final
    assert stored < 200
    assert command("fetch", "--ledger", ledger).returncode == 0
    assert counts(ledger).final == 200


def test_what_cannot_be_done_is_refused_before_the_work(gateway, ledger, tmp_path):
    """One line, 2; no ledger is made."""
    command = Command(gateway.base_url)
    for arguments, said in [
        ((), "error: nothing to fetch: "),
        ((tmp_path / "no.txt",), "error: the file "),
        (("-", "-"), "error: stdin (-) can be read only once"),
        (("-", "--key-stdin"), "error: --key-stdin: stdin cannot"),
    ]:
        done = command("fetch", *arguments, "--ledger", ledger)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert done.stderr.startswith(said)
    assert not os.path.exists(ledger)  # noqa: PTH110


def test_a_ledger_is_no_list_of_ids(fetch, ledger):
    """To give it as FILE is a slip."""
    fetch("-", stdin="gen-1\n")
    done = fetch(ledger)

    assert done.returncode == 2
    assert "is a ledger" in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="needs a terminal")
def test_on_a_terminal_there_is_a_bar(gateway, ledger):
    """With rate and states; the end is a line, and no JSON."""
    screen = Screen(
        Command(gateway.base_url), "fetch", "-", "--ledger", ledger, stdin=lines(IDS).encode()
    )

    assert screen.status == 0
    assert "━" in screen.text
    assert "200 ids: 200 resolved, 0 pending, 0 failed" in screen.text
    assert '"final"' not in screen.text


def test_check_reads_the_bodies_of_a_ledger(fetch, gateway, ledger):
    """Whatever it is called; each body is a place of its own."""
    fetch("-", stdin=lines(IDS[:5]))
    done = Command(gateway.base_url)("check", ledger)

    assert json.loads(done.stdout)["bodies"] == 5
    assert done.returncode == 0


def test_check_says_what_is_wrong_with_a_ledger(fetch, gateway, ledger):
    """In one line, after what could be read."""
    fetch("-", stdin="gen-1\n")
    with open(ledger, "r+b") as file:  # noqa: PTH123
        file.truncate(4096)
    done = Command(gateway.base_url)("check", ledger)

    assert done.stderr.startswith("error: the ledger ")
    assert "Traceback" not in done.stderr
    assert done.returncode == 1


class SmallCommand(Command):
    """Runs the command, which queues a tenth of what it does in one transaction."""

    program = f"""
from modelgates_client.ledger import id_source, ledger
id_source._MAX = ledger._QUEUED = 1_000
{PATIENT}"""


@pytest.mark.parametrize("stop", ["key", "interrupt"])
def test_the_advice_after_a_stop_loses_nothing(ledger, tmp_path, stop):
    """It is executed: what was not queued yet is asked for, too."""
    ids = [f"gen-{number}" for number in range(1_100)]
    (tmp_path / "the ids.txt").write_text(lines(ids))
    arguments = ("fetch", str(tmp_path / "the ids.txt"), "--ledger", ledger)
    asked = threading.Event()

    def answer(generation_id, _):
        asked.set()
        return error(401) if stop == "key" else Answer(*record(generation_id)[:3], 60)

    with (
        Gateway(answer) as gateway,
        SmallCommand(gateway.base_url).started(*arguments, stdout=PIPE, stderr=PIPE) as running,
    ):
        assert asked.wait(50)
        if stop == "interrupt":
            running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=50)

    advice = shlex.split(re.search("continue with: modelgates (.*)", said.decode())[1])
    with Gateway() as gateway:
        assert SmallCommand(gateway.base_url)(*advice).returncode == 0
    assert counts(ledger) == LedgerCounts(len(ids), 0, 0, 0)


def test_a_wrong_address_stops_it_at_once(ledger):
    """No id is filed for it, and it asks whether `base_url` is right, without the page."""
    page = Answer(404, b"<!doctype html><title>Not here</title><h1>404</h1>")
    with Gateway(lambda *_: page) as gateway:
        done = Command(gateway.base_url)("fetch", "-", "--ledger", ledger, stdin=lines(IDS))

    assert done.returncode == 2
    assert "is base_url right?" in done.stderr
    assert "<" not in done.stderr
    assert counts(ledger) == LedgerCounts(0, 0, 200, 0)
