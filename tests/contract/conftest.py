"""Both parsers, and the two ways to call the generated operation."""

import asyncio

import httpx
import msgspec
import pytest

from modelgates_api.api.generations import get_generation
from modelgates_runtime import parsing


@pytest.fixture(params=["msgspec", "json"], scope="session")
def parser(request):
    """Run a test with each parser; the results must be equal."""
    loads = {"msgspec": msgspec.json.decode, "json": parsing._loads}[request.param]
    _, rejections = parsing.fast_parser()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parsing, "fast_parser", lambda: (loads, rejections))
        yield request.param


class Plain:
    """A minimal transport to the stub, without retries and errors."""

    def __init__(self, base_url, token=None, headers=()):
        self._base_url = base_url
        self._headers = dict(headers)
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"

    def request(self, call):
        """Return what httpx is to send."""
        headers = {**self._headers, **dict(call.headers)}
        return httpx.Request(
            call.operation.method,
            self._base_url + call.target,
            headers=headers,
            content=call.content,
        )

    def send(self, call, /):
        """Send it, blocking."""
        with httpx.Client(verify=False, trust_env=False) as client:
            answer = client.send(self.request(call))
        return call.operation.decode(answer.status_code, answer.content)


class AsyncPlain(Plain):
    """The same, awaited."""

    async def send(self, call, /):
        """Send it."""
        async with httpx.AsyncClient(verify=False, trust_env=False) as client:
            answer = await client.send(self.request(call))
        return call.operation.decode(answer.status_code, answer.content)


@pytest.fixture(params=["sync", "asyncio"], scope="session")
def call(request, stub):
    """Call the operation by its generated names, with any client; return the decoded body."""

    def call(**options):
        if request.param == "sync":
            client = Plain(stub.base_url, **options)
            return get_generation.sync(client=client, id="gen-1 &/?")
        client = AsyncPlain(stub.base_url, **options)
        return asyncio.run(get_generation.asyncio(client=client, id="gen-1 &/?"))

    return call
