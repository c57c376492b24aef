"""The key is never shown: not in texts, logs, errors, tracebacks, pickles or copies."""

import copy
import logging
import pickle
import signal
import subprocess
import sys

import pytest

from modelgates_client import (
    APIConnectionError,
    AuthenticationError,
    ConfigurationError,
    ModelGates,
    ModelGatesError,
)
from modelgates_client.transport.credentials import Secret

from .error_views import visible_texts
from .servers import KEY, hang_up, interrupt, json_response, record, refusal, silence


def module_level_key():
    return KEY


def test_the_search_finds_the_key_in_locals_of_package_frames(server):
    """Otherwise the other tests of this module could not fail."""
    server.respond_with(hang_up)
    with (
        ModelGates(api_key=KEY, base_url=server.base_url, max_retries=0) as client,
        pytest.raises(APIConnectionError) as error_info,
    ):
        client.generations.get("gen-in-a-local")
    assert "gen-in-a-local" in visible_texts(error_info.value)


def test_no_text_of_a_client_shows_the_key(either, server):
    """Neither its own nor those of its parts."""
    client = either.make(server)
    either(client.generations.get("gen-1"))
    things = [client, client.generations, *vars(client).values(), *vars(client._engine).values()]
    for thing in things:
        assert KEY not in f"{thing} {thing!r}"
    assert KEY not in f"{vars(client)} {vars(client.generations)} {vars(client._engine)}"


def test_no_log_record_shows_the_key(either, server, caplog, no_backoff):
    """At no level of any logger, nor what the server echoes; also not in the arguments."""
    caplog.set_level(logging.DEBUG)
    echo = f"no such key: {KEY}"
    server.respond_with(refusal(503, echo), hang_up, record(), refusal(401, echo))
    client = either.make(server)
    either(client.generations.get("gen-1"))
    with pytest.raises(AuthenticationError):
        either(client.generations.get("gen-1"))
    assert "modelgates_client" in {entry.name for entry in caplog.records}
    for entry in caplog.records:
        assert KEY not in f"{entry.getMessage()} {entry.args!r} {vars(entry)!r}"


def test_importing_the_package_changes_no_logger():
    """Logs of other httpcore users are unaffected, also while the package sends requests."""
    code = """if True:
        import logging
        import modelgates_client
        for name in modelgates_client.__all__:
            getattr(modelgates_client, name)
        modelgates_client.ModelGates(api_key="sk-mg-1").close()
        loggers = [logging.root, *logging.root.manager.loggerDict.values()]
        print([entry for entry in loggers if getattr(entry, "filters", None)])
    """
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


REACTIONS = {
    "hang-up": hang_up,
    "401": refusal(401, f"no such key: {KEY}", X_Request_Id=KEY),
    "not JSON": json_response(f"<html>{KEY}".encode()),
    "other record": record("gen-2"),
    "silence": silence,
}


@pytest.mark.parametrize("reaction", REACTIONS.values(), ids=REACTIONS)
def test_no_error_shows_the_key(either, server, reaction):
    """Even if the server sent it back; nor does its pickle, or a local of the package's frames."""
    server.respond_with(reaction)
    client = either.make(server, max_retries=0, timeout=0.3)
    with pytest.raises(ModelGatesError) as error_info:
        either(client.generations.get("gen-1"))
    assert KEY not in visible_texts(error_info.value)
    assert KEY.encode() not in pickle.dumps(error_info.value)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="Windows cannot signal a thread")
def test_an_interrupt_while_reading_shows_no_key(either, server):
    """Error trackers send the frames of an interrupted call with their locals."""

    server.respond_with(interrupt)
    client = either.make(server)
    with pytest.raises(KeyboardInterrupt) as error_info:
        either(client.generations.get("gen-1"))
    report = visible_texts(error_info.value)
    assert KEY not in report
    assert either.is_async or "gen-1" in report  # the frames are there


def test_a_literal_key_is_not_pickled(either):
    """The error names the alternatives."""
    client = either.make()
    for thing in (client, client.with_options(timeout=5)):
        with pytest.raises(
            ConfigurationError, match=r"(?s)MODELGATES_API_KEY.*function"
        ) as error_info:
            pickle.dumps(thing)
        assert KEY not in visible_texts(error_info.value)


def test_a_key_of_the_environment_is_pickled_by_reference(either, server, monkeypatch):
    """The other process reads its own environment."""
    monkeypatch.setenv("MODELGATES_API_KEY", KEY)
    client = either.make(server, api_key=None, timeout=7, headers={"X-One": "1"})
    pickled = pickle.dumps(client)
    assert KEY.encode() not in pickled
    monkeypatch.setenv("MODELGATES_API_KEY", "sk-mg-elsewhere")
    twin = pickle.loads(pickled)
    assert type(twin) is either.kind
    either(twin.generations.get("gen-1"))
    either(twin.close())
    assert (server.requests[0].key, server.requests[0].headers["x-one"]) == ("sk-mg-elsewhere", "1")
    monkeypatch.delenv("MODELGATES_API_KEY")
    with pytest.raises(ConfigurationError, match="MODELGATES_API_KEY"):
        pickle.loads(pickled)


def test_a_key_function_is_pickled_by_name(either, server):
    """As pickle does for all functions."""
    pickled = pickle.dumps(either.make(server, api_key=module_level_key))
    assert KEY.encode() not in pickled
    twin = pickle.loads(pickled)
    either(twin.generations.get("gen-1"))
    either(twin.close())
    assert server.requests[0].key == KEY


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy], ids=["copy", "deepcopy"])
def test_a_copy_shares_the_connections_and_shows_no_key(either, server, copied):
    """Frameworks copy clients; a copy with a literal key works, and its pickle fails."""
    client = either.make(server)
    either(client.generations.get("gen-1"))
    twin = copied({"client": client})["client"] if copied is copy.deepcopy else copied(client)
    assert twin is not client
    assert KEY not in f"{twin!r} {vars(twin)}"
    either(twin.generations.get("gen-2"))
    assert [request.key for request in server.requests] == [KEY, KEY]
    assert server.connections == 1


def test_this_module_can_be_imported_by_pickle():
    """The test of pickled functions depends on it."""
    assert sys.modules[module_level_key.__module__].module_level_key is module_level_key


def test_a_key_is_masked_in_any_case():
    """Header names and content codings are returned in lower case."""
    key = "SK-MG-V1-0123456789ABCDEF0123456789ABCDEF"
    secret = Secret(key)
    for text in (key, key.lower(), key[: len(key) // 2].lower(), key.swapcase()):
        assert text not in secret.masked(f"content encoding {text!r} was not asked for")
    assert secret.masked("content encoding 'br'") == "content encoding 'br'"
