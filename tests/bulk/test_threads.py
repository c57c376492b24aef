"""The thread of a blocking `get_many`: it ends with the program, and says why there is none."""

import importlib.util
import os
import subprocess
import sys
import textwrap
import threading

import pytest

from modelgates_client import ConfigurationError, ModelGates
from modelgates_client.bulk import sync_iteration, threads

from ..fast_server import KEY, Gateway, record

GUARD_S = 60  # far more than anything here takes

HALF_READ = """
    import itertools, sys
    from modelgates_client import ModelGates

    client = ModelGates()
    def begin():
        stream = client.generations.get_many(map("gen-{}".format, itertools.count()))
        next(stream)
        return stream
"""


@pytest.fixture
def gateway():
    with Gateway() as gateway:
        yield gateway


def run(gateway, program, *options):
    """Run a program to its end; return its status and what it said."""
    environment = {
        **os.environ,
        "MODELGATES_API_KEY": KEY,
        "MODELGATES_BASE_URL": gateway.base_url,
    }
    done = subprocess.run(
        [sys.executable, *options, "-c", textwrap.dedent(program)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=GUARD_S,
    )
    return done.returncode, done.stdout, done.stderr


# --- the end of the program


@pytest.mark.parametrize(
    ("attempt_result", "status", "said"),
    [
        ("stream = begin()", 0, ""),
        ("stream = begin(); sys.exit(3)", 3, ""),
        ("stream = begin(); raise ValueError(7)", 1, "ValueError: 7"),
        ("def frame():\n        stream = begin()\n        sys.exit(3)\n    frame()", 3, ""),
        ("cycle = [begin()]; cycle.append(cycle); del cycle", 0, ""),
        ("sys.keeps = begin()", 0, ""),
    ],
)
def test_a_program_ends_with_a_half_read_stream(gateway, attempt_result, status, said):
    """At once, with its own status, whoever holds the generator."""
    code, _, err = run(gateway, f"{HALF_READ}\n    {attempt_result}", "-W", "error")
    assert (code, err.strip().rpartition("\n")[2]) == (status, said)


def test_at_exit_the_stream_is_over(gateway):
    """Who goes on with it then is told so."""
    program = f"""{HALF_READ}
    import atexit
    from modelgates_client import ConfigurationError

    def late():
        try:
            for _ in stream:
                pass
        except ConfigurationError as error:
            print(error)

    atexit.register(late)
    stream = begin()
    """
    code, out, err = run(gateway, program)
    assert (code, out, err) == (0, "get_many was ended because the program is exiting\n", "")


def test_after_the_end_of_the_program_it_is_refused(gateway):
    """As by a `__del__` that is called then: nothing can be imported any more."""
    program = """
    import asyncio
    from modelgates_client import AsyncModelGates, ConfigurationError, ModelGates

    class Last:
        client, awaited, loop = ModelGates(), AsyncModelGates(), asyncio.new_event_loop()
        Error = ConfigurationError

        async def first(self):
            return await anext(self.awaited.generations.get_many(["gen-1"]))

        def __del__(self):
            for ask in (
                lambda: list(self.client.generations.get_many(["gen-1"])),
                lambda: list(self.client.send_many([])),
                lambda: self.loop.run_until_complete(self.first()),
            ):
                try:
                    print(ask())
                except self.Error as error:
                    print(error)
            print(self.client.generations.get("gen-1").id)
            self.loop.close()

    last = Last()
    """
    code, out, err = run(gateway, program)
    refused = "no bulk run can be started: the program is exiting\n"
    assert (code, out, err) == (0, f"{refused * 3}gen-1\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_a_fork_cannot_go_on_with_it(gateway):
    """Its thread stayed behind."""
    program = f"""{HALF_READ}
    import os, warnings
    from modelgates_client import ConfigurationError

    warnings.simplefilter("ignore")
    stream = begin()
    if not os.fork():
        try:
            for _ in range(1000):
                next(stream)
        except ConfigurationError as error:
            print(error, flush=True)
        stream.close()
        os._exit(0)
    os.wait()
    next(stream)
    """
    code, out, err = run(gateway, program)
    assert (code, err) == (0, "")
    assert (
        out == "get_many was started before a fork; start it in the process that iterates over it\n"
    )


# --- no thread


def assert_refused(gateway, match):
    """See that a `get_many` is refused at once."""
    with (
        ModelGates(api_key=KEY, base_url=gateway.base_url) as client,
        pytest.raises(ConfigurationError, match=match),
    ):
        [*client.generations.get_many(["gen-1"])]


def test_where_no_thread_can_be_started_it_is_refused(gateway, monkeypatch):
    """A limit, or a subinterpreter without daemon threads."""

    def start(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    assert_refused(
        gateway, "get_many cannot start the thread .*: can't start new thread; .*AsyncModelGates"
    )


def test_where_no_event_loop_can_be_made_it_is_refused(gateway, monkeypatch):
    """As where no file descriptor is left."""

    def new_event_loop():
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(sync_iteration.asyncio, "new_event_loop", new_event_loop)
    assert_refused(gateway, "cannot start the thread .*Too many open files")


def test_where_no_socket_is_left_it_is_refused(gateway, monkeypatch):
    """As where none is left to wake the caller."""

    def socketpair():
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(sync_iteration.socket, "socketpair", socketpair)
    assert_refused(gateway, "cannot start the thread .*Too many open files")


@pytest.mark.skipif(sys.platform == "win32", reason="resource is of Unix")
def test_whatever_is_left_of_file_descriptors(gateway):
    """From none to enough: every id has an outcome, or there is a typed error."""
    program = """
    import os, resource
    from modelgates_client import ConfigurationError, ModelGates, OutageError

    client = ModelGates(timeout=5, max_retries=0)
    list(client.generations.get_many(["gen-1"]))
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
    held, met = [], set()
    try:
        while True:
            held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        pass
    for _ in range(12):
        try:
            outcomes = list(client.generations.get_many(["gen-1"], outage_timeout=0.1))
            met.update(type(outcome).__name__ for outcome in outcomes)
        except (ConfigurationError, OutageError):
            met.add("refused")
        os.close(held.pop())
    print(*sorted(met))
    """
    code, out, err = run(gateway, program)
    assert code == 0, err
    assert {"Resolved", "refused"} <= {*out.split()} <= {"Resolved", "refused", "Failed"}


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_what_ends_the_thread_reaches_the_caller(gateway, error):
    """Whatever it is."""

    def key():
        raise error

    client = ModelGates(api_key=key, base_url=gateway.base_url)
    with client, pytest.raises(type(error)):
        next(client.generations.get_many(["gen-1"]))


# --- others' threads and clocks


@pytest.mark.skipif(not importlib.util.find_spec("gevent"), reason="gevent is not installed")
def test_several_at_once_under_gevent(gateway):
    """Its threads share one, in which there can be one event loop only."""
    program = """
    from gevent import monkey; monkey.patch_all()
    import gevent
    from modelgates_client import ModelGates, Resolved

    client = ModelGates()

    def ask(name):
        ids = [f"gen-{name}-{number}" for number in range(40)]
        outcomes = list(client.generations.get_many(ids, wait=5))
        return sum(isinstance(outcome, Resolved) for outcome in outcomes)

    asked = [gevent.spawn(ask, name) for name in range(4)]
    gevent.joinall(asked)
    print(*(each.value for each in asked))
    """
    code, out, err = run(gateway, program, "-W", "ignore")
    assert (code, out, err) == (0, "40 40 40 40\n", "")


@pytest.mark.skipif(not importlib.util.find_spec("eventlet"), reason="eventlet is not installed")
def test_eventlet_is_refused(gateway):
    """Its locks are not for several threads."""
    program = """
    import sys; sys.modules["trio"] = None  # which does not bear eventlet, if it is there
    import eventlet; eventlet.monkey_patch()
    from modelgates_client import ConfigurationError, ModelGates

    try:
        list(ModelGates().generations.get_many(["gen-1"]))
    except ConfigurationError as error:
        print(error)
    """
    code, out, _ = run(gateway, program, "-W", "ignore")
    assert code == 0
    assert "cannot start the thread that its event loop runs in: eventlet has" in out


@pytest.mark.slow("freezegun looks through all modules")
def test_a_frozen_clock_holds_nothing_up(monkeypatch):
    """freezegun stops `time.monotonic`, wherever a module has it."""
    prepared = {}

    def late(generation_id, _):
        prepared[generation_id] = prepared.get(generation_id, 0) + 1
        return record(generation_id, finish_reason="stop" if prepared[generation_id] > 1 else None)

    if importlib.util.find_spec("freezegun") is None:
        pytest.skip("freezegun is not installed")
    import freezegun  # noqa: PLC0415 - see above

    with (
        Gateway(late) as gateway,
        freezegun.freeze_time("2026-11-01"),
        ModelGates(api_key=KEY, base_url=gateway.base_url) as client,
    ):
        ids = [f"gen-{number}" for number in range(3)]
        outcomes = [*client.generations.get_many(ids, wait=20, final=True)]
    assert {type(outcome).__name__ for outcome in outcomes} == {"Resolved"}


def test_a_loop_has_a_clock_that_nobody_stops(monkeypatch):
    """What freezegun does, in a line."""
    monkeypatch.setattr("time.monotonic", lambda: 7.0)
    loop = sync_iteration._new_loop()
    try:
        assert loop.time() != 7.0
        assert threads._original_start() is None
    finally:
        loop.close()
