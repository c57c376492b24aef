"""Fixtures for tests of the stub: both clients with one interface, and raw requests."""

import asyncio
import http.client
import os
import socket
from urllib.parse import urlsplit

import pytest

from modelgates_client import AsyncModelGates, ModelGates, ModelGatesError
from modelgates_client.testing import StubAPI


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    """Ignore the environment of the machine that runs the tests."""
    for name in list(os.environ):
        if name.startswith(("MODELGATES_", "PYTEST_ADDOPTS")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def stub():
    """A stub with one record."""
    with StubAPI() as stub:
        stub.add("gen-1", total_cost=0.25)
        yield stub


@pytest.fixture(params=["sync", "async"])
def get(request, stub):
    """Fetch a record with the sync or the async client, in one attempt."""

    def get_sync(generation_id="gen-1", **options):
        with ModelGates(**settings(options)) as client:
            return client.generations.get_raw(generation_id)

    async def get_async(generation_id="gen-1", **options):
        async with AsyncModelGates(**settings(options)) as client:
            return await client.generations.get_raw(generation_id)

    def settings(options):
        defaults = {"api_key": stub.api_key, "base_url": stub.base_url, "max_retries": 0}
        return {**defaults, **options}

    if request.param == "sync":
        return get_sync
    return lambda *arguments, **options: asyncio.run(get_async(*arguments, **options))


@pytest.fixture
def get_error(get):
    """Fetch a record, which must fail; return the error."""

    def get_error(*arguments, **options):
        with pytest.raises(ModelGatesError) as caught:
            get(*arguments, **options)
        return caught.value

    return get_error


@pytest.fixture
def send(stub):
    """Send a raw request; return the response, with its body in `content`."""

    def send(target="/api/v1/generation?id=gen-1", method="GET", **headers):
        connection = http.client.HTTPConnection(urlsplit(stub.base_url).netloc, timeout=30)
        headers = {"Authorization": f"Bearer {stub.api_key}", **headers}
        try:
            connection.request(
                method, target, headers={name: v for name, v in headers.items() if v is not None}
            )
            response = connection.getresponse()
            response.content = response.read()
            return response
        finally:
            connection.close()

    return send


@pytest.fixture
def connected(stub):
    """An idle connection to the stub."""
    parts = urlsplit(stub.base_url)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
        yield connection
