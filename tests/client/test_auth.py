"""The key: where it comes from, and what is refused."""

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

from .error_views import shown
from .servers import KEY, record, refusal, says

BAD = ["\n", " ", "\t", "é", "\x00", "\x7f", "\N{ZERO WIDTH SPACE}", "\N{NO-BREAK SPACE}"]


def test_without_a_key_there_is_no_client(either, monkeypatch):
    """The error says what to do; an empty variable is as none, and an empty key is not filled."""
    with pytest.raises(ConfigurationError, match="MODELGATES_API_KEY"):
        either.make(api_key=None)
    monkeypatch.setenv("MODELGATES_API_KEY", " ")
    with pytest.raises(ConfigurationError, match="MODELGATES_API_KEY"):
        either.make(api_key=None)
    monkeypatch.setenv("MODELGATES_API_KEY", KEY)
    with pytest.raises(ConfigurationError, match="MODELGATES_API_KEY"):
        either.make(api_key="")


def test_the_key_is_sent_as_a_bearer_token(either, server, client):
    """As the API asks for."""
    either(client.generations.get("gen-1"))
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_the_environment_is_read_when_the_client_is_made(either, server, monkeypatch):
    """Later changes are for later clients; the line break of a file is no part of the key."""
    monkeypatch.setenv("MODELGATES_API_KEY", "sk-mg-environment\n")
    client = either.make(server, api_key=None)
    monkeypatch.setenv("MODELGATES_API_KEY", "sk-mg-later")
    either(client.generations.get("gen-1"))
    assert server.requests[0].key == "sk-mg-environment"


def test_an_argument_comes_before_the_environment(either, server, monkeypatch):
    """The environment must not bill another account than the one that was meant."""
    monkeypatch.setenv("MODELGATES_API_KEY", "sk-mg-environment")
    either(either.make(server, api_key=KEY).generations.get("gen-1"))
    assert server.requests[0].key == KEY


def rotation(kind):
    """Return a function that gives another key each time."""
    keys = iter([f"{KEY}-{number}" for number in range(9)])
    if kind == "function":
        return lambda: next(keys)

    async def coroutine():
        return next(keys)

    return coroutine


@pytest.mark.parametrize("kind", ["function", "coroutine"])
def test_a_function_is_called_for_each_request(either, server, kind, no_backoff):
    """Retries too: the key may have expired in between."""
    if kind == "coroutine" and not either.is_async:
        pytest.skip("coroutine functions are for AsyncModelGates")
    server.answers(refusal(503), record())
    client = either.make(server, api_key=rotation(kind))
    assert server.requests == []
    either(client.generations.get("gen-1"))
    either(client.generations.get("gen-1"))
    assert [asked.key for asked in server.requests] == [f"{KEY}-{number}" for number in range(3)]


def disguised(function):
    """Return a function that does not look like what it returns."""

    def key():
        return function()

    return key


def test_a_coroutine_function_is_refused_by_the_client_that_blocks():
    """At once, where it can be seen."""
    with pytest.raises(ConfigurationError, match="AsyncModelGates"):
        ModelGates(api_key=rotation("coroutine"))


def test_a_disguised_coroutine_function_is_refused_at_the_call(server):
    """A lambda does not say that it returns a coroutine; nothing is left unawaited."""
    coroutine = rotation("coroutine")
    with (
        ModelGates(api_key=disguised(coroutine), base_url=server.base_url) as client,
        pytest.raises(ConfigurationError, match="AsyncModelGates"),
    ):
        client.generations.get("gen-1")
    assert server.requests == []


@pytest.mark.parametrize("disguise", [functools.partial, disguised])
def test_a_disguised_coroutine_function_is_awaited(server, disguise):
    """What counts is what the function returns."""

    async def main():
        key = disguise(rotation("coroutine"))
        async with AsyncModelGates(api_key=key, base_url=server.base_url) as client:
            return await client.generations.get("gen-1")

    assert asyncio.run(main()).id == "gen-1"


@pytest.mark.parametrize("key", [b"sk-mg-bytes", 5, [KEY]])
def test_what_is_no_key_at_all_is_refused_unseen(either, key):
    """Bytes are a common mistake."""
    with pytest.raises(ConfigurationError, match="neither a string nor a function") as caught:
        either.make(api_key=key)
    assert "sk-mg" not in shown(caught.value)


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("where", ["start", "middle", "end"])
def test_a_bad_key_is_refused_unseen(either, bad, where):
    """At construction: a pasted line break is a common mistake."""
    key = {"start": bad + KEY, "middle": KEY[:9] + bad + KEY[9:], "end": KEY + bad}[where]
    with pytest.raises(ConfigurationError, match="white space, control or non-ASCII") as caught:
        either.make(api_key=key)
    assert KEY[:9] not in shown(caught.value)
    assert KEY[9:] not in shown(caught.value)


def test_a_bad_key_of_the_environment_is_refused_unseen(either, monkeypatch):
    """As one that was given."""
    monkeypatch.setenv("MODELGATES_API_KEY", f"{KEY} {KEY}")
    with pytest.raises(ConfigurationError, match="white space") as caught:
        either.make(api_key=None)
    assert KEY not in shown(caught.value)


def failing_functions():
    """Yield names and functions that give no key, or none that can be sent."""

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
@pytest.mark.parametrize("awaited", [False, True])
def test_a_function_that_gives_no_key_is_a_configuration_error(either, server, function, awaited):
    """What it raised may show the key, as may what it returned: neither is passed on."""
    if awaited and not either.is_async:
        pytest.skip("coroutine functions are for AsyncModelGates")

    async def coroutine():
        return function()

    client = either.make(server, api_key=coroutine if awaited else function)
    with pytest.raises(ConfigurationError, match="api_key function") as caught:
        either(client.generations.get("gen-1"))
    assert KEY not in shown(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert server.requests == []


def test_a_function_that_takes_too_long_is_a_timeout(server):
    """The coroutine is within the deadline, too."""

    async def key():
        await asyncio.sleep(60)

    async def main():
        async with AsyncModelGates(api_key=key, base_url=server.base_url, timeout=0.1) as client:
            await client.generations.get("gen-1")

    with pytest.raises(APITimeoutError):
        asyncio.run(main())
    assert server.requests == []


@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
def test_no_header_takes_the_place_of_the_key(either, name):
    """In no spelling; what it would have said is not shown."""
    with pytest.raises(ConfigurationError, match="is set by the client") as caught:
        either.make(headers={name: f"Bearer {KEY}"})
    assert KEY not in f"{caught.value} {caught.value!r}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(either, server, client, status):
    """The key would go along; the error says where to."""
    server.answers(says(b"", status, Location=f"{server.base_url}/elsewhere"))
    with pytest.raises(APIStatusError, match="redirects are not") as caught:
        either(client.generations.get("gen-1"))
    assert caught.value.status_code == status
    assert f"{server.base_url}/elsewhere" in caught.value.message
    assert len(server.requests) == 1


def test_netrc_is_not_read(either, server, client, tmp_path, monkeypatch):
    """A login for the same host does not take the place of the key."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    either(client.generations.get("gen-1"))
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_no_cookies_are_kept(either, server, client):
    """Nothing of one answer goes into the next request."""
    server.answers(says({"data": {"id": "gen-1"}}, Set_Cookie="session=1; Path=/"))
    for _ in range(2):
        either(client.generations.get("gen-1"))
    assert all("cookie" not in asked.headers for asked in server.requests)
    assert len(server.requests) == 2
