"""Which tools for mocking, recording and tracing see the requests of which client: as a page says.

Whichever extras are installed.
"""

import asyncio
import os
import re
import subprocess
import sys
from contextlib import contextmanager

import httpx
import pytest

from modelgates_client import AsyncModelGates, ModelGates, Resolved

from ..client.servers import KEY, Server, record
from ..documents import ROOT, Page

pytestmark = pytest.mark.usefixtures("patient")

#: By tool: whether it sees the requests of a client alone, and of one with an `http_client`.
TABLE = {
    tool: (own == "yes", given.startswith("yes"))
    for tool, own, given in re.findall(
        r"^\| ([\w -]+)(?:, [^|]+)? \| (yes|no) \| (yes|no)[^|]*\|$",
        Page(ROOT / "docs" / "testing.md").text,
        re.MULTILINE,
    )
}
IDS = ["gen-1", "gen-2", "gen-3"]


@contextmanager
def respx_sees(server, _=None):
    """Answer instead of the server."""
    respx = pytest.importorskip("respx")
    with respx.mock(assert_all_called=False) as mock:
        mock.get(url__startswith=server.base_url).mock(
            side_effect=lambda request: httpx.Response(
                200, content=record(request.url.params["id"]).body
            )
        )
        yield lambda: mock.calls.call_count


@contextmanager
def vcrpy_sees(server, tmp_path):
    """Record, without the key."""
    vcr = pytest.importorskip("vcr")
    path = tmp_path / "cassette.yaml"
    cassettes = vcr.VCR(filter_headers=["authorization"], record_mode="new_episodes")
    with cassettes.use_cassette(str(path)) as cassette:
        yield lambda: len(cassette.requests)
    assert not path.exists() or KEY not in path.read_text(encoding="utf-8")


@contextmanager
def opentelemetry_sees(server, _=None):
    """Trace, without the key."""
    pytest.importorskip("opentelemetry.instrumentation.httpx")
    from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import (  # noqa: PLC0415
        InMemorySpanExporter,
    )

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = HTTPXClientInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    try:
        yield lambda: len(exporter.get_finished_spans())
    finally:
        instrumentor.uninstrument()
    assert KEY not in "".join(span.to_json() for span in exporter.get_finished_spans())
    traced = [asked.headers for asked in server.requests if "traceparent" in asked.headers]
    assert len(traced) == len(exporter.get_finished_spans())


@contextmanager
def responses_sees(server, _=None):
    """Answer whoever uses requests."""
    responses = pytest.importorskip("responses")
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get(re.compile(".*"), json={})
        yield lambda: len(mock.calls)


@contextmanager
def aioresponses_sees(server, _=None):
    """Answer whoever uses aiohttp."""
    aioresponses = pytest.importorskip("aioresponses")
    with aioresponses.aioresponses() as mock:
        mock.get(re.compile(".*"), payload={}, repeat=True)
        yield lambda: len(mock.requests)


@contextmanager
def server_sees(server, _=None):
    """Be asked."""
    yield lambda: len(server.requests)


TOOLS = {
    "respx": respx_sees,
    "vcrpy": vcrpy_sees,
    "OpenTelemetry": opentelemetry_sees,
    "responses": responses_sees,
    "aioresponses": aioresponses_sees,
    "pytest-httpserver": server_sees,
}


def blocking(server, *, is_given):
    """Ask for one, then for many."""
    with httpx.Client(trust_env=False) as http_client:
        given = http_client if is_given else None
        client = ModelGates(api_key=KEY, base_url=server.base_url, http_client=given)
        with client:
            found = [client.generations.get("gen-0").id]
            many = list(client.generations.get_many(IDS))
    assert all(isinstance(one, Resolved) for one in many)
    return found + sorted(one.generation_id for one in many)


def awaited(server, *, is_given):
    """Ask for one, then for many, on an event loop."""
    return asyncio.run(_awaited(server, is_given=is_given))


async def _awaited(server, *, is_given):
    async with httpx.AsyncClient(trust_env=False) as http_client:
        given = http_client if is_given else None
        client = AsyncModelGates(api_key=KEY, base_url=server.base_url, http_client=given)
        async with client:
            found = [(await client.generations.get("gen-0")).id]
            many = [one async for one in client.generations.get_many(IDS)]
    assert all(isinstance(one, Resolved) for one in many)
    return found + sorted(one.generation_id for one in many)


@pytest.fixture(params=["fast", "plain"])
def extras(request, monkeypatch):
    """With the extra `fast`, and as if it were not installed."""
    if request.param == "plain":
        monkeypatch.setitem(sys.modules, "httptools", None)


@pytest.mark.parametrize("is_given", [False, True], ids=["alone", "http_client"])
@pytest.mark.parametrize("ask", [blocking, awaited])
@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.usefixtures("extras")
def test_a_tool_sees_what_the_page_says(tool, ask, is_given, tmp_path):
    """Every request or none, in `get` and in `get_many`."""
    expected = TABLE[tool][is_given]
    with Server() as server, TOOLS[tool](server, tmp_path) as seen:
        found = ask(server, is_given=is_given)
        count = seen()
    assert found == ["gen-0", *IDS]
    assert count == (4 if expected else 0)
    assert len(server.requests) == (0 if expected and tool == "respx" else 4)


def test_a_client_that_was_made_before_a_mock():
    """It is mocked, too, and goes on without when the mock is gone; both on idle connections."""

    async def main(server):
        async with AsyncModelGates(api_key=KEY, base_url=server.base_url) as client:
            await client.generations.get("gen-1")
            with respx_sees(server) as seen:
                await client.generations.get("gen-2")
                assert seen() == 1
            await client.generations.get("gen-3")

    with Server() as server:
        asyncio.run(main(server))
        assert [asked.id for asked in server.requests] == ["gen-1", "gen-3"]
        assert server.is_left()


def test_a_cassette_is_played_back(tmp_path):
    """Without asking the server, and to a client with another key."""
    vcr = pytest.importorskip("vcr")
    cassettes = vcr.VCR(filter_headers=["authorization"], record_mode="once")
    with Server() as server:
        for key in (KEY, "another"):
            with (
                cassettes.use_cassette(str(tmp_path / "cassette.yaml")),
                httpx.Client(trust_env=False) as http_client,
            ):
                client = ModelGates(api_key=key, base_url=server.base_url, http_client=http_client)
                assert client.generations.get("gen-1").id == "gen-1"
        assert len(server.requests) == 1


PYTEST_HTTPX = """
import asyncio
import httpx
import pytest
from modelgates_client import AsyncModelGates, ModelGates

BODY = {"data": {"id": "gen-1", "total_cost": 0.25}}


def test_blocking(httpx_mock):
    httpx_mock.add_response(json=BODY)
    with httpx.Client() as http_client:
        client = ModelGates(api_key="k", http_client=http_client)
        assert client.generations.get("gen-1").total_cost == 0.25
    (request,) = httpx_mock.get_requests()
    assert request.url.params["id"] == "gen-1"


def test_awaited(httpx_mock):
    async def main():
        async with httpx.AsyncClient() as http_client:
            client = AsyncModelGates(api_key="k", http_client=http_client)
            return await client.generations.get("gen-1")

    httpx_mock.add_response(json=BODY)
    assert asyncio.run(main()).total_cost == 0.25


@pytest.mark.httpx_mock(assert_all_responses_were_requested=False)
def test_alone(httpx_mock, server):
    httpx_mock.add_response(json=BODY)
    with ModelGates(api_key="k", base_url=server) as client:
        assert client.generations.get("gen-1").id == "gen-1"
    assert httpx_mock.get_requests() == []
"""

CONFTEST = """
import pytest


@pytest.fixture
def server():
    return {base_url!r}
"""


@pytest.mark.slow("a pytest run of its own")
def test_pytest_httpx_sees_what_the_page_says(tmp_path):
    """In a pytest of its own, for it would see the requests of every test that is run here."""
    pytest.importorskip("pytest_httpx")
    assert TABLE["pytest-httpx"] == (False, True)
    (tmp_path / "test_it.py").write_text(PYTEST_HTTPX)
    with Server() as server:
        (tmp_path / "conftest.py").write_text(CONFTEST.format(base_url=server.base_url))
        command = [sys.executable, "-m", "pytest", "-q", "-p", "pytest_httpx", str(tmp_path)]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert "3 passed" in done.stdout, done.stdout + done.stderr
    assert len(server.requests) == 1


def test_the_table_names_each_tool():
    """And no other; what httpx brings itself is tried in `tests/client/test_http_client.py`."""
    assert TABLE.keys() == {*TOOLS, "pytest-httpx"}
