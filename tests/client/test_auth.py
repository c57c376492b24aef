"""The API key: its sources, and invalid keys."""

import asyncio
import functools

import pytest

from modelgates_client import (
    APIStatusError,
    APITimeoutError,
    AsyncModelGates,
    ConfigurationError,
    ModelGates,
)

from .error_views import visible_texts
from .servers import KEY, json_response, record, refusal

BAD = ["\n", " ", "\t", "é", "\x00", "\x7f", "\N{ZERO WIDTH SPACE}", "\N{NO-BREAK SPACE}"]


def test_a_client_without_a_key_is_a_configuration_error(either, monkeypatch):
    """An empty variable counts as none; an empty key is not replaced by the environment's."""
    with pytest.raises(ConfigurationError, match="MODELGATES_API_KEY"):
        either.make(api_key=None)
    monkeypatch.setenv("MODELGATES_API_KEY", " ")
    with pytest.raises(ConfigurationError, match="MODELGATES_API_KEY"):
        either.make(api_key=None)
    monkeypatch.setenv("MODELGATES_API_KEY", KEY)
    with pytest.raises(ConfigurationError, match="MODELGATES_API_KEY"):
        either.make(api_key="")


def test_the_key_is_sent_as_a_bearer_token(either, server, client):
    """In the `Authorization` header."""
    either(client.generations.get("gen-1"))
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_the_environment_is_read_when_the_client_is_created(either, server, monkeypatch):
    """Later changes affect later clients; a trailing line break is removed."""
    monkeypatch.setenv("MODELGATES_API_KEY", "sk-mg-environment\n")
    client = either.make(server, api_key=None)
    monkeypatch.setenv("MODELGATES_API_KEY", "sk-mg-later")
    either(client.generations.get("gen-1"))
    assert server.requests[0].key == "sk-mg-environment"


def test_an_argument_takes_precedence_over_the_environment(either, server, monkeypatch):
    """The environment must not bill another account than the intended one."""
    monkeypatch.setenv("MODELGATES_API_KEY", "sk-mg-environment")
    either(either.make(server, api_key=KEY).generations.get("gen-1"))
    assert server.requests[0].key == KEY


def rotating_key(kind):
    """Return a function that returns another key each time."""
    keys = iter([f"{KEY}-{number}" for number in range(9)])
    if kind == "function":
        return lambda: next(keys)

    async def coroutine():
        return next(keys)

    return coroutine


@pytest.mark.parametrize("kind", ["function", "coroutine"])
def test_a_key_function_is_called_for_each_request(either, server, kind, no_backoff):
    """Also for retries: the key may have expired in between."""
    if kind == "coroutine" and not either.is_async:
        pytest.skip("coroutine functions are for AsyncModelGates")
    server.respond_with(refusal(503), record())
    client = either.make(server, api_key=rotating_key(kind))
    assert server.requests == []
    either(client.generations.get("gen-1"))
    either(client.generations.get("gen-1"))
    assert [request.key for request in server.requests] == [
        f"{KEY}-{number}" for number in range(3)
    ]


def wrapped(function):
    """Return a function that hides the type of a function."""

    def key():
        return function()

    return key


def test_the_sync_client_rejects_a_coroutine_function():
    """At construction, if it can be detected."""
    with pytest.raises(ConfigurationError, match="AsyncModelGates"):
        ModelGates(api_key=rotating_key("coroutine"))


def test_the_sync_client_rejects_a_wrapped_coroutine_function_at_the_call(server):
    """A lambda may return a coroutine; no coroutine is left unawaited."""
    coroutine = rotating_key("coroutine")
    with (
        ModelGates(api_key=wrapped(coroutine), base_url=server.base_url) as client,
        pytest.raises(ConfigurationError, match="AsyncModelGates"),
    ):
        client.generations.get("gen-1")
    assert server.requests == []


@pytest.mark.parametrize("wrap", [functools.partial, wrapped])
def test_the_async_client_awaits_a_wrapped_coroutine_function(server, wrap):
    """The returned object counts."""

    async def main():
        key = wrap(rotating_key("coroutine"))
        async with AsyncModelGates(api_key=key, base_url=server.base_url) as client:
            return await client.generations.get("gen-1")

    assert asyncio.run(main()).id == "gen-1"


@pytest.mark.parametrize("key", [b"sk-mg-bytes", 5, [KEY]])
def test_a_key_that_is_not_a_string_is_rejected_and_not_shown(either, key):
    """Bytes are a common mistake."""
    with pytest.raises(ConfigurationError, match="neither a string nor a function") as error_info:
        either.make(api_key=key)
    assert "sk-mg" not in visible_texts(error_info.value)


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("where", ["start", "middle", "end"])
def test_an_invalid_key_is_rejected_and_not_shown(either, bad, where):
    """At construction: a pasted line break is a common mistake."""
    key = {"start": bad + KEY, "middle": KEY[:9] + bad + KEY[9:], "end": KEY + bad}[where]
    with pytest.raises(ConfigurationError, match="white space, control or non-ASCII") as error_info:
        either.make(api_key=key)
    assert KEY[:9] not in visible_texts(error_info.value)
    assert KEY[9:] not in visible_texts(error_info.value)


def test_an_invalid_key_in_the_environment_is_rejected_and_not_shown(either, monkeypatch):
    """Like one passed as an argument."""
    monkeypatch.setenv("MODELGATES_API_KEY", f"{KEY} {KEY}")
    with pytest.raises(ConfigurationError, match="white space") as error_info:
        either.make(api_key=None)
    assert KEY not in visible_texts(error_info.value)


def failing_functions():
    """Yield names and functions that return no valid key."""

    def raises():
        raise ValueError(f"cannot decode {KEY}")

    def chained():
        try:
            raises()
        except ValueError as error:
            raise OSError(KEY) from error

    yield "raises", raises
    yield "chained", chained
    yield "none", lambda: None
    yield "bytes", KEY.encode
    yield "number", lambda: 5
    yield "empty", lambda: ""
    yield "bad", lambda: f"{KEY}\n"


@pytest.mark.parametrize(
    "function", [pytest.param(function, id=name) for name, function in failing_functions()]
)
@pytest.mark.parametrize("is_async", [False, True])
def test_a_key_function_without_a_valid_key_is_a_configuration_error(
    either, server, function, is_async
):
    """Its exception or its result may contain the key: neither is passed on."""
    if is_async and not either.is_async:
        pytest.skip("coroutine functions are for AsyncModelGates")

    async def coroutine():
        return function()

    client = either.make(server, api_key=coroutine if is_async else function)
    with pytest.raises(ConfigurationError, match="api_key function") as error_info:
        either(client.generations.get("gen-1"))
    assert KEY not in visible_texts(error_info.value)
    assert error_info.value.__cause__ is None
    assert error_info.value.__context__ is None
    assert server.requests == []


def test_a_slow_key_function_is_a_timeout(server):
    """The deadline includes the coroutine."""

    async def key():
        await asyncio.sleep(60)

    async def main():
        async with AsyncModelGates(api_key=key, base_url=server.base_url, timeout=0.1) as client:
            await client.generations.get("gen-1")

    with pytest.raises(APITimeoutError):
        asyncio.run(main())
    assert server.requests == []


@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
def test_no_custom_header_replaces_the_key(either, name):
    """In any spelling; its value is not shown."""
    with pytest.raises(ConfigurationError, match="is set by the client") as error_info:
        either.make(headers={name: f"Bearer {KEY}"})
    assert KEY not in f"{error_info.value} {error_info.value!r}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(either, server, client, status):
    """The key would be sent along; the error has the target."""
    server.respond_with(json_response(b"", status, Location=f"{server.base_url}/elsewhere"))
    with pytest.raises(APIStatusError, match="redirects are not") as error_info:
        either(client.generations.get("gen-1"))
    assert error_info.value.status_code == status
    assert f"{server.base_url}/elsewhere" in error_info.value.message
    assert len(server.requests) == 1


def test_netrc_is_not_read(either, server, client, tmp_path, monkeypatch):
    """A login for the same host does not replace the key."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    either(client.generations.get("gen-1"))
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_no_cookies_are_stored(either, server, client):
    """A response does not affect the next request."""
    server.respond_with(json_response({"data": {"id": "gen-1"}}, Set_Cookie="session=1; Path=/"))
    for _ in range(2):
        either(client.generations.get("gen-1"))
    assert all("cookie" not in request.headers for request in server.requests)
    assert len(server.requests) == 2
