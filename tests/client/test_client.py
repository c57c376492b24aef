"""`ModelGates`, and what the package exports."""

import inspect
import threading
import types
from contextlib import ExitStack
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import modelgates_client
from modelgates_api.client import Client
from modelgates_client import (
    DEFAULT_BASE_URL,
    ClientClosedError,
    ConfigurationError,
    ModelGates,
)

KEY = "sk-mg-do-not-show"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    """Take no setting from the machine that runs the tests."""
    monkeypatch.delenv("MODELGATES_API_KEY", raising=False)
    monkeypatch.delenv("MODELGATES_BASE_URL", raising=False)


def test_all_is_what_the_package_exports():
    """Every public name is promised, and every promise kept."""
    public = {
        name
        for name, value in vars(modelgates_client).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert public == set(modelgates_client.__all__)
    assert len(modelgates_client.__all__) == len(public)


def test_without_a_key_there_is_no_client():
    """The error says what to do."""
    for key in (None, ""):
        with pytest.raises(ConfigurationError, match="MODELGATES_API_KEY"):
            ModelGates(api_key=key)


def test_an_explicit_empty_key_or_url_is_no_gap(monkeypatch):
    """The environment must not bill another account than the one that was meant."""
    monkeypatch.setenv("MODELGATES_API_KEY", "sk-mg-environment")
    monkeypatch.setenv("MODELGATES_BASE_URL", "https://example.org/api/v1")
    for arguments in ({"api_key": ""}, {"base_url": ""}):
        with pytest.raises(ConfigurationError):
            ModelGates(**arguments)


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), 1e20])
def test_a_timeout_is_positive(timeout):
    """Waiting for no time is a mistake, not a request."""
    with pytest.raises(ConfigurationError, match="timeout is"):
        ModelGates(api_key=KEY, timeout=timeout)


def test_the_environment_fills_gaps(monkeypatch, stub):
    """It is read when a client is made; arguments come first."""
    stub.answers({"data": {}})
    monkeypatch.setenv("MODELGATES_API_KEY", "sk-mg-environment")
    monkeypatch.setenv("MODELGATES_BASE_URL", stub.base_url)
    for arguments, sent in [({}, "sk-mg-environment"), ({"api_key": KEY}, KEY)]:
        with ModelGates(**arguments) as client:
            client.generations.get("gen-1")
        assert stub.request.headers["Authorization"] == f"Bearer {sent}"


def test_the_default_server_is_that_of_the_spec():
    """Path included."""
    spec = YAML(typ="safe").load(Path(__file__).parents[2] / "openapi.yaml")
    assert [server["url"] for server in spec["servers"]] == [DEFAULT_BASE_URL]
    with ModelGates(api_key=KEY) as client:
        assert DEFAULT_BASE_URL in repr(client)


@pytest.mark.parametrize("ending", ["", "/"])
def test_the_path_of_the_base_url_is_kept(stub, ending):
    """With or without a slash at its end."""
    stub.answers({"data": {}})
    with ModelGates(api_key=KEY, base_url=stub.base_url + ending) as client:
        client.generations.get("gen-1")
    assert stub.request.path == "/api/v1/generation"


def test_the_key_is_shown_nowhere(stub):
    """Neither by the client, nor by its resources, nor by the generated client."""
    with (
        ModelGates(api_key=KEY, base_url=stub.base_url) as client,
        Client(stub.base_url, token=KEY, headers={"X-Key": KEY}) as generated,
    ):
        for thing in (client, client.generations, client._transport, generated):
            assert KEY not in f"{thing} {thing!r}"


def test_threads_share_one_client(stub):
    """Racing first calls all get their record, over one transport."""
    stub.answers({"data": {"id": "gen-1"}})
    got, made = [], []
    with ModelGates(api_key=KEY, base_url=stub.base_url) as client:
        start = threading.Barrier(8)

        def call():
            start.wait()
            got.append(client.generations.get("gen-1").id)
            made.append(id(client._transport._client))

        threads = [threading.Thread(target=call) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (got, len(set(made))) == (["gen-1"] * 8, 1)


def test_configuration_is_by_keyword():
    """Positions promise nothing."""
    parameters = list(inspect.signature(ModelGates).parameters.values())
    assert {parameter.kind for parameter in parameters} == {inspect.Parameter.KEYWORD_ONLY}


def test_a_client_that_sent_nothing_can_be_closed():
    """Twice, too."""
    with ExitStack() as stack:
        client = stack.enter_context(ModelGates(api_key=KEY))
        client.close()
    with pytest.raises(ClientClosedError):
        client.generations.get("gen-1")
