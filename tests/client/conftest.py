"""Fixtures shared by the tests of the client: both clients, servers, a clean environment."""

import asyncio
import inspect
import os
import ssl
import sys

import httptools
import httpx
import pytest

from modelgates_client import AsyncModelGates, ModelGates, ModelGatesError

from .error_views import assert_pickles
from .servers import KEY, Server, authority

#: The tests of these modules run with each engine of `AsyncModelGates`.
ENGINE_MATTERS = {
    "test_client",
    "test_hostile",
    "test_resource_leaks",
    "test_life_cycle",
    "test_network",
    "test_operations",
    "test_raw",
    "test_secrecy",
}
#: These tests are not run with clients over httpx: they concern the client's own connections, or
#: are slow and do not depend on the engine.
NOT_OVER_HTTPX = {
    "test_a_bundle_and_a_context_exclude_each_other",
    "test_a_bundle_replaces_the_trust_store_of_the_system",
    "test_an_unusable_bundle_is_rejected_at_construction",
    "test_a_closed_client_sends_nothing",
    "test_a_key_function_is_pickled_by_name",
    "test_a_key_of_the_environment_is_pickled_by_reference",
    "test_a_literal_key_is_not_pickled",
    "test_an_argument_of_another_type_is_a_configuration_error",
    "test_success_fills_the_budget_again",
    "test_default_headers",
}


def pytest_generate_tests(metafunc):
    """Parametrize `either`: `sync`, `async` (over httpcore) and `fast` (async over httptools).

    `httpx` and `httpx-async` are clients over an httpx client of the caller.
    """
    if "either" in metafunc.fixturenames:
        matters = metafunc.module.__name__.rpartition(".")[2] in ENGINE_MATTERS
        kinds = ["sync", "async", "fast"] if matters else ["sync", "async"]
        if matters and metafunc.function.__name__ not in NOT_OVER_HTTPX:
            kinds += ["httpx", "httpx-async"]
        metafunc.parametrize("either", kinds, indirect=True)


def set_engine(name, monkeypatch):
    """Select the engine of async clients."""
    assert httptools.__version__  # otherwise both would be the same
    if name == "httpcore":
        monkeypatch.setitem(sys.modules, "httptools", None)


class Either:
    """A client class, sync or async, behind one interface.

    Calling it with the result of a client's method returns the value; coroutines are run in one
    event loop.
    """

    def __init__(self, kind):
        self.is_async = kind not in {"sync", "httpx"}
        self.is_over_httpx = kind.startswith("httpx")
        self.kind = AsyncModelGates if self.is_async else ModelGates
        self._runner = asyncio.Runner()
        self._clients = []
        self._httpx_clients = []

    def __call__(self, value):
        if inspect.iscoroutine(value):
            return self._runner.run(value)
        return value

    def gather(self, stream):
        """Return the items of a generator as a list."""

        async def collect():
            return [item async for item in stream]

        return self(collect()) if self.is_async else list(stream)

    def make(self, server=None, **options):
        """Create a client for a server; it is closed after the test."""
        options = {"api_key": KEY, **options}
        if server is not None:
            options.setdefault("base_url", server.base_url)
        if self.is_over_httpx:
            options["http_client"] = self._create_httpx_client(options)
        client = self.kind(**options)
        self._clients.append(client)
        return client

    def _create_httpx_client(self, options):
        """Create an httpx client; options that belong to it are moved there."""
        options.pop("trust_env", None)
        context, bundle = options.pop("ssl_context", None), options.pop("ca_bundle", None)
        kind = httpx.AsyncClient if self.is_async else httpx.Client
        http_client = kind(
            verify=ssl.create_default_context(cafile=bundle) if bundle else context or False,
            proxy=options.pop("proxy", None),
            trust_env=False,
        )
        self._httpx_clients.append(http_client)
        return http_client

    def close(self):
        """Close all clients, and the event loop."""
        for client in self._clients:
            self(client.close())
        for http_client in self._httpx_clients:
            self(http_client.aclose() if self.is_async else http_client.close())
        self._runner.close()


@pytest.fixture(params=["httpcore", "httptools"])
def engine(request, monkeypatch):
    """The name of each engine of `AsyncModelGates`."""
    set_engine(request.param, monkeypatch)
    return request.param


@pytest.fixture
def either(request, monkeypatch):
    """Each client class, with each engine where that matters."""
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
def error_of_get(either, server):
    """A function that returns the error of a `get` without retries, and checks it for the key."""
    client = either.make(server, max_retries=0)

    def error_of_get(generation_id="gen-1"):
        with pytest.raises(ModelGatesError) as error_info:
            either(client.generations.get(generation_id))
        error = error_info.value
        assert KEY not in f"{error} {error!r} {vars(error)}"
        assert_pickles(error)
        return error

    return error_of_get


@pytest.fixture(scope="session")
def ca_bundle(tmp_path_factory):
    """A file with the certificate of the tests' authority."""
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority().cert_pem.write_to_path(path)
    return path


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    """Remove the settings of the machine that runs the tests."""
    for name in list(os.environ):
        if name.startswith("MODELGATES_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def no_backoff(monkeypatch):
    """Retry without waiting, unless the server asks for a wait."""
    monkeypatch.setattr("modelgates_client.calls.retry._FIRST_WAIT_S", 0.0)
