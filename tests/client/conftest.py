"""What tests of the client share: both clients called alike, servers, no setting of the machine."""

import asyncio
import inspect
import os
import ssl
import sys

import httptools
import httpx
import pytest

from modelgates_client import AsyncModelGates, ModelGates, ModelGatesError

from .error_views import assert_twin
from .servers import KEY, Server, authority

#: The tests of these modules run over each engine that `AsyncModelGates` may have.
ENGINE_MATTERS = {
    "test_client",
    "test_hostile",
    "test_leftovers",
    "test_life_cycle",
    "test_network",
    "test_operations",
    "test_raw",
    "test_secrecy",
}
#: Those over a client of httpx that is given, too; but for these, which are about connections of
#: the client's own, or take long and are about what is above any.
NOT_GIVEN = {
    "test_a_bundle_and_a_context_exclude_each_other",
    "test_a_bundle_takes_the_place_of_the_systems",
    "test_a_bundle_that_cannot_be_used_is_refused_at_once",
    "test_a_closed_client_sends_nothing",
    "test_a_function_of_a_module_is_pickled_by_its_name",
    "test_a_key_of_the_environment_is_pickled_by_reference",
    "test_a_literal_key_is_not_pickled",
    "test_an_argument_of_another_type_is_a_configuration_error",
    "test_success_fills_the_budget_again",
    "test_what_is_sent_by_default",
}


def pytest_generate_tests(metafunc):
    """Take both clients in turn: awaited, `async` is that over httpcore, `fast` over httptools.

    `given` and `given-async` are over a client of httpx that they are given.
    """
    if "either" in metafunc.fixturenames:
        matters = metafunc.module.__name__.rpartition(".")[2] in ENGINE_MATTERS
        kinds = ["sync", "async", "fast"] if matters else ["sync", "async"]
        if matters and metafunc.function.__name__ not in NOT_GIVEN:
            kinds += ["given", "given-async"]
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
        self.is_async = kind not in {"sync", "given"}
        self.is_given = kind.startswith("given")
        self.kind = AsyncModelGates if self.is_async else ModelGates
        self._runner = asyncio.Runner()
        self._made = []
        self._given_ones = []

    def __call__(self, value):
        if inspect.iscoroutine(value):
            return self._runner.run(value)
        return value

    def gather(self, stream):
        """Return the list of all that a generator yields."""

        async def gathered():
            return [each async for each in stream]

        return self(gathered()) if self.is_async else list(stream)

    def make(self, server=None, **options):
        """Return a client of a server; it is closed when the test is over."""
        options = {"api_key": KEY, **options}
        if server is not None:
            options.setdefault("base_url", server.base_url)
        if self.is_given:
            options["http_client"] = self._given(options)
        client = self.kind(**options)
        self._made.append(client)
        return client

    def _given(self, options):
        """Return a client of httpx, told what belongs to it instead."""
        options.pop("trust_env", None)
        context, bundle = options.pop("ssl_context", None), options.pop("ca_bundle", None)
        kind = httpx.AsyncClient if self.is_async else httpx.Client
        http_client = kind(
            verify=ssl.create_default_context(cafile=bundle) if bundle else context or False,
            proxy=options.pop("proxy", None),
            trust_env=False,
        )
        self._given_ones.append(http_client)
        return http_client

    def close(self):
        """Close all clients, and the event loop."""
        for client in self._made:
            self(client.close())
        for http_client in self._given_ones:
            self(http_client.aclose() if self.is_async else http_client.close())
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
    monkeypatch.setattr("modelgates_client.calls.retry._FIRST_WAIT_S", 0.0)
