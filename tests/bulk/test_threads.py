"""The thread of a sync `get_many`: it ends with the program, or raises if it cannot start."""

import importlib.util
import os
import subprocess
import sys
import textwrap
import threading

import pytest

from modelgates_client import ConfigurationError, ModelGates
from modelgates_client.bulk import sync_iteration, threads

from ..cli import preforked
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
    """Run a program; return its exit status, its output and its error output.

    It runs in a fork of a process that has imported the package, but with options of Python in a
    new interpreter.
    """
    variables = {"MODELGATES_API_KEY": KEY, "MODELGATES_BASE_URL": gateway.base_url}
    if not options:
        return preforked.run_program(program, **variables)
    completed = subprocess.run(
        [sys.executable, *options, "-c", textwrap.dedent(program)],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=GUARD_S,
    )
    return completed.returncode, completed.stdout, completed.stderr


# --- the end of the program


@pytest.mark.parametrize(
    ("ending", "status", "last_line"),
    [
        ("stream = begin()", 0, ""),
        ("stream = begin(); sys.exit(3)", 3, ""),
        ("stream = begin(); raise ValueError(7)", 1, "ValueError: 7"),
        ("def frame():\n        stream = begin()\n        sys.exit(3)\n    frame()", 3, ""),
        ("cycle = [begin()]; cycle.append(cycle); del cycle", 0, ""),
        ("sys.keeps = begin()", 0, ""),
    ],
)
def test_a_program_exits_despite_a_half_read_stream(gateway, ending, status, last_line):
    """At once, with its own exit status, wherever the generator is referenced."""
    code, _, err = run(gateway, f"{HALF_READ}\n    {ending}")
    assert (code, err.strip().rpartition("\n")[2]) == (status, last_line)


def test_a_stream_may_be_collected_in_its_own_thread_at_exit(gateway):
    """While the main thread waits for that thread to end."""
    program = f"""{HALF_READ}
    import gc
    from modelgates_client.bulk.bulk_run import Run

    close = Run.close

    async def collect_and_close(self):
        gc.collect()
        await close(self)

    Run.close = collect_and_close
    gc.disable()
    cycle = [begin()]
    cycle.append(cycle)
    del cycle
    """
    assert run(gateway, program, "-W", "error") == (0, "", "")


def test_iterating_at_exit_is_an_error(gateway):
    """The error says that the program is exiting."""
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


def test_starting_a_run_during_finalization_is_an_error(gateway):
    """As in a `__del__` that is called when no module can be imported any more."""
    program = """
    import asyncio
    from modelgates_client import AsyncModelGates, ConfigurationError, ModelGates

    class Last:
        client, awaited, loop = ModelGates(), AsyncModelGates(), asyncio.new_event_loop()
        Error = ConfigurationError

        async def first(self):
            return await anext(self.awaited.generations.get_many(["gen-1"]))

        def __del__(self):
            for start in (
                lambda: list(self.client.generations.get_many(["gen-1"])),
                lambda: list(self.client.send_many([])),
                lambda: self.loop.run_until_complete(self.first()),
            ):
                try:
                    print(start())
                except self.Error as error:
                    print(error)
            print(self.client.generations.get("gen-1").id)
            self.loop.close()

    last = Last()
    """
    code, out, err = run(gateway, program, "-W", "error")
    refused = "no bulk run can be started: the program is exiting\n"
    assert (code, out, err) == (0, f"{refused * 3}gen-1\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no os.fork")
def test_a_fork_cannot_go_on_with_it(gateway):
    """The child does not have the thread."""
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


# --- the thread cannot start


def assert_get_many_raises(gateway, match):
    """Check that `get_many` raises a configuration error at once."""
    with (
        ModelGates(api_key=KEY, base_url=gateway.base_url) as client,
        pytest.raises(ConfigurationError, match=match),
    ):
        [*client.generations.get_many(["gen-1"])]


def test_get_many_without_a_thread_is_an_error(gateway, monkeypatch):
    """Because of a limit, or in a subinterpreter without daemon threads."""

    def start(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    assert_get_many_raises(
        gateway, "get_many cannot start the thread .*: can't start new thread; .*AsyncModelGates"
    )


def test_get_many_without_an_event_loop_is_an_error(gateway, monkeypatch):
    """For example because no file descriptor is free."""

    def new_event_loop():
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(sync_iteration.asyncio, "new_event_loop", new_event_loop)
    assert_get_many_raises(gateway, "cannot start the thread .*Too many open files")


def test_get_many_without_a_wake_up_socket_is_an_error(gateway, monkeypatch):
    """For example because no file descriptor is free for it."""

    def socketpair():
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(sync_iteration.socket, "socketpair", socketpair)
    assert_get_many_raises(gateway, "cannot start the thread .*Too many open files")


@pytest.mark.skipif(sys.platform == "win32", reason="the resource module is only on Unix")
def test_get_many_with_any_number_of_free_descriptors(gateway):
    """From none to enough: every id has an outcome, or there is a typed error."""
    program = """
    import os, resource
    from modelgates_client import ConfigurationError, ModelGates, OutageError

    client = ModelGates(timeout=5, max_retries=0)
    list(client.generations.get_many(["gen-1"]))
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
    held, seen = [], set()
    try:
        while True:
            held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        pass
    for _ in range(12):
        try:
            outcomes = list(client.generations.get_many(["gen-1"], outage_timeout=0.1))
            seen.update(type(outcome).__name__ for outcome in outcomes)
        except (ConfigurationError, OutageError):
            seen.add("refused")
        os.close(held.pop())
    print(*sorted(seen))
    """
    code, out, err = run(gateway, program)
    assert code == 0, err
    assert {"Resolved", "refused"} <= {*out.split()} <= {"Resolved", "refused", "Failed"}


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_an_exception_that_ends_the_thread_is_raised_in_the_caller(gateway, error):
    """Also `SystemExit` and `KeyboardInterrupt`."""

    def key():
        raise error

    client = ModelGates(api_key=key, base_url=gateway.base_url)
    with client, pytest.raises(type(error)):
        next(client.generations.get_many(["gen-1"]))


# --- other thread libraries and clocks


@pytest.mark.skipif(not importlib.util.find_spec("gevent"), reason="gevent is not installed")
def test_concurrent_runs_work_under_gevent(gateway):
    """gevent's threads share one real thread, which can run only one event loop."""
    program = """
    from gevent import monkey; monkey.patch_all()
    import gevent
    from modelgates_client import ModelGates, Resolved

    client = ModelGates()

    def fetch(name):
        ids = [f"gen-{name}-{number}" for number in range(40)]
        outcomes = list(client.generations.get_many(ids, wait=5))
        return sum(isinstance(outcome, Resolved) for outcome in outcomes)

    runs = [gevent.spawn(fetch, name) for name in range(4)]
    gevent.joinall(runs)
    print(*(each.value for each in runs))
    """
    code, out, err = run(gateway, program, "-W", "ignore")
    assert (code, out, err) == (0, "40 40 40 40\n", "")


@pytest.mark.skipif(not importlib.util.find_spec("eventlet"), reason="eventlet is not installed")
def test_eventlet_is_refused(gateway):
    """Its locks do not work between threads."""
    program = """
    import sys; sys.modules["trio"] = None  # trio does not work with eventlet
    import eventlet; eventlet.monkey_patch()
    from modelgates_client import ConfigurationError, ModelGates

    try:
        list(ModelGates().generations.get_many(["gen-1"]))
    except ConfigurationError as error:
        print(error)
    """
    code, out, _ = run(gateway, program, "-W", "ignore")
    assert code == 0
    assert "cannot start the thread for its event loop: eventlet has" in out


@pytest.mark.slow("freezegun searches all modules, and a lookup waits a second")
@pytest.mark.timeout(GUARD_S)
def test_a_frozen_clock_does_not_stop_get_many():
    """freezegun replaces `time.monotonic` in every module; a wait between two requests ends."""
    freezegun = pytest.importorskip("freezegun")

    def late(generation_id, previous_requests):
        is_final = previous_requests > 0
        return record(generation_id, cancelled=False, finish_reason="stop" if is_final else None)

    with (
        Gateway(late) as gateway,
        freezegun.freeze_time("2026-11-01"),
        ModelGates(api_key=KEY, base_url=gateway.base_url) as client,
    ):
        ids = [f"gen-{number}" for number in range(3)]
        outcomes = [*client.generations.get_many(ids, wait=20, final=True)]
    assert {type(outcome).__name__ for outcome in outcomes} == {"Resolved"}
    assert {*gateway.requests.values()} == {2}


def test_the_event_loop_has_a_clock_that_cannot_be_patched(monkeypatch):
    """As freezegun would do it."""
    monkeypatch.setattr("time.monotonic", lambda: 7.0)
    loop = sync_iteration._new_loop()
    try:
        assert loop.time() != 7.0
        assert threads._original_start() is None
    finally:
        loop.close()
