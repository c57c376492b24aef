"""The engines over an httpx client, without a ModelGates client."""

import asyncio

import httpx
import pytest

from modelgates_client.transport.credentials import Secret
from modelgates_client.transport.deadline import Deadline
from modelgates_client.transport.httpx_engine import AsyncHttpxEngine, HttpxEngine
from modelgates_client.transport.messages import Request
from modelgates_client.transport.options import Server

SERVER = Server.from_url("https://api.example/api/v1", "")
KEY = "sk-mg-f4ultQ7zX"


@pytest.fixture(params=["sync", "async"])
def attempt_result(request):
    """Return the result of a request over a mock transport, with each engine."""

    def attempt_result(respond, sent_request, **http):
        transport = httpx.MockTransport(respond)
        sent = (sent_request, Secret(KEY), Deadline.after(5), 1000)
        if request.param == "sync":
            return HttpxEngine(httpx.Client(transport=transport, **http), SERVER).send(*sent)
        client = httpx.AsyncClient(transport=transport, **http)
        return asyncio.run(AsyncHttpxEngine(client, SERVER).send(*sent))

    return attempt_result


def test_a_body_is_sent_unchanged(attempt_result):
    """With the headers that describe it, not those of the caller's client."""
    seen = []
    request = Request("POST", "/api/v1/x", (("content-type", "application/json"),), b'{"a": 1}')
    theirs = {"Content-Type": "text/html", "Content-Length": "99", "Authorization": "theirs"}
    reply = attempt_result(
        lambda it: seen.append(it) or httpx.Response(201), request, headers=theirs
    )
    assert (reply.status, reply.body, reply.defect) == (201, b"", None)
    (it,) = seen
    assert (it.method, str(it.url), it.content) == (
        "POST",
        "https://api.example/api/v1/x",
        request.body,
    )
    assert it.headers["content-type"] == "application/json"
    assert it.headers["content-length"] == "8"
    assert it.headers["authorization"] == f"Bearer {KEY}"


def test_a_request_without_security_has_no_key(attempt_result):
    """Nor the credentials of the caller's client."""
    seen = []
    request = Request("GET", "/api/v1/open", is_secured=False)
    respond = lambda it: seen.append(it) or httpx.Response(200)  # noqa: E731
    attempt_result(respond, request, headers={"Authorization": "theirs"}, auth=("user", "password"))
    assert "authorization" not in seen[0].headers


@pytest.mark.parametrize(
    ("error", "kind", "is_sent"),
    [
        (httpx.ConnectError("refused"), "connection", False),
        (httpx.ConnectTimeout("slow"), "timeout", False),
        (httpx.ReadTimeout("slow"), "timeout", True),
        (httpx.ReadError("broken"), "connection", True),
        (httpx.RemoteProtocolError("garbage"), "connection", True),
        (httpx.LocalProtocolError("illegal header"), "refused", True),
        (ZeroDivisionError(), "refused", True),
    ],
)
def test_a_failure_says_whether_the_server_may_have_acted(attempt_result, error, kind, is_sent):
    """Non-idempotent requests are retried only if it did not."""

    def respond(_):
        raise error

    failure = attempt_result(respond, Request("POST", "/api/v1/x", (), b"{}"))
    assert (failure.kind, failure.is_sent) == (kind, is_sent)
