"""What tests of the client share: both clients called alike, servers, no setting of the machine."""

import asyncio
import inspect
import os
import sys

import httptools
import pytest

from modelgates_client import AsyncModelGates, ModelGates, ModelGatesError

from .servers import KEY, Server, authority
from .showing import assert_twin

#: The tests of these modules run over each engine that `AsyncModelGates` may have.
ENGINE_MATTERS = {
    "test_client",
    "test_hostile",
    "test_leftovers",
    "test_life_cycle",
    "test_network",
    "test_raw",
    "test_secrecy",
}


def pytest_generate_tests(metafunc):
    """Take both clients in turn: awaited, `async` is that over httpcore, `fast` over httptools."""
    if "either" in metafunc.fixturenames:
        matters = metafunc.module.__name__.rpartition(".")[2] in ENGINE_MATTERS
        kinds = ["sync", "async", "fast"] if matters else ["sync", "async"]
        metafunc.parametrize("either", kinds, indirect=True)


def set_engine(name, monkeypatch):
    """Let awaited clients have this engine."""
    assert httptools.__version__  # else both would be the same
    if name == "httpcore":
        monkeypatch.setitem(sys.modules, "httptools", None)


class Either:
    """One of the two clients, used the same way.

    Calling it with what a client returned gives the value, awaited where it must be, all in one
    event loop.
    """

    def __init__(self, kind):
        self.is_async = kind != "sync"
        self.kind = AsyncModelGates if self.is_async else ModelGates
        self._runner = asyncio.Runner()
        self._made = []

    def __call__(self, value):
        if inspect.iscoroutine(value):
            return self._runner.run(value)
        return value

    def make(self, server=None, **options):
        """Return a client of a server; it is closed when the test is over."""
        options = {"api_key": KEY, **options}
        if server is not None:
            options.setdefault("base_url", server.base_url)
        client = self.kind(**options)
        self._made.append(client)
        return client

    def close(self):
        """Close all clients, and the event loop."""
        for client in self._made:
            self(client.close())
        self._runner.close()


@pytest.fixture(params=["httpcore", "httptools"])
def engine(request, monkeypatch):
    """Each of the engines that `AsyncModelGates` may have, in turn; its name."""
    set_engine(request.param, monkeypatch)
    return request.param


@pytest.fixture
def either(request, monkeypatch):
    """Each of the two clients in turn."""
    set_engine("httptools" if request.param == "fast" else "httpcore", monkeypatch)
    either = Either(request.param)
    yield either
    either.close()


@pytest.fixture
def server():
    """A server without TLS."""
    with Server() as server:
        yield server


@pytest.fixture
def tls_server():
    """A server with TLS."""
    with Server(tls=True) as server:
        yield server


@pytest.fixture
def client(either, server):
    """A client of the server."""
    return either.make(server)


@pytest.fixture
def failing(either, server):
    """A call by a client that makes one attempt; its error shows no key, and it pickles."""
    client = either.make(server, max_retries=0)

    def failing(generation_id="gen-1"):
        with pytest.raises(ModelGatesError) as caught:
            either(client.generations.get(generation_id))
        error = caught.value
        assert KEY not in f"{error} {error!r} {vars(error)}"
        assert_twin(error)
        return error

    return failing


@pytest.fixture(scope="session")
def ca_bundle(tmp_path_factory):
    """A file with the certificate of the tests' authority."""
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority().cert_pem.write_to_path(path)
    return path


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    """Take no setting from the machine that runs the tests."""
    for name in list(os.environ):
        if name.startswith("MODELGATES_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def no_backoff(monkeypatch):
    """Try again without waiting, unless the server asks for it."""
    monkeypatch.setattr("modelgates_client.calls.retry._FIRST_S", 0.0)
