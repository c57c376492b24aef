"""The connection pool of the async engines: how many connections, and which are reused."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncGenerator
from typing import Protocol

from modelgates_client.errors import ConfigurationError
from modelgates_client.transport import exchange
from modelgates_client.transport.credentials import Secret
from modelgates_client.transport.deadline import Deadline
from modelgates_client.transport.messages import AttemptResult, Request
from modelgates_client.transport.options import NetworkOptions


class Connection(Protocol):
    """One connection of the pool; it connects, and reconnects, when it is needed."""

    async def send(
        self, request: Request, secret: Secret, deadline: Deadline, limit: int
    ) -> AttemptResult:
        """Send a request, and read the response to its end or until the deadline."""
        ...

    def is_reusable(self) -> bool:
        """Whether another request may be sent on it."""
        ...

    async def close(self) -> None:
        """Close it, even in the middle of an exchange."""
        ...

    def abandon(self) -> None:
        """Close its socket without its event loop, which is closed or not running."""
        ...


class _LoopConnections:
    """The connections of one event loop."""

    def __init__(self, max_connections: int) -> None:
        self.idle: deque[Connection] = deque()
        self.slots = asyncio.Semaphore(max_connections)
        self.waiting = 0  # calls that wait for a slot
        self._closer = _close_with_the_loop(self.idle)

    async def open(self) -> None:
        """Register for closing when the event loop shuts down its async generators."""
        await anext(self._closer)

    async def close(self) -> None:
        """Close the idle connections."""
        await self._closer.aclose()

    def abandon(self) -> None:
        """Close the idle connections without the event loop."""
        while self.idle:
            self.idle.pop().abandon()
        with contextlib.suppress(StopIteration):  # nothing is left to await
            self._closer.aclose().send(None)


async def _close_with_the_loop(idle: deque[Connection]) -> AsyncGenerator[None]:
    """Close connections when the generator is closed, as `asyncio.run` does for each of them."""
    try:
        yield
    finally:
        while idle:
            await idle.pop().close()
            await asyncio.sleep(0)  # lets the event loop close the socket


def running_loop() -> asyncio.AbstractEventLoop:
    """Return the running asyncio event loop.

    Raises:
        ConfigurationError: No asyncio event loop is running.
    """
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise ConfigurationError(
            "AsyncModelGates needs asyncio, and no asyncio event loop is running; under trio, for "
            "example, call ModelGates in a thread, or pass an http_client (not for get_many)"
        ) from None


class PooledAsyncEngine(ABC):
    """Sends requests to one server; each event loop has connections of its own.

    Attributes:
        options: Where and how to connect.
        closed: Whether the engine was closed.
    """

    def __init__(self, options: NetworkOptions, connections: int | None = None) -> None:
        """Create the engine; it connects when the first request is sent.

        Args:
            options: Where and how to connect.
            connections: The maximum number of connections, all of which may stay open when idle;
                None for `exchange.MAX_CONNECTIONS`, of which `exchange.MAX_IDLE` may.
        """
        self.options = options
        self.closed = False
        self._max_connections = exchange.MAX_CONNECTIONS if connections is None else connections
        self._max_idle = exchange.MAX_IDLE if connections is None else connections
        self._loops: dict[asyncio.AbstractEventLoop, _LoopConnections] = {}

    @abstractmethod
    def _connection(self) -> Connection:
        """Return a new connection that is not open yet."""

    async def send(
        self, request: Request, secret: Secret, deadline: Deadline, limit: int
    ) -> AttemptResult:
        """Make one attempt.

        Args:
            request: The request.
            secret: The API key to send with it.
            deadline: When the attempt ends, whatever the server does.
            limit: The maximum size of the response body, in bytes.

        Returns:
            The response, or the reason why there is none.
        """
        connections = await self._current()
        if not connections.slots.locked():  # a slot is free, so no timeout is needed
            await connections.slots.acquire()
        else:
            connections.waiting += 1
            try:
                async with asyncio.timeout(deadline.remaining()):
                    await connections.slots.acquire()
            except TimeoutError:
                return exchange.timeout_failure()
            finally:
                connections.waiting -= 1
        connection: Connection | None = None
        try:
            connection = connections.idle.pop() if connections.idle else self._connection()
            attempt_result = await connection.send(request, secret, deadline, limit)
            # A call that waits for a slot needs a connection next: closing this one would waste it.
            has_room = len(connections.idle) < self._max_idle + connections.waiting
            if has_room and not self.closed and connection.is_reusable():
                connections.idle.append(connection)
                connection = None
                if self.closed:  # while the request was sent
                    await self.reset()
            return attempt_result
        finally:
            try:
                if connection is not None:
                    await connection.close()
            finally:
                connections.slots.release()

    def check(self) -> None:
        """Raise a `ClientClosedError` if the engine was closed."""
        if self.closed:
            raise exchange.closed_error()

    async def sleep(self, seconds: float) -> None:
        """Wait for some seconds."""
        running_loop()
        await asyncio.sleep(seconds)

    def within(self, seconds: float) -> asyncio.Timeout:
        """Return a context manager that raises a `TimeoutError` after some seconds."""
        running_loop()
        return asyncio.timeout(seconds)

    async def reset(self) -> None:
        """Close the idle connections of this event loop."""
        connections = self._loops.get(running_loop())
        while connections is not None and connections.idle:
            await connections.idle.pop().close()

    async def close(self) -> None:
        """Close the idle connections now, and those in use when their calls end."""
        self.closed = True
        while self._loops:
            loop, connections = self._loops.popitem()
            if not loop.is_running():
                connections.abandon()
            elif loop is asyncio._get_running_loop():  # noqa: SLF001 - documented; None under trio
                await connections.close()
            else:  # in another thread
                closing = connections.close()
                try:
                    asyncio.run_coroutine_threadsafe(closing, loop)
                except RuntimeError:  # the loop has been closed in the meantime
                    closing.close()
                    connections.abandon()

    async def _current(self) -> _LoopConnections:
        loop = running_loop()
        connections = self._loops.get(loop)
        if connections is None:
            for old in [*self._loops]:
                if old.is_closed() and (left := self._loops.pop(old, None)):
                    left.abandon()
            connections = self._loops[loop] = _LoopConnections(self._max_connections)
            await connections.open()
        return connections
