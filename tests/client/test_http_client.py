"""`http_client=`: clients that send by a client of httpx that they are given."""

import asyncio
import gc
import gzip
import importlib.util
import logging
import multiprocessing
import os
import pickle
import socket
import ssl
import threading
import time
import traceback

import httpx
import pytest
import trio
import trio.lowlevel

from modelgates_client import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AsyncModelGates,
    ClientClosedError,
    ConfigurationError,
    Failed,
    ModelGates,
    NotFoundError,
    Resolved,
    ResponseValidationError,
)

from .http2 import Http2Server
from .servers import GUARD_S, KEY, authority, drip, silence
from .servers import good as good_of
from .subprocess_scripts import run

URL = "https://api.example/api/v1"
KINDS = {"given": (ModelGates, httpx.Client), "given-async": (AsyncModelGates, httpx.AsyncClient)}


def good(request):
    """Answer with the record that is asked for."""
    data = {"id": request.url.params["id"], "finish_reason": "stop", "total_cost": 0.25}
    return httpx.Response(200, json={"data": data})


class Given:
    """Either client over one of httpx; calling it gives what a call of the client returned.

    Attributes:
        is_async: Whether it is awaited.
        kind: The class of the client.
        http: The class of httpx's.
    """

    def __init__(self, name):
        self.is_async = name == "given-async"
        self.kind, self.http = KINDS[name]
        self._runner = asyncio.Runner()

    def __call__(self, value):
        return self._runner.run(value) if asyncio.iscoroutine(value) else value

    def mocked(self, answer=good, http=(), **options):
        """Return a client over a mock of httpx's, and the latter."""
        http_client = self.http(transport=httpx.MockTransport(answer), **dict(http))
        return self.make(http_client, **options), http_client

    def make(self, http_client, **options):
        """Return a client."""
        return self.kind(**{"api_key": KEY, "base_url": URL, "http_client": http_client, **options})

    def hook(self, function):
        """Return a hook for a client of httpx."""
        if not self.is_async:
            return function

        async def hook(value):
            function(value)

        return hook

    def many(self, client, ids, **options):
        """Return what became of many ids, by id."""

        async def awaited():
            return [one async for one in client.generations.get_many(ids, **options)]

        found = self._runner.run(awaited()) if self.is_async else None
        found = found or list(client.generations.get_many(ids, **options))
        return {one.generation_id: one for one in found}

    def close(self, http_client):
        """Close a client of httpx."""
        self(http_client.aclose() if self.is_async else http_client.close())

    def end(self):
        """Close the event loop."""
        self._runner.close()


@pytest.fixture(params=KINDS)
def given(request):
    """Each client in turn."""
    given = Given(request.param)
    yield given
    given.end()


# --- it sends


def test_calls_go_through_it(given):
    """All of them."""
    asked = []

    def answer(request):
        asked.append(request.url.params["id"])
        late = asked == ["gen-2"]
        return httpx.Response(404, json={"error": {"code": 404}}) if late else good(request)

    client, _ = given.mocked(answer)
    assert given(client.generations.wait("gen-2")).total_cost == 0.25
    assert given(client.generations.get("gen-1")).total_cost == 0.25
    assert given(client.generations.get_raw("gen-1")).status_code == 200
    found = given.many(client, [f"gen-{number}" for number in range(9)], wait=0)
    assert all(isinstance(one, Resolved) for one in found.values())
    assert len(asked) == 2 + 1 + 1 + 9


def test_an_application_answers_in_process():
    """By httpx's transport for ASGI."""

    async def application(scope, _, send):
        assert scope["path"] == "/api/v1/generation"
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        body = b'{"data": {"id": "gen-1", "total_cost": 0.5}}'
        await send({"type": "http.response.body", "body": body})

    async def main():
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport) as http_client:
            client = AsyncModelGates(api_key=KEY, base_url=URL, http_client=http_client)
            return (await client.generations.get("gen-1")).total_cost

    assert asyncio.run(main()) == 0.5


def test_under_trio():
    """All but `get_many`, which says what else there is."""

    async def key():
        await trio.lowlevel.checkpoint()
        return KEY

    def answer(request):
        calls.append(request.headers["authorization"])
        return httpx.Response(503) if len(calls) == 1 else good(request)

    async def main():
        http_client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
        async with AsyncModelGates(api_key=key, base_url=URL, http_client=http_client) as client:
            got = await client.generations.get("gen-1"), await client.generations.wait("gen-2")
            with pytest.raises(ConfigurationError, match="trio"):
                await anext(client.generations.get_many(["gen-1"]))
        return [record.id for record in got]

    calls = []
    assert trio.run(main) == ["gen-1", "gen-2"]
    assert calls == [f"Bearer {KEY}"] * 3


def test_over_sockets_under_trio(server):
    """As httpx does, on trio's sockets; and the deadline holds."""

    async def main():
        async with httpx.AsyncClient(trust_env=False) as http_client:
            client = AsyncModelGates(
                api_key=KEY, base_url=server.base_url, http_client=http_client, timeout=0.3
            )
            patient = client.with_options(timeout=GUARD_S)
            record = await patient.generations.get("gen-1")
            server.answers(drip)
            with pytest.raises(APITimeoutError):
                await client.generations.get("gen-1")
            return record.id

    assert trio.run(main) == "gen-1"


def test_an_http_2_server(given, caplog):
    """Requests share a connection, and no log shows the key."""
    caplog.set_level(logging.DEBUG)
    trust = ssl.create_default_context()
    authority().configure_trust(trust)
    versions = []
    hooks = {"response": [given.hook(lambda response: versions.append(response.http_version))]}
    http_client = given.http(http2=True, verify=trust, event_hooks=hooks, trust_env=False)
    with Http2Server() as server:
        client = given.make(http_client, base_url=server.base_url)
        found = given.many(client, [f"gen-{number}" for number in range(20)], concurrency=5)
        assert given(client.generations.get("gen-1")).total_cost == 0.25
        given.close(http_client)
    assert {type(one) for one in found.values()} == {Resolved}
    assert set(versions) == {"HTTP/2"}
    assert server.keys == {f"Bearer {KEY}"}
    assert server.connections < 20
    ours = [one.getMessage() for one in caplog.records if one.threadName != server.name]
    assert KEY not in str(ours)


def socks(listener, asked):
    """Be a proxy for SOCKS 5 (RFC 1928), and the server behind it, for one request."""
    sock, _ = listener.accept()
    with sock:
        sock.settimeout(GUARD_S)
        assert sock.recv(99) == b"\x05\x01\x00"
        sock.sendall(b"\x05\x00")
        asked.append(sock.recv(99))
        sock.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        asked.append(sock.recv(9999))
        body = b'{"data": {"id": "gen-1", "total_cost": 0.25}}'
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def test_a_proxy_for_socks(given):
    """It is httpx's to speak with."""
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=socks, args=(listener, asked))
        thread.start()
        http_client = given.http(proxy=f"socks5://127.0.0.1:{listener.getsockname()[1]}")
        client = given.make(http_client, base_url="http://localhost:9/api/v1", timeout=GUARD_S)
        assert given(client.generations.get("gen-1")).total_cost == 0.25
        given.close(http_client)
        thread.join(GUARD_S)
    assert asked[0] == b"\x05\x01\x00\x03\x09localhost\x00\x09"
    assert asked[1].startswith(b"GET /api/v1/generation?id=gen-1 HTTP/1.1\r\n")


# --- what is sent


def test_headers_of_both_are_sent(given):
    """The caller's where they do not conflict; nothing that is not about this request."""
    sent = []
    theirs = {
        "traceparent": "00-1",
        "User-Agent": "theirs",
        "Accept": "text/html",
        "Accept-Encoding": "br",
        "Authorization": "Basic x",
        "Host": "elsewhere.example",
        "Cookie": "a=b",
        "Content-Type": "text/html",
        "Content-Length": "3",
        "Transfer-Encoding": "chunked",
    }
    client, _ = given.mocked(
        lambda request: sent.append(request) or good(request),
        {"headers": theirs},
        headers={"X-Ours": "1"},
        http_referer="https://a.example",
    )
    given(client.generations.get("gen-1"))
    headers = dict(sent[0].headers)
    assert headers.pop("user-agent").startswith("modelgates-client/")
    assert headers == {
        "host": "api.example",
        "accept": "application/json",
        "accept-encoding": "gzip, deflate",
        "authorization": f"Bearer {KEY}",
        "connection": "keep-alive",
        "http-referer": "https://a.example",
        "traceparent": "00-1",
        "x-ours": "1",
    }


def test_nothing_else_of_it_counts(given):
    """Neither where it would go, nor who it would say that it is, nor where it would be sent on."""
    sent = []

    def answer(request):
        sent.append(str(request.url))
        assert "cookie" not in request.headers
        assert request.headers["authorization"] == f"Bearer {KEY}"
        return httpx.Response(302, headers={"Location": "https://b.example/", "Set-Cookie": "s=1"})

    http = {
        "base_url": "https://c.example/there",
        "params": {"id": "gen-9", "x": "1"},
        "auth": ("user", "password"),
        "cookies": {"session": "theirs"},
        "follow_redirects": True,
    }
    client, http_client = given.mocked(answer, http)
    for _ in range(2):
        with pytest.raises(APIStatusError, match="redirects are not followed"):
            given(client.generations.get("gen-1"))
    assert sent == [f"{URL}/generation?id=gen-1"] * 2
    assert dict(http_client.cookies) == {"session": "theirs"}


@pytest.mark.parametrize(
    ("theirs", "most"),
    [
        (httpx.Timeout(None), [300, 300, 300, 300]),
        (httpx.Timeout(100), [100, 100, 100, 100]),
        (httpx.Timeout(600, read=0.5), [300, 0.5, 300, 300]),
    ],
)
def test_its_timeouts_are_lowered_to_what_remains(given, theirs, most):
    """Never raised."""
    seen = []
    client, _ = given.mocked(
        lambda request: seen.append(request.extensions["timeout"]) or good(request),
        {"timeout": theirs},
        timeout=300,
        max_retries=0,
    )
    given(client.generations.get("gen-1"))
    timeouts = [seen[0][name] for name in ("connect", "read", "write", "pool")]
    assert all(bound - 100 < found <= bound for found, bound in zip(timeouts, most, strict=True))


def test_it_is_left_as_it_was(given):
    """No key in it; open, whatever becomes of the clients over it; and theirs to go on with."""
    client, http_client = given.mocked()
    before = {name: repr(value) for name, value in vars(http_client).items()}
    given(client.generations.get("gen-1"))
    given.many(client, ["gen-1"])
    given(client.with_options(timeout=1).close())
    given(client.close())
    assert {name: repr(value) for name, value in vars(http_client).items()} == before
    del client
    gc.collect()
    assert not http_client.is_closed
    assert given(http_client.get(URL, params={"id": "gen-7"})).status_code == 200
    given.close(http_client)


@pytest.mark.parametrize("kind", [httpx.Client, httpx.AsyncClient])
def test_clients_of_other_classes(kind):
    """Their own ways of sending count; they are not closed, though they see to that themselves."""
    given = Given("given" if kind is httpx.Client else "given-async")

    class Theirs(kind):
        def __reduce__(self):
            raise TypeError("it cannot be copied")

        def send(self, *arguments, **options):
            sent.append(1)
            return super().send(*arguments, **options)

        def __del__(self):
            closed.append(self)

    sent, closed = [], []
    http_client = Theirs(transport=httpx.MockTransport(good))
    client = given.make(http_client)
    given(client.generations.get("gen-1"))
    gc.collect()
    assert closed == []
    assert sent == [1]
    given.end()


# --- when it may not, or cannot


@pytest.mark.parametrize(
    ("kind", "wrong", "said"),
    [
        (ModelGates, httpx.AsyncClient(), "httpx.AsyncClient; ModelGates takes an httpx.Client"),
        (AsyncModelGates, httpx.Client(), "httpx.Client; AsyncModelGates takes an httpx.AsyncC"),
        (ModelGates, httpx.MockTransport(good), "httpx.MockTransport; ModelGates takes"),
        (AsyncModelGates, "http://127.0.0.1:3128", "builtins.str; AsyncModelGates takes"),
    ],
)
def test_what_is_no_such_client_is_refused(kind, wrong, said):
    """When the client is made, in a line."""
    with pytest.raises(ConfigurationError, match=f"^http_client is {said}[^\n]*$"):
        kind(api_key=KEY, http_client=wrong)


@pytest.mark.parametrize(
    "own",
    [
        {"proxy": "http://127.0.0.1:3128"},
        {"ca_bundle": "ca.pem"},
        {"ssl_context": httpx.create_ssl_context(verify=False)},
        {"trust_env": False},
    ],
    ids=lambda own: next(iter(own)),
)
def test_what_it_decides_itself_cannot_be_said_besides(given, own):
    """Both are named."""
    http_client = given.http()
    with pytest.raises(ConfigurationError, match=f"^{next(iter(own))} and http_client exclude"):
        given.make(http_client, **own)
    with pytest.raises(ConfigurationError, match=f"^{next(iter(own))} and http_client exclude"):
        given.make(http_client).with_options(**own)


def test_one_that_was_closed(given):
    """Before, or meanwhile."""
    client, http_client = given.mocked()
    given.close(http_client)
    for use in (
        lambda: given(client.generations.get("gen-1")),
        lambda: given(client.generations.wait("gen-1")),
        lambda: given.many(client, ["gen-1"]),
        lambda: given.make(http_client),
    ):
        with pytest.raises(ClientClosedError, match="the http_client was closed"):
            use()


def test_a_client_that_was_closed(given):
    """It sends no more, though it could."""
    client, _ = given.mocked()
    given(client.close())
    with pytest.raises(ClientClosedError, match="the client was closed"):
        given(client.generations.get("gen-1"))


def test_with_options_keeps_it(given):
    """And can change it, and take it away."""
    client, http_client = given.mocked()
    other = client.with_options(timeout=5, base_url="https://d.example/api/v1")
    assert given(other.generations.get("gen-1")).id == "gen-1"
    assert other._settings.network.http_client is http_client
    another = given.http(transport=httpx.MockTransport(lambda _: httpx.Response(402)))
    with pytest.raises(APIStatusError):
        given(client.with_options(http_client=another).generations.get("gen-1"))
    assert client.with_options(http_client=None)._settings.network.http_client is None


def test_a_client_over_it_cannot_be_pickled(given, monkeypatch):
    """Even if it were given no key."""
    monkeypatch.setenv("MODELGATES_API_KEY", KEY)
    client, _ = given.mocked(api_key=None)
    with pytest.raises(ConfigurationError, match=r"^a client with an http_client cannot be pickl"):
        pickle.dumps(client)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_in_a_forked_process_it_is_refused(given):
    """Two processes on one connection would read one another's answers."""
    client, _ = given.mocked()

    def child(told):
        try:
            given(client.generations.get("gen-1"))
        except ConfigurationError as error:
            told.send(str(error))

    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=child, args=(theirs,))
    process.start()
    assert ours.poll(GUARD_S)
    assert "before this process was forked" in ours.recv()
    process.join(GUARD_S)


LOADED = """
import sys, typing
from modelgates_client import AsyncModelGates, ModelGates
ModelGates(), AsyncModelGates()
print("httpx" in sys.modules)
print(typing.get_type_hints(ModelGates.__init__)["http_client"])
print("httpx" in sys.modules)
"""


def test_httpx_is_loaded_when_it_is_asked_for():
    """By whoever reads the annotation, at the latest."""
    assert run(LOADED) == ["False", *["httpx.Client", "|", "None"], "True"]


# --- what comes back


def test_a_hook_sees_the_answer(given):
    """It may read it, too: then it is read and decoded once."""
    seen = []

    def hook(response):
        seen.append(response.status_code)

    async def reading(response):
        seen.append(await response.aread())

    def answer(request):
        stream = gzip.compress(good(request).content)
        return httpx.Response(200, stream=Streamed(stream), headers={"Content-Encoding": "gzip"})

    reader = reading if given.is_async else lambda response: seen.append(response.read())
    hooks = {"response": [given.hook(hook), reader]}
    client, _ = given.mocked(answer, {"event_hooks": hooks})
    raw = given(client.generations.get_raw("gen-1"))
    assert raw.parsed.data.total_cost == 0.25
    assert seen == [200, raw.body]


class Streamed(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in parts."""

    def __init__(self, *parts):
        self._parts = parts
        self.closed = False

    def __iter__(self):
        yield from self._parts

    async def __aiter__(self):
        for part in self._parts:
            yield part

    def close(self):
        """Note it."""
        self.closed = True

    async def aclose(self):
        """Note it."""
        self.closed = True


def test_a_hook_may_raise_for_the_status(given):
    """As httpx's documentation does: the error is ours, and follows the status."""
    hooks = {"response": [given.hook(httpx.Response.raise_for_status)]}
    answers = [httpx.Response(404), httpx.Response(404)]
    client, _ = given.mocked(
        lambda request: answers.pop() if answers else good(request), {"event_hooks": hooks}
    )
    with pytest.raises(NotFoundError) as caught:
        given(client.generations.get("gen-1"))
    assert caught.value.status_code == 404
    assert given(client.generations.wait("gen-1")).id == "gen-1"


def everything(error):
    """Return every text of an error and of its chain, and the locals of every frame."""
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(report.format()) + repr(vars(error))


def boom(what):
    """Raise what shows the key, as code of others may."""
    headers = dict(what.headers)
    raise KeyError(f"nothing for {headers}")


@pytest.mark.parametrize("where", ["request", "response", "transport"])
def test_what_others_raise_is_typed_and_shows_no_key(given, where, caplog):
    """Whatever it is; it is not tried again."""
    caplog.set_level(logging.DEBUG)
    asked = []

    def answer(request):
        asked.append(1)
        if where == "transport":
            boom(request)
        return httpx.Response(200, headers={"X-Key": request.headers["authorization"]})

    hooks = {} if where == "transport" else {where: [given.hook(boom)]}
    client, _ = given.mocked(answer, {"event_hooks": hooks})
    with pytest.raises(APIConnectionError, match=r"the http_client failed: KeyError") as caught:
        given(client.generations.get("gen-1"))
    assert KEY not in everything(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert len(asked) == (where != "request")
    assert KEY not in caplog.text


def test_an_interruption_shows_no_key(given):
    """Its traceback begins with us."""

    def answer(_):
        raise KeyboardInterrupt

    client, _ = given.mocked(answer)
    with pytest.raises(KeyboardInterrupt) as caught:
        given(client.generations.get("gen-1"))
    assert KEY not in everything(caught.value)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectError("refused"), APIConnectionError),
        (httpx.ReadError(""), APIConnectionError),
        (httpx.RemoteProtocolError("garbage"), APIConnectionError),
        (httpx.ProxyError("503 no"), APIConnectionError),
        (httpx.ReadTimeout("slow"), APITimeoutError),
        (ConnectionResetError(), APIConnectionError),
    ],
)
@pytest.mark.usefixtures("no_backoff")
def test_what_another_attempt_may_mend_is_tried_again(given, error, kind):
    """As with connections of our own; and ends as typed."""
    asked = []

    def answer(request):
        asked.append(1)
        if len(asked) % 2:
            raise error
        return good(request)

    client, _ = given.mocked(answer)
    assert given(client.generations.get_raw("gen-1")).attempts == 2
    with pytest.raises(kind) as caught:
        given(client.with_options(max_retries=0).generations.get("gen-1"))
    assert type(caught.value) is kind


def test_what_comes_is_bounded(given):
    """As it comes, and as it becomes."""
    stream = Streamed(*[b"x" * 1000] * 10**6)
    bomb = Streamed(gzip.compress(b" " * 10**7))
    answers = [
        httpx.Response(200, stream=stream),
        httpx.Response(200, stream=bomb, headers={"Content-Encoding": "gzip"}),
        httpx.Response(200, content=b"x" * 10**5),
    ]
    client, _ = given.mocked(lambda _: answers.pop(0), max_response_bytes=50_000)
    for _ in range(3):
        with pytest.raises(ResponseValidationError, match=r"larger than 50000 bytes"):
            given(client.generations.get("gen-1"))
    assert stream.closed
    assert bomb.closed


def test_a_line_in_the_log_shows_no_key(given, caplog):
    """httpx's own stays, but for what a server sends back."""
    caplog.set_level(logging.DEBUG)
    reason = {"reason_phrase": KEY.encode()}
    client, _ = given.mocked(lambda _: httpx.Response(402, extensions=reason))
    with pytest.raises(APIStatusError):
        given(client.generations.get("gen-1"))
    (line,) = [one for one in caplog.records if one.name == "httpx"]
    assert line.getMessage() == (
        f'HTTP Request: GET {URL}/generation?id=gen-1 "HTTP/1.1 402 [API key]"'
    )


# --- time


@pytest.mark.parametrize("reaction", [drip, silence])
def test_the_deadline_holds(given, server, reaction):
    """Also where a byte comes now and then; a blocking call looks at the clock between two."""
    server.answers(reaction)
    http_client = given.http(timeout=None, trust_env=False)
    client = given.make(http_client, base_url=server.base_url, timeout=0.3)
    began = time.monotonic()
    with pytest.raises(APITimeoutError):
        given(client.generations.get("gen-1"))
    assert time.monotonic() - began < GUARD_S
    given.close(http_client)


def test_shorter_timeouts_of_its_own_are_attempts(given, server, no_backoff):
    """Each is one of several, and says whose it was."""
    server.answers(silence)
    http_client = given.http(timeout=httpx.Timeout(GUARD_S, read=0.05), trust_env=False)
    client = given.make(http_client, base_url=server.base_url, max_retries=2)
    with pytest.raises(
        APITimeoutError, match="http_client timed out before the deadline: ReadTimeout"
    ) as caught:
        given(client.generations.get("gen-1"))
    assert caught.value.attempts == 3
    given.close(http_client)


def test_a_pool_without_a_place_is_waited_for(given):
    """It is no failure: nothing was sent."""
    tried = []

    def answer(request):
        tried.append(1)
        if len(tried) < 5:
            raise httpx.PoolTimeout("there is no place")
        return good(request)

    client, _ = given.mocked(answer, max_retries=0)
    assert given(client.generations.get_raw("gen-1")).attempts == 1
    full, _ = given.mocked(never, timeout=0.1, max_retries=0)
    with pytest.raises(APITimeoutError):
        given(full.generations.get("gen-1"))


def test_a_real_pool_without_a_place_is_waited_for(server):
    """Whoever comes second has its turn, though httpx would give up sooner."""

    def slow(asked, handler):
        time.sleep(0.2)
        return good_of(asked, handler)

    async def main():
        server.answers(slow)
        timeout, limits = httpx.Timeout(GUARD_S, pool=0.02), httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(
            timeout=timeout, limits=limits, trust_env=False
        ) as http_client:
            client = AsyncModelGates(
                api_key=KEY, base_url=server.base_url, http_client=http_client, max_retries=0
            )
            asked = [client.generations.get_raw(f"gen-{number}") for number in range(3)]
            return [(one.parsed.data.id, one.attempts) for one in await asyncio.gather(*asked)]

    assert asyncio.run(main()) == [("gen-0", 1), ("gen-1", 1), ("gen-2", 1)]
    assert server.connections == 1


def never(_):
    """Have no place."""
    raise httpx.PoolTimeout("there is no place")


# --- many


class Crowd:
    """Who waits for an answer at one time; nobody has one before so many are here.

    Whoever waits in vain, which is what a test is to find, is answered in the end.
    """

    def __init__(self, expected):
        self.expected, self.here, self.most = expected, 0, 0
        self.lock, self.complete, self.awaited_complete = (
            threading.Lock(),
            threading.Event(),
            asyncio.Event(),
        )

    def __call__(self, request):
        with self.lock:
            self.enter()
        self.complete.wait(GUARD_S)
        time.sleep(0.02)  # whoever is one too many comes now
        with self.lock:
            self.here -= 1
        return good(request)

    async def awaited(self, request):
        self.enter()
        await asyncio.wait_for(self.awaited_complete.wait(), GUARD_S)
        await asyncio.sleep(0.02)  # whoever is one too many comes now
        self.here -= 1
        return good(request)

    def enter(self):
        self.here += 1
        self.most = max(self.most, self.here)
        if self.here >= self.expected:
            self.complete.set()
            self.awaited_complete.set()


@pytest.mark.parametrize(("concurrency", "threads"), [(3, 3), (200, 32)])
def test_blocking_get_many_sends_from_few_threads(concurrency, threads):
    """As many as asked for, 32 at most; and none is left."""
    before = threading.active_count()
    crowd = Crowd(threads)
    with (
        httpx.Client(transport=httpx.MockTransport(crowd)) as http_client,
        ModelGates(api_key=KEY, base_url=URL, http_client=http_client) as client,
    ):
        ids = [f"gen-{number}" for number in range(200)]
        found = list(client.generations.get_many(ids, concurrency=concurrency))
    assert sorted(one.generation_id for one in found) == sorted(ids)
    assert all(isinstance(one, Resolved) for one in found)
    assert crowd.most == threads
    until = time.monotonic() + GUARD_S
    while threading.active_count() > before and time.monotonic() < until:
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_awaited_get_many_sends_a_hundred_at_a_time_at_most():
    """More would wait in httpx's pool, which is searched for each of them."""
    crowd = Crowd(100)

    async def main():
        http_client = httpx.AsyncClient(transport=httpx.MockTransport(crowd.awaited))
        client = AsyncModelGates(api_key=KEY, base_url=URL, http_client=http_client)
        ids = [f"gen-{number}" for number in range(300)]
        return [one async for one in client.generations.get_many(ids, concurrency=300)]

    assert all(isinstance(one, Resolved) for one in asyncio.run(main()))
    assert crowd.most == 100


def test_get_many_that_is_left_early(given):
    """What is on its way ends by itself; the client goes on."""

    def slow(request):
        time.sleep(0.02)
        return good(request)

    client, http_client = given.mocked(slow)

    async def first():
        outcomes = client.generations.get_many(f"gen-{number}" for number in range(10**6))
        try:
            return await anext(outcomes)
        finally:
            await outcomes.aclose()

    if given.is_async:
        assert isinstance(given(first()), Resolved)
    else:
        outcomes = client.generations.get_many(f"gen-{number}" for number in range(10**6))
        assert isinstance(next(outcomes), Resolved)
        outcomes.close()
    assert given(client.generations.get("gen-1")).id == "gen-1"
    assert not http_client.is_closed


def test_get_many_says_of_each_id_what_went_wrong(given):
    """What others raise ends no run."""

    def answer(request):
        if request.url.params["id"] == "gen-2":
            raise ZeroDivisionError
        return good(request)

    client, _ = given.mocked(answer)
    found = given.many(client, ["gen-1", "gen-2", "gen-3"])
    assert [type(found[f"gen-{number}"]) for number in (1, 2, 3)] == [Resolved, Failed, Resolved]
    assert "ZeroDivisionError" in str(found["gen-2"].error)


GEVENT = """
from gevent import monkey; monkey.patch_all()
import gevent, httpx
from modelgates_client import ConfigurationError, ModelGates

def answer(request):
    gevent.sleep(0.01)
    return httpx.Response(200, json={"data": {"id": request.url.params["id"]}})

client = ModelGates(http_client=httpx.Client(transport=httpx.MockTransport(answer)))
jobs = [gevent.spawn(client.generations.get, f"gen-{number}") for number in range(3)]
print(*[job.get().id for job in jobs])
try:
    list(client.generations.get_many(["gen-1"]))
except ConfigurationError as error:
    print("threads" in str(error))
"""


@pytest.mark.skipif(not importlib.util.find_spec("gevent"), reason="gevent is not installed")
def test_under_gevent():
    """Its sockets are for one thread each, so there is no `get_many`."""
    assert run(GEVENT) == ["gen-0", "gen-1", "gen-2", "True"]


def test_get_many_over_sockets(given, server):
    """On the connections of the client that is given.

    A pool with fewer places than threads would make httpx break connections that are in use.
    """
    limits = httpx.Limits(max_connections=2 if given.is_async else 10)
    http_client = given.http(limits=limits, trust_env=False)
    client = given.make(http_client, base_url=server.base_url)
    found = given.many(client, [f"gen-{number}" for number in range(40)], concurrency=10)
    assert [one for one in found.values() if not isinstance(one, Resolved)] == []
    assert server.connections <= limits.max_connections
    given.close(http_client)
