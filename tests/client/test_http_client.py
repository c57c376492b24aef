"""`http_client=`: clients that send through an httpx client of the caller."""

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
from .servers import GUARD_S, KEY, authority, drip, respond_with_record as server_record, silence
from .subprocess_scripts import run

URL = "https://api.example/api/v1"
KINDS = {"sync": (ModelGates, httpx.Client), "async": (AsyncModelGates, httpx.AsyncClient)}


def respond_with_record(request):
    """Respond with the requested record."""
    data = {"id": request.url.params["id"], "finish_reason": "stop", "total_cost": 0.25}
    return httpx.Response(200, json={"data": data})


class HttpxHarness:
    """A client class over an httpx client; calling it returns the value of a method's result.

    Attributes:
        is_async: Whether it is async.
        kind: The client class.
        http: The class of the httpx client.
    """

    def __init__(self, name):
        self.is_async = name == "async"
        self.kind, self.http = KINDS[name]
        self._runner = asyncio.Runner()

    def __call__(self, value):
        return self._runner.run(value) if asyncio.iscoroutine(value) else value

    def mocked(self, respond=respond_with_record, http=(), **options):
        """Return a client over an httpx client with a mock transport, and the latter."""
        http_client = self.http(transport=httpx.MockTransport(respond), **dict(http))
        return self.make(http_client, **options), http_client

    def make(self, http_client, **options):
        """Return a client."""
        return self.kind(**{"api_key": KEY, "base_url": URL, "http_client": http_client, **options})

    def hook(self, function):
        """Return an event hook for an httpx client."""
        if not self.is_async:
            return function

        async def hook(value):
            function(value)

        return hook

    def get_many(self, client, ids, **options):
        """Return the outcomes of many ids, by id."""

        async def collect():
            return [item async for item in client.generations.get_many(ids, **options)]

        outcomes = self._runner.run(collect()) if self.is_async else None
        outcomes = outcomes or list(client.generations.get_many(ids, **options))
        return {item.generation_id: item for item in outcomes}

    def close(self, http_client):
        """Close a client of httpx."""
        self(http_client.aclose() if self.is_async else http_client.close())

    def end(self):
        """Close the event loop."""
        self._runner.close()


@pytest.fixture(params=KINDS)
def harness(request):
    """Each client class in turn."""
    harness = HttpxHarness(request.param)
    yield harness
    harness.end()


# --- ways to send


def test_all_calls_use_the_http_client(harness):
    """`get`, `wait` and `get_many`."""
    request_ids = []

    def respond(request):
        request_ids.append(request.url.params["id"])
        is_missing = request_ids == ["gen-2"]
        return (
            httpx.Response(404, json={"error": {"code": 404}})
            if is_missing
            else respond_with_record(request)
        )

    client, _ = harness.mocked(respond)
    assert harness(client.generations.wait("gen-2")).total_cost == 0.25
    assert harness(client.generations.get("gen-1")).total_cost == 0.25
    assert harness(client.generations.get_raw("gen-1")).status_code == 200
    outcomes = harness.get_many(client, [f"gen-{number}" for number in range(9)], wait=0)
    assert all(isinstance(item, Resolved) for item in outcomes.values())
    assert len(request_ids) == 2 + 1 + 1 + 9


def test_an_asgi_application_can_respond_in_process():
    """Through httpx's ASGI transport."""

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


def test_the_async_client_works_under_trio():
    """Except `get_many`, whose error names an alternative."""

    async def key():
        await trio.lowlevel.checkpoint()
        return KEY

    def respond(request):
        calls.append(request.headers["authorization"])
        return httpx.Response(503) if len(calls) == 1 else respond_with_record(request)

    async def main():
        http_client = httpx.AsyncClient(transport=httpx.MockTransport(respond))
        async with AsyncModelGates(api_key=key, base_url=URL, http_client=http_client) as client:
            got = await client.generations.get("gen-1"), await client.generations.wait("gen-2")
            with pytest.raises(ConfigurationError, match="trio"):
                await anext(client.generations.get_many(["gen-1"]))
        return [record.id for record in got]

    calls = []
    assert trio.run(main) == ["gen-1", "gen-2"]
    assert calls == [f"Bearer {KEY}"] * 3


def test_the_async_client_works_over_sockets_under_trio(server):
    """httpx uses trio's sockets; the deadline applies."""

    async def main():
        async with httpx.AsyncClient(trust_env=False) as http_client:
            client = AsyncModelGates(
                api_key=KEY, base_url=server.base_url, http_client=http_client, timeout=0.3
            )
            patient = client.with_options(timeout=GUARD_S)
            record = await patient.generations.get("gen-1")
            server.respond_with(drip)
            with pytest.raises(APITimeoutError):
                await client.generations.get("gen-1")
            return record.id

    assert trio.run(main) == "gen-1"


def test_http_2_can_be_used(harness, caplog):
    """Requests share a connection, and no log shows the key."""
    caplog.set_level(logging.DEBUG)
    trust = ssl.create_default_context()
    authority().configure_trust(trust)
    versions = []
    hooks = {"response": [harness.hook(lambda response: versions.append(response.http_version))]}
    http_client = harness.http(http2=True, verify=trust, event_hooks=hooks, trust_env=False)
    with Http2Server() as server:
        client = harness.make(http_client, base_url=server.base_url)
        # Threads that share a sync HTTP/2 connection of httpcore may encode their headers in one
        # order and send them in another, which the server cannot decode.
        outcomes = harness.get_many(
            client,
            [f"gen-{number}" for number in range(20)],
            concurrency=5 if harness.is_async else 1,
        )
        assert harness(client.generations.get("gen-1")).total_cost == 0.25
        harness.close(http_client)
    assert {type(item) for item in outcomes.values()} == {Resolved}
    assert set(versions) == {"HTTP/2"}
    assert server.keys == {f"Bearer {KEY}"}
    assert server.connections < 20
    ours = [
        log_record.getMessage()
        for log_record in caplog.records
        if log_record.threadName != server.name
    ]
    assert KEY not in str(ours)


def serve_socks(listener, received):
    """Act as a SOCKS 5 proxy (RFC 1928), and as the server behind it, for one request."""
    sock, _ = listener.accept()
    with sock:
        sock.settimeout(GUARD_S)
        assert sock.recv(99) == b"\x05\x01\x00"
        sock.sendall(b"\x05\x00")
        received.append(sock.recv(99))
        sock.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        received.append(sock.recv(9999))
        body = b'{"data": {"id": "gen-1", "total_cost": 0.25}}'
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def test_a_socks_proxy_can_be_used(harness):
    """httpx implements the protocol."""
    received = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve_socks, args=(listener, received))
        thread.start()
        http_client = harness.http(proxy=f"socks5://127.0.0.1:{listener.getsockname()[1]}")
        client = harness.make(http_client, base_url="http://localhost:9/api/v1", timeout=GUARD_S)
        assert harness(client.generations.get("gen-1")).total_cost == 0.25
        harness.close(http_client)
        thread.join(GUARD_S)
    assert received[0] == b"\x05\x01\x00\x03\x09localhost\x00\x09"
    assert received[1].startswith(b"GET /api/v1/generation?id=gen-1 HTTP/1.1\r\n")


# --- requests


def test_headers_of_both_clients_are_sent(harness):
    """The caller's unless they conflict or describe this request."""
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
    client, _ = harness.mocked(
        lambda request: sent.append(request) or respond_with_record(request),
        {"headers": theirs},
        headers={"X-Ours": "1"},
        http_referer="https://a.example",
    )
    harness(client.generations.get("gen-1"))
    headers = dict(sent[0].headers)
    assert headers.pop("user-agent").startswith("modelgates-client/")
    assert "application/json" in headers.pop("accept").split(", ")
    assert headers == {
        "host": "api.example",
        "accept-encoding": "gzip, deflate",
        "authorization": f"Bearer {KEY}",
        "connection": "keep-alive",
        "http-referer": "https://a.example",
        "traceparent": "00-1",
        "x-ours": "1",
    }


def test_other_settings_of_the_http_client_are_ignored(harness):
    """Its base URL, credentials and redirects."""
    sent = []

    def respond(request):
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
    client, http_client = harness.mocked(respond, http)
    for _ in range(2):
        with pytest.raises(APIStatusError, match="redirects are not followed"):
            harness(client.generations.get("gen-1"))
    assert sent == [f"{URL}/generation?id=gen-1"] * 2
    assert dict(http_client.cookies) == {"session": "theirs"}


@pytest.mark.parametrize(
    ("client_timeout", "expected_max"),
    [
        (httpx.Timeout(None), [300, 300, 300, 300]),
        (httpx.Timeout(100), [100, 100, 100, 100]),
        (httpx.Timeout(600, read=0.5), [300, 0.5, 300, 300]),
    ],
)
def test_timeouts_of_the_http_client_are_reduced_to_the_remaining_time(
    harness, client_timeout, expected_max
):
    """They are never raised."""
    seen = []
    client, _ = harness.mocked(
        lambda request: seen.append(request.extensions["timeout"]) or respond_with_record(request),
        {"timeout": client_timeout},
        timeout=300,
        max_retries=0,
    )
    harness(client.generations.get("gen-1"))
    timeouts = [seen[0][name] for name in ("connect", "read", "write", "pool")]
    assert all(
        bound - 100 < timeout <= bound
        for timeout, bound in zip(timeouts, expected_max, strict=True)
    )


def test_the_http_client_is_not_changed(harness):
    """It contains no key, and stays open and usable after clients over it are closed."""
    client, http_client = harness.mocked()
    before = {name: repr(value) for name, value in vars(http_client).items()}
    harness(client.generations.get("gen-1"))
    harness.get_many(client, ["gen-1"])
    harness(client.with_options(timeout=1).close())
    harness(client.close())
    assert {name: repr(value) for name, value in vars(http_client).items()} == before
    del client
    gc.collect()
    assert not http_client.is_closed
    assert harness(http_client.get(URL, params={"id": "gen-7"})).status_code == 200
    harness.close(http_client)


@pytest.mark.parametrize("kind", [httpx.Client, httpx.AsyncClient])
def test_subclasses_of_httpx_clients_can_be_used(kind):
    """Their own `send` is called; they are not closed."""
    harness = HttpxHarness("sync" if kind is httpx.Client else "async")

    class CustomClient(kind):
        def __reduce__(self):
            raise TypeError("it cannot be copied")

        def send(self, *arguments, **options):
            sent.append(1)
            return super().send(*arguments, **options)

        def __del__(self):
            closed.append(self)

    sent, closed = [], []
    http_client = CustomClient(transport=httpx.MockTransport(respond_with_record))
    client = harness.make(http_client)
    harness(client.generations.get("gen-1"))
    gc.collect()
    assert closed == []
    assert sent == [1]
    harness.end()


# --- invalid clients and conflicts


@pytest.mark.parametrize(
    ("kind", "wrong", "message"),
    [
        (ModelGates, httpx.AsyncClient(), "httpx.AsyncClient; ModelGates takes an httpx.Client"),
        (AsyncModelGates, httpx.Client(), "httpx.Client; AsyncModelGates takes an httpx.AsyncC"),
        (
            ModelGates,
            httpx.MockTransport(respond_with_record),
            "httpx.MockTransport; ModelGates takes",
        ),
        (AsyncModelGates, "http://127.0.0.1:3128", "builtins.str; AsyncModelGates takes"),
    ],
)
def test_an_http_client_of_another_type_is_rejected(kind, wrong, message):
    """At construction, with a one-line error."""
    with pytest.raises(ConfigurationError, match=f"^http_client is {message}[^\n]*$"):
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
def test_options_of_the_connection_conflict_with_an_http_client(harness, own):
    """The error names both."""
    http_client = harness.http()
    with pytest.raises(ConfigurationError, match=f"^{next(iter(own))} and http_client exclude"):
        harness.make(http_client, **own)
    with pytest.raises(ConfigurationError, match=f"^{next(iter(own))} and http_client exclude"):
        harness.make(http_client).with_options(**own)


def test_a_closed_http_client_is_an_error(harness):
    """Whether it was closed before or after construction."""
    client, http_client = harness.mocked()
    harness.close(http_client)
    for use in (
        lambda: harness(client.generations.get("gen-1")),
        lambda: harness(client.generations.wait("gen-1")),
        lambda: harness.get_many(client, ["gen-1"]),
        lambda: harness.make(http_client),
    ):
        with pytest.raises(ClientClosedError, match="the http_client was closed"):
            use()


def test_a_closed_client_does_not_send(harness):
    """Even if its http_client is open."""
    client, _ = harness.mocked()
    harness(client.close())
    with pytest.raises(ClientClosedError, match="the client was closed"):
        harness(client.generations.get("gen-1"))


def test_with_options_keeps_changes_or_removes_the_http_client(harness):
    """According to its arguments."""
    client, http_client = harness.mocked()
    other = client.with_options(timeout=5, base_url="https://d.example/api/v1")
    assert harness(other.generations.get("gen-1")).id == "gen-1"
    assert other._settings.network.http_client is http_client
    another = harness.http(transport=httpx.MockTransport(lambda _: httpx.Response(402)))
    with pytest.raises(APIStatusError):
        harness(client.with_options(http_client=another).generations.get("gen-1"))
    assert client.with_options(http_client=None)._settings.network.http_client is None


def test_a_client_over_an_http_client_cannot_be_pickled(harness, monkeypatch):
    """Even without a literal key."""
    monkeypatch.setenv("MODELGATES_API_KEY", KEY)
    client, _ = harness.mocked(api_key=None)
    with pytest.raises(ConfigurationError, match=r"^a client with an http_client cannot be pickl"):
        pickle.dumps(client)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_in_a_forked_process_it_is_refused(harness):
    """Two processes on one connection would read each other's responses."""
    client, _ = harness.mocked()

    def child(pipe):
        try:
            harness(client.generations.get("gen-1"))
        except ConfigurationError as error:
            pipe.send(str(error))

    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=child, args=(theirs,))
    process.start()
    assert ours.poll(GUARD_S)
    assert "before this process was forked" in ours.recv()
    process.join(GUARD_S)


IMPORT_PROGRAM = """
import sys, typing
from modelgates_client import AsyncModelGates, ModelGates
ModelGates(), AsyncModelGates()
print("httpx" in sys.modules)
print(typing.get_type_hints(ModelGates.__init__)["http_client"])
print("httpx" in sys.modules)
"""


def test_httpx_is_imported_only_when_needed():
    """At the latest when the annotation is resolved."""
    assert run(IMPORT_PROGRAM) == ["False", *["httpx.Client", "|", "None"], "True"]


# --- responses and errors


def test_a_hook_may_read_the_response(harness):
    """The body is then read and decoded once."""
    seen = []

    def hook(response):
        seen.append(response.status_code)

    async def async_reader(response):
        seen.append(await response.aread())

    def respond(request):
        stream = gzip.compress(respond_with_record(request).content)
        return httpx.Response(
            200, stream=StreamedBody(stream), headers={"Content-Encoding": "gzip"}
        )

    reader = async_reader if harness.is_async else lambda response: seen.append(response.read())
    hooks = {"response": [harness.hook(hook), reader]}
    client, _ = harness.mocked(respond, {"event_hooks": hooks})
    raw = harness(client.generations.get_raw("gen-1"))
    assert raw.parsed.data.total_cost == 0.25
    assert seen == [200, raw.body]


class StreamedBody(httpx.SyncByteStream, httpx.AsyncByteStream):
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
        """Record that the stream was closed."""
        self.closed = True

    async def aclose(self):
        """Record that the stream was closed."""
        self.closed = True


def test_a_hook_may_raise_for_the_status(harness):
    """As httpx documents it: the package's error by the status is raised."""
    hooks = {"response": [harness.hook(httpx.Response.raise_for_status)]}
    responses = [httpx.Response(404), httpx.Response(404)]
    client, _ = harness.mocked(
        lambda request: responses.pop() if responses else respond_with_record(request),
        {"event_hooks": hooks},
    )
    with pytest.raises(NotFoundError) as error_info:
        harness(client.generations.get("gen-1"))
    assert error_info.value.status_code == 404
    assert harness(client.generations.wait("gen-1")).id == "gen-1"


def all_texts(error):
    """Return every text of an error and its chain, including the locals of all frames."""
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(report.format()) + repr(vars(error))


def raise_with_key(what):
    """Raise an exception that shows the key, as third-party code may."""
    headers = dict(what.headers)
    raise KeyError(f"nothing for {headers}")


@pytest.mark.parametrize("where", ["request", "response", "transport"])
def test_third_party_exceptions_are_typed_and_show_no_key(harness, where, caplog):
    """They are not retried."""
    caplog.set_level(logging.DEBUG)
    attempts = []

    def respond(request):
        attempts.append(1)
        if where == "transport":
            raise_with_key(request)
        return httpx.Response(200, headers={"X-Key": request.headers["authorization"]})

    hooks = {} if where == "transport" else {where: [harness.hook(raise_with_key)]}
    client, _ = harness.mocked(respond, {"event_hooks": hooks})
    with pytest.raises(APIConnectionError, match=r"the http_client failed: KeyError") as error_info:
        harness(client.generations.get("gen-1"))
    assert KEY not in all_texts(error_info.value)
    assert error_info.value.__cause__ is error_info.value.__context__ is None
    assert len(attempts) == (where != "request")
    assert KEY not in caplog.text


def test_an_interrupt_shows_no_key(harness):
    """Its traceback begins with the package's frames."""

    def respond(_):
        raise KeyboardInterrupt

    client, _ = harness.mocked(respond)
    with pytest.raises(KeyboardInterrupt) as error_info:
        harness(client.generations.get("gen-1"))
    assert KEY not in all_texts(error_info.value)


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
def test_retryable_errors_are_retried(harness, error, kind):
    """As with the package's own connections; the final error is typed."""
    attempts = []

    def respond(request):
        attempts.append(1)
        if len(attempts) % 2:
            raise error
        return respond_with_record(request)

    client, _ = harness.mocked(respond)
    assert harness(client.generations.get_raw("gen-1")).attempts == 2
    with pytest.raises(kind) as error_info:
        harness(client.with_options(max_retries=0).generations.get("gen-1"))
    assert type(error_info.value) is kind


def test_response_size_is_bounded(harness):
    """As received, and decompressed."""
    stream = StreamedBody(*[b"x" * 1000] * 10**6)
    bomb = StreamedBody(gzip.compress(b" " * 10**7))
    responses = [
        httpx.Response(200, stream=stream),
        httpx.Response(200, stream=bomb, headers={"Content-Encoding": "gzip"}),
        httpx.Response(200, content=b"x" * 10**5),
    ]
    client, _ = harness.mocked(lambda _: responses.pop(0), max_response_bytes=50_000)
    for _ in range(3):
        with pytest.raises(ResponseValidationError, match=r"larger than 50000 bytes"):
            harness(client.generations.get("gen-1"))
    assert stream.closed
    assert bomb.closed


def test_httpx_logs_show_no_key(harness, caplog):
    """httpx's own lines remain, without keys that a server sends back."""
    caplog.set_level(logging.DEBUG)
    reason = {"reason_phrase": KEY.encode()}
    client, _ = harness.mocked(lambda _: httpx.Response(402, extensions=reason))
    with pytest.raises(APIStatusError):
        harness(client.generations.get("gen-1"))
    (line,) = [log_record for log_record in caplog.records if log_record.name == "httpx"]
    assert line.getMessage() == (
        f'HTTP Request: GET {URL}/generation?id=gen-1 "HTTP/1.1 402 [API key]"'
    )


# --- timeouts


@pytest.mark.parametrize("reaction", [drip, silence])
def test_the_deadline_applies(harness, server, reaction):
    """Also to a slow endless body; a sync call checks the time after each part."""
    server.respond_with(reaction)
    http_client = harness.http(timeout=None, trust_env=False)
    client = harness.make(http_client, base_url=server.base_url, timeout=0.3)
    began = time.monotonic()
    with pytest.raises(APITimeoutError):
        harness(client.generations.get("gen-1"))
    assert time.monotonic() - began < GUARD_S
    harness.close(http_client)


def test_a_shorter_timeout_of_the_http_client_ends_an_attempt(harness, server, no_backoff):
    """It is retried; the error names the source of the timeout."""
    server.respond_with(silence)
    http_client = harness.http(timeout=httpx.Timeout(GUARD_S, read=0.05), trust_env=False)
    client = harness.make(http_client, base_url=server.base_url, max_retries=2)
    with pytest.raises(
        APITimeoutError, match="http_client timed out before the deadline: ReadTimeout"
    ) as error_info:
        harness(client.generations.get("gen-1"))
    assert error_info.value.attempts == 3
    harness.close(http_client)


def test_a_full_pool_is_not_a_failure(harness):
    """The call waits: nothing was sent."""
    attempts = []

    def respond(request):
        attempts.append(1)
        if len(attempts) < 5:
            raise httpx.PoolTimeout("the pool is full")
        return respond_with_record(request)

    client, _ = harness.mocked(respond, max_retries=0)
    assert harness(client.generations.get_raw("gen-1")).attempts == 1
    full, _ = harness.mocked(raise_pool_timeout, timeout=0.1, max_retries=0)
    with pytest.raises(APITimeoutError):
        harness(full.generations.get("gen-1"))


def test_a_call_waits_for_a_real_pool(server):
    """Beyond httpx's own pool timeout."""

    def slow(request, handler):
        time.sleep(0.2)
        return server_record(request, handler)

    async def main():
        server.respond_with(slow)
        timeout, limits = httpx.Timeout(GUARD_S, pool=0.02), httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(
            timeout=timeout, limits=limits, trust_env=False
        ) as http_client:
            client = AsyncModelGates(
                api_key=KEY, base_url=server.base_url, http_client=http_client, max_retries=0
            )
            calls = [client.generations.get_raw(f"gen-{number}") for number in range(3)]
            return [(item.parsed.data.id, item.attempts) for item in await asyncio.gather(*calls)]

    assert asyncio.run(main()) == [("gen-0", 1), ("gen-1", 1), ("gen-2", 1)]
    assert server.connections == 1


def raise_pool_timeout(_):
    """Raise a pool timeout."""
    raise httpx.PoolTimeout("the pool is full")


# --- get_many


class Barrier:
    """Delays responses until enough requests have arrived.

    Requests that would wait in vain, which is what a test detects, get a response in the end.
    """

    def __init__(self, expected):
        self.expected, self.waiting, self.max_waiting = expected, 0, 0
        self.lock, self.complete, self.async_complete = (
            threading.Lock(),
            threading.Event(),
            asyncio.Event(),
        )

    def __call__(self, request):
        with self.lock:
            self.enter()
        self.complete.wait(GUARD_S)
        time.sleep(0.02)  # an excess request would arrive now
        with self.lock:
            self.waiting -= 1
        return respond_with_record(request)

    async def respond_async(self, request):
        self.enter()
        await asyncio.wait_for(self.async_complete.wait(), GUARD_S)
        await asyncio.sleep(0.02)  # an excess request would arrive now
        self.waiting -= 1
        return respond_with_record(request)

    def enter(self):
        self.waiting += 1
        self.max_waiting = max(self.max_waiting, self.waiting)
        if self.waiting >= self.expected:
            self.complete.set()
            self.async_complete.set()


@pytest.mark.parametrize(("concurrency", "threads"), [(3, 3), (200, 32)])
def test_sync_get_many_uses_few_threads(concurrency, threads):
    """As many as `concurrency`, at most 32; none is left."""
    before = threading.active_count()
    barrier = Barrier(threads)
    with (
        httpx.Client(transport=httpx.MockTransport(barrier)) as http_client,
        ModelGates(api_key=KEY, base_url=URL, http_client=http_client) as client,
    ):
        ids = [f"gen-{number}" for number in range(200)]
        outcomes = list(client.generations.get_many(ids, concurrency=concurrency))
    assert sorted(item.generation_id for item in outcomes) == sorted(ids)
    assert all(isinstance(item, Resolved) for item in outcomes)
    assert barrier.max_waiting == threads
    until = time.monotonic() + GUARD_S
    while threading.active_count() > before and time.monotonic() < until:
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_async_get_many_sends_at_most_a_hundred_requests_at_a_time():
    """More would wait in httpx's pool, which is searched for each of them."""
    barrier = Barrier(100)

    async def main():
        http_client = httpx.AsyncClient(transport=httpx.MockTransport(barrier.respond_async))
        client = AsyncModelGates(api_key=KEY, base_url=URL, http_client=http_client)
        ids = [f"gen-{number}" for number in range(300)]
        return [item async for item in client.generations.get_many(ids, concurrency=300)]

    assert all(isinstance(item, Resolved) for item in asyncio.run(main()))
    assert barrier.max_waiting == 100


def test_get_many_may_be_left_early(harness):
    """Requests in flight end by themselves; the client stays usable."""

    def slow(request):
        time.sleep(0.02)
        return respond_with_record(request)

    client, http_client = harness.mocked(slow)

    async def first():
        outcomes = client.generations.get_many(f"gen-{number}" for number in range(10**6))
        try:
            return await anext(outcomes)
        finally:
            await outcomes.aclose()

    if harness.is_async:
        assert isinstance(harness(first()), Resolved)
    else:
        outcomes = client.generations.get_many(f"gen-{number}" for number in range(10**6))
        assert isinstance(next(outcomes), Resolved)
        outcomes.close()
    assert harness(client.generations.get("gen-1")).id == "gen-1"
    assert not http_client.is_closed


def test_get_many_reports_the_error_of_each_id(harness):
    """Third-party exceptions do not end the run."""

    def respond(request):
        if request.url.params["id"] == "gen-2":
            raise ZeroDivisionError
        return respond_with_record(request)

    client, _ = harness.mocked(respond)
    outcomes = harness.get_many(client, ["gen-1", "gen-2", "gen-3"])
    assert [type(outcomes[f"gen-{number}"]) for number in (1, 2, 3)] == [Resolved, Failed, Resolved]
    assert "ZeroDivisionError" in str(outcomes["gen-2"].error)


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
def test_get_many_under_gevent_is_an_error():
    """gevent's sockets belong to one thread each."""
    assert run(GEVENT) == ["gen-0", "gen-1", "gen-2", "True"]


def test_get_many_over_sockets(harness, server):
    """On the connections of the http_client.

    A pool with fewer connections than threads would make httpx break connections in use.
    """
    limits = httpx.Limits(max_connections=2 if harness.is_async else 10)
    http_client = harness.http(limits=limits, trust_env=False)
    client = harness.make(http_client, base_url=server.base_url)
    outcomes = harness.get_many(client, [f"gen-{number}" for number in range(40)], concurrency=10)
    assert [item for item in outcomes.values() if not isinstance(item, Resolved)] == []
    assert server.connections <= limits.max_connections
    harness.close(http_client)
