"""Unusual environments: other event loops, no threads, exiting programs, broken packages."""

import asyncio
import contextlib
import gc
import importlib.util
import inspect
import os
import pickle
import platform
import subprocess
import sys
import textwrap
import threading
import typing

import pytest

import modelgates_client
from modelgates_client import (
    AsyncModelGates,
    ConfigurationError,
    ModelGates,
    capture,
    ledger,
    testing,
)
from modelgates_client.exports.parts import fetch_part
from modelgates_client.ledger.fetching import fetch, fetch_all
from modelgates_client.resources.generations import AsyncGenerations, Generations
from modelgates_client.transport import options
from modelgates_client.transport.addresses import resolve, resolve_async

from ..cli import preforked
from .servers import KEY

GUARD_S = 60  # far more than anything here takes


def run(program, *arguments, **environment):
    """Run a program; return its exit status, its output and its error output."""
    completed = subprocess.run(
        [sys.executable, *arguments, "-c", textwrap.dedent(program)],
        env={**os.environ, "MODELGATES_API_KEY": KEY, **environment},
        capture_output=True,
        text=True,
        timeout=GUARD_S,
    )
    return completed.returncode, completed.stdout, completed.stderr


def url_by_name(server):
    """Return the URL of a server with a host name that has to be looked up."""
    return server.base_url.replace("127.0.0.1", "localhost")


# --- threads that cannot be started


@pytest.fixture
def no_thread(monkeypatch):
    """Prevent threads from being started."""

    def start(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)


def test_a_host_is_looked_up_without_a_thread(no_thread):
    """In the calling thread."""
    assert resolve("localhost", 80, lambda: 1.0)
    assert asyncio.run(resolve_async("localhost", 80))
    with pytest.raises(OSError, match=r"no\.invalid cannot be found"):
        asyncio.run(resolve_async("no.invalid", 80))


def test_a_lookup_is_bounded_by_the_deadline(monkeypatch):
    """The system's lookup is not."""
    over = threading.Event()
    monkeypatch.setattr("socket.getaddrinfo", hanging_lookup(over))
    try:
        with pytest.raises(TimeoutError):
            resolve("a.example", 80, lambda: 0.01)
    finally:
        over.set()


def hanging_lookup(over):
    """Return a lookup that does not end before `over`."""
    import socket  # noqa: PLC0415 - to be replaced

    def getaddrinfo(*_, flags=0, **__):
        if not flags:
            over.wait(GUARD_S)
        raise socket.gaierror(-2, "unknown")

    return getaddrinfo


def test_calls_work_while_the_program_exits(server):
    """In a function of `atexit`, with a host name; otherwise the error is typed."""
    program = """
    import asyncio, atexit
    from modelgates_client import AsyncModelGates, ModelGates, ModelGatesError

    client, other = ModelGates(), AsyncModelGates()
    async def main():
        return (await other.generations.get("gen-1")).id

    def last():
        print(client.generations.get("gen-1").id, asyncio.run(main()))
        try:
            print(*(o.generation_id for o in client.generations.get_many(["gen-1"])))
        except ModelGatesError:
            print("gen-1")

    atexit.register(last)
    """
    variables = {"MODELGATES_API_KEY": KEY, "MODELGATES_BASE_URL": url_by_name(server)}
    code, out, err = preforked.run_program(program, **variables)
    assert (code, out, err) == (0, "gen-1 gen-1\ngen-1\n", "")


# --- event loops


def test_a_call_without_asyncio_is_a_configuration_error():
    """For example under trio."""
    client = AsyncModelGates(api_key=KEY)
    with pytest.raises(ConfigurationError, match="needs asyncio"):
        client.generations.get("gen-1").send(None)
    with pytest.raises(ConfigurationError, match="needs asyncio"):
        anext(client.generations.get_many(["gen-1"])).send(None)


@pytest.mark.skipif(not importlib.util.find_spec("trio"), reason="trio is not installed")
def test_trio_is_refused():
    """No other error occurs during cleanup."""
    import trio  # noqa: PLC0415 - see above

    async def main():
        async with AsyncModelGates(api_key=KEY) as client:
            await client.generations.get("gen-1")

    with pytest.raises(ConfigurationError, match="under trio"):
        trio.run(main)


@pytest.mark.parametrize("tls", [False, True])
def test_an_event_loop_that_ends_leaves_no_socket(server, tls_server, ca_bundle, engine, tls):
    """The connections end with their loop, even if the client is still referenced."""
    to = tls_server if tls else server
    client = AsyncModelGates(api_key=KEY, base_url=to.base_url, ca_bundle=ca_bundle)
    for _ in range(3):
        asyncio.run(client.generations.get("gen-1"))
        assert to.all_connections_closed()
    asyncio.run(client.close())


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # asyncio's, of its own transport
@pytest.mark.parametrize("is_closed", [True, False])
def test_calls_work_after_a_loop_was_closed_or_stopped(server, engine, is_closed):
    """Its connections are not used."""
    first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
    with contextlib.closing(first), contextlib.closing(second):
        client = AsyncModelGates(api_key=KEY, base_url=server.base_url)
        first.run_until_complete(client.generations.get("gen-1"))
        if is_closed:
            first.close()
        second.run_until_complete(client.generations.get("gen-1"))
        second.run_until_complete(client.close())
        assert server.all_connections_closed()
    del first, second, client
    gc.collect()


def test_closing_closes_connections_of_a_loop_in_another_thread(server, engine):
    """In that thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    client = AsyncModelGates(api_key=KEY, base_url=server.base_url)
    asyncio.run_coroutine_threadsafe(client.generations.get("gen-1"), loop).result(GUARD_S)
    asyncio.run(client.close())
    assert server.all_connections_closed()
    loop.call_soon_threadsafe(loop.stop)
    thread.join(GUARD_S)
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


# --- broken packages


def test_httpcore_is_used_if_httptools_cannot_be_imported(server, tmp_path):
    """Whatever exception its import raises."""
    (tmp_path / "httptools.py").write_text("raise ImportError('built for another')")
    program = """
    import asyncio
    from modelgates_client import AsyncModelGates
    from modelgates_client.transport.httpcore_async import HttpcoreAsyncEngine

    client = AsyncModelGates()
    assert isinstance(client._engine, HttpcoreAsyncEngine)
    print(asyncio.run(client.generations.get("gen-1")).id)
    """
    code, out, err = run(program, PYTHONPATH=str(tmp_path), MODELGATES_BASE_URL=server.base_url)
    assert (code, out, err) == (0, "gen-1\n", "")


def test_a_dependency_that_does_not_support_the_interpreter_is_named(monkeypatch, either):
    """For example trio, imported by httpcore, in isolated subinterpreters of 3.11."""

    def load(*_):
        raise RuntimeError("subprocess not supported for isolated subinterpreters")

    monkeypatch.setattr(either.kind, "_make_engine", load)
    with pytest.raises(ConfigurationError, match="no engine can be loaded here: subprocess not"):
        either.make()


def test_a_broken_dependency_is_named(tmp_path):
    """The error is not hidden behind "cannot import name"."""
    (tmp_path / "attr.py").write_text("import os\nos.nothing_like_it")
    program = "from modelgates_client import ModelGates"
    code, _, err = run(program, PYTHONPATH=str(tmp_path))
    assert code == 1
    last = err.strip().splitlines()[-1]
    assert last.startswith("ImportError: modelgates_client.client.client cannot be loaded: ")
    assert "nothing_like_it" in last


# --- what tools look at


def public_objects():
    """Return the public classes and functions."""
    packages = (modelgates_client, capture, ledger, testing)
    exported = [getattr(package, name) for package in packages for name in package.__all__]
    for public_object in (*exported, Generations, AsyncGenerations, fetch, fetch_all, fetch_part):
        if inspect.isclass(public_object):
            yield public_object
            yield public_object.__init__
            for name, member in vars(public_object).items():
                reached = member.fget if isinstance(member, property) else member
                if not name.startswith("_") and inspect.isfunction(reached):
                    yield reached
        elif inspect.isfunction(public_object):
            yield public_object


def test_type_hints_can_be_resolved():
    """By `typing.get_type_hints`, as frameworks do."""
    for public_object in public_objects():
        if public_object is not object.__init__:
            typing.get_type_hints(public_object)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", [ModelGates, AsyncModelGates])
@pytest.mark.parametrize("key", [None, platform.machine])
def test_clients_can_be_pickled_by_any_protocol(monkeypatch, kind, key, protocol):
    """Protocols before 2 do not support slots."""
    monkeypatch.setenv("MODELGATES_API_KEY", KEY)
    client = kind(api_key=key, proxy="http://u:pw@127.0.0.1:1")
    again = pickle.loads(pickle.dumps(client, protocol))
    assert again._credentials.secret().reveal() == (KEY if key is None else key())
    assert again._settings == client._settings


def test_an_unusable_key_log_is_a_configuration_error(monkeypatch, tmp_path, tls_server, either):
    """It names the file, and the solution."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "none" / "keys.log"))
    options._context.cache_clear()
    client = either.make(base_url=tls_server.base_url)
    with pytest.raises(ConfigurationError, match=r"SSLKEYLOGFILE is .*keys\.log.* unset it"):
        either(client.generations.get("gen-1"))
    options._context.cache_clear()
