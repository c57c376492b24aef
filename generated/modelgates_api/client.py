# Generated from openapi.yaml by `nox -s regenerate`; do not edit.
"""How a request travels: over httpx, blocking or not."""

import asyncio
import ssl
import threading
from collections.abc import Callable, Mapping
from typing import Any, Self, TypeVar

import httpx
from attrs import define, field
from modelgates_runtime.errors import ClientClosedError
from modelgates_runtime.types import Response

T = TypeVar("T")


@define(eq=False)
class Client:
    """Sends the requests of the generated operations; safe to share between threads.

    Attributes:
        base_url: The server's URL, with the path that the spec's `servers` gives it.
        token: Sent as a bearer token; never shown.
        headers: Sent with every request.
        timeout_s: Seconds to wait for a connection, for each read and for each write.
        verify: Whether to verify certificates, or the TLS context to verify them with.
    """

    base_url: str
    token: str | None = field(default=None, kw_only=True, repr=False)
    headers: Mapping[str, str] = field(factory=dict[str, str], kw_only=True, repr=False)
    timeout_s: float = field(default=30.0, kw_only=True)
    verify: bool | ssl.SSLContext = field(default=True, kw_only=True, repr=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)
    _closed: bool = field(default=False, init=False, repr=False)
    _client: httpx.Client | None = field(default=None, init=False, repr=False)
    _async_client: httpx.AsyncClient | None = field(default=None, init=False, repr=False)
    _loop: asyncio.AbstractEventLoop | None = field(default=None, init=False, repr=False)

    def send(self, request: dict[str, Any], parse: Callable[[int, bytes], T]) -> Response[T]:
        """Send a request and parse its answer.

        Raises:
            ClientClosedError: The client was closed.
            ResponseError: The answer is not what the spec says.
            httpx.HTTPError: There was no answer.
        """
        with self._lock:
            self._check_open()
            if self._client is None:
                self._client = httpx.Client(**self._options())
            client = self._client
        try:
            answer = client.request(**request)
        except RuntimeError:
            self._check_open()  # another thread closed it meanwhile
            raise
        return _parsed(answer, parse)

    async def asend(self, request: dict[str, Any], parse: Callable[[int, bytes], T]) -> Response[T]:
        """Send a request and parse its answer; the coroutine form of `send`."""
        with self._lock:
            self._check_open()
            if self._async_client is None or self._loop is not asyncio.get_running_loop():
                # Connections belong to the event loop that opened them.
                self._loop = asyncio.get_running_loop()
                self._async_client = httpx.AsyncClient(**self._options())
            client = self._async_client
        try:
            answer = await client.request(**request)
        except RuntimeError:
            self._check_open()  # another task closed it meanwhile
            raise
        return _parsed(answer, parse)

    def close(self) -> None:
        """Close the connections of `send`; the client takes no more requests."""
        with self._lock:
            self._closed = True
        if self._client is not None:
            self._client.close()

    async def aclose(self) -> None:
        """Close the connections of `asend`; the client takes no more requests."""
        with self._lock:
            self._closed = True
        if self._async_client is not None:
            await self._async_client.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _check_open(self) -> None:
        if self._closed:
            raise ClientClosedError("the client was closed; make a new one")

    def _options(self) -> dict[str, Any]:
        authorization = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return {
            "base_url": self.base_url,
            "headers": {**self.headers, **authorization},
            "timeout": self.timeout_s,
            "verify": self.verify,
        }


def _parsed(answer: httpx.Response, parse: Callable[[int, bytes], T]) -> Response[T]:
    parsed = parse(answer.status_code, answer.content)
    return Response(answer.status_code, answer.content, answer.headers, parsed)


__all__ = ["Client"]
