"""Which mocking, recording and tracing tools see a client's requests; see docs/testing.md."""

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

#: For each tool, whether it sees the requests of a client alone, and with `http_client=`.
TABLE = {
    tool: (alone == "yes", with_client.startswith("yes"))
    for tool, alone, with_client in re.findall(
        r"^\| ([\w -]+)(?:, [^|]+)? \| (yes|no) \| (yes|no)[^|]*\|$",
        Page(ROOT / "docs" / "testing.md").text,
        re.MULTILINE,
    )
}
IDS = ["gen-1", "gen-2", "gen-3"]


@contextmanager
def respx_sees(server, _=None):
    """Mock responses for httpx and httpcore."""
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
    """Record requests, without the key."""
    vcr = pytest.importorskip("vcr")
    path = tmp_path / "cassette.yaml"
    cassettes = vcr.VCR(filter_headers=["authorization"], record_mode="new_episodes")
    with cassettes.use_cassette(str(path)) as cassette:
        yield lambda: len(cassette.requests)
    assert not path.exists() or KEY not in path.read_text(encoding="utf-8")


@contextmanager
def opentelemetry_sees(server, _=None):
    """Trace requests, without the key."""
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
    traced = [request for request in server.requests if "traceparent" in request.headers]
    assert len(traced) == len(exporter.get_finished_spans())


@contextmanager
def responses_sees(server, _=None):
    """Mock responses for requests."""
    responses = pytest.importorskip("responses")
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get(re.compile(".*"), json={})
        yield lambda: len(mock.calls)


@contextmanager
def aioresponses_sees(server, _=None):
    """Mock responses for aiohttp."""
    aioresponses = pytest.importorskip("aioresponses")
    with aioresponses.aioresponses() as mock:
        mock.get(re.compile(".*"), payload={}, repeat=True)
        yield lambda: len(mock.requests)


@contextmanager
def server_sees(server, _=None):
    """Count the requests at the server."""
    yield lambda: len(server.requests)


TOOLS = {
    "respx": respx_sees,
    "vcrpy": vcrpy_sees,
    "OpenTelemetry": opentelemetry_sees,
    "responses": responses_sees,
    "aioresponses": aioresponses_sees,
    "pytest-httpserver": server_sees,
}


def fetch_sync(server, *, has_http_client):
    """Fetch one record, then many; return the ids."""
    with httpx.Client(trust_env=False) as own_client:
        http_client = own_client if has_http_client else None
        client = ModelGates(api_key=KEY, base_url=server.base_url, http_client=http_client)
        with client:
            first = client.generations.get("gen-0").id
            outcomes = list(client.generations.get_many(IDS))
    return [first, *resolved_ids(outcomes)]


def fetch_async(server, *, has_http_client):
    """Fetch one record, then many, with the async client; return the ids."""

    async def fetch():
        async with httpx.AsyncClient(trust_env=False) as own_client:
            http_client = own_client if has_http_client else None
            client = AsyncModelGates(api_key=KEY, base_url=server.base_url, http_client=http_client)
            async with client:
                first = (await client.generations.get("gen-0")).id
                outcomes = [outcome async for outcome in client.generations.get_many(IDS)]
        return [first, *resolved_ids(outcomes)]

    return asyncio.run(fetch())


def resolved_ids(outcomes):
    assert all(isinstance(outcome, Resolved) for outcome in outcomes)
    return sorted(outcome.generation_id for outcome in outcomes)


@pytest.fixture(params=["fast", "plain"])
def extras(request, monkeypatch):
    """With and without the extra `fast`."""
    if request.param == "plain":
        monkeypatch.setitem(sys.modules, "httptools", None)


@pytest.mark.parametrize("has_http_client", [False, True], ids=["alone", "http_client"])
@pytest.mark.parametrize("fetch", [fetch_sync, fetch_async])
@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.usefixtures("extras")
def test_a_tool_sees_what_the_page_says(tool, fetch, has_http_client, tmp_path):
    """All requests or none, of `get` and `get_many`."""
    expected = TABLE[tool][has_http_client]
    with Server() as server, TOOLS[tool](server, tmp_path) as count_requests:
        ids = fetch(server, has_http_client=has_http_client)
        count = count_requests()
    assert ids == ["gen-0", *IDS]
    assert count == (4 if expected else 0)
    assert len(server.requests) == (0 if expected and tool == "respx" else 4)


def test_an_existing_client_is_mocked_only_while_the_mock_is_active():
    """Although it has idle connections."""

    async def main(server):
        async with AsyncModelGates(api_key=KEY, base_url=server.base_url) as client:
            await client.generations.get("gen-1")
            with respx_sees(server) as count_requests:
                await client.generations.get("gen-2")
                assert count_requests() == 1
            await client.generations.get("gen-3")

    with Server() as server:
        asyncio.run(main(server))
        assert [request.id for request in server.requests] == ["gen-1", "gen-3"]
        assert server.all_connections_closed()


def test_a_cassette_is_replayed(tmp_path):
    """Without a request to the server, and to a client with another key."""
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


def test_sync(httpx_mock):
    httpx_mock.add_response(json=BODY)
    with httpx.Client() as http_client:
        client = ModelGates(api_key="k", http_client=http_client)
        assert client.generations.get("gen-1").total_cost == 0.25
    (request,) = httpx_mock.get_requests()
    assert request.url.params["id"] == "gen-1"


def test_async(httpx_mock):
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


@pytest.mark.slow("runs pytest in a process")
def test_pytest_httpx_sees_what_the_page_says(tmp_path):
    """In a separate pytest, because it would see the requests of all tests in this one."""
    pytest.importorskip("pytest_httpx")
    assert TABLE["pytest-httpx"] == (False, True)
    (tmp_path / "test_it.py").write_text(PYTEST_HTTPX)
    with Server() as server:
        (tmp_path / "conftest.py").write_text(CONFTEST.format(base_url=server.base_url))
        command = [sys.executable, "-m", "pytest", "-q", "-p", "pytest_httpx", str(tmp_path)]
        result = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert "3 passed" in result.stdout, result.stdout + result.stderr
    assert len(server.requests) == 1


def test_the_table_lists_each_tool():
    """It lists no other; `tests/client/test_http_client.py` tests the mocks of httpx."""
    assert TABLE.keys() == {*TOOLS, "pytest-httpx"}
