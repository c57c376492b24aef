"""Connections that awaited calls share: how many there are, and which of them are used again."""

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
    """One connection, or the place of one: opened and opened again when needed."""

    async def send(
        self, request: Request, secret: Secret, deadline: Deadline, limit: int
    ) -> AttemptResult:
        """Send a request, and read its answer to the end, or to the deadline."""
        ...

    def is_spent(self) -> bool:
        """Whether it must not be used again."""
        ...

    async def close(self) -> None:
        """Close it, whatever it is doing."""
        ...

    def abandon(self) -> None:
        """Close its socket, without its event loop: that is closed, or stands still."""
        ...


class _LoopConnections:
    """The connections of one event loop."""

    def __init__(self, most: int) -> None:
        self.idle: deque[Connection] = deque()
        self.slots = asyncio.Semaphore(most)
        self.waiting = 0  # calls that wait for a place
        self._kept = _kept_for_the_loop(self.idle)

    async def open(self) -> None:
        """Be closed when the event loop ends, as `asyncio.run` ends it."""
        await anext(self._kept)

    async def close(self) -> None:
        """Close the idle ones."""
        await self._kept.aclose()

    def abandon(self) -> None:
        """Close the idle ones, without the event loop."""
        while self.idle:
            self.idle.pop().abandon()
        with contextlib.suppress(StopIteration):  # it awaits nothing any more
            self._kept.aclose().send(None)


async def _kept_for_the_loop(idle: deque[Connection]) -> AsyncGenerator[None]:
    """Close connections in the end, which an event loop brings about for each such generator."""
    try:
        yield
    finally:
        while idle:
            await idle.pop().close()
            await asyncio.sleep(0)  # in which the event loop closes the socket


def running_loop() -> asyncio.AbstractEventLoop:
    """Return the event loop that this is awaited on.

    Raises:
        ConfigurationError: It is none of asyncio.
    """
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise ConfigurationError(
            "AsyncModelGates is for asyncio, whose event loop does not run here; elsewhere, as "
            "under trio, call ModelGates in a thread, or, for all but get_many, give an http_client"
        ) from None


class PooledAsyncEngine(ABC):
    """Sends requests to one server; each event loop has connections of its own.

    Attributes:
        options: Where they go.
        closed: Whether it was closed.
    """

    def __init__(self, options: NetworkOptions, connections: int | None = None) -> None:
        """Connect when the first request is sent, not before.

        Args:
            options: Where to connect to, and how.
            connections: The most connections at one time, all of which may stay open when they are
                idle; None for `exchange.MAX_CONNECTIONS`, of which `exchange.MAX_IDLE` may.
        """
        self.options = options
        self.closed = False
        self._most = exchange.MAX_CONNECTIONS if connections is None else connections
        self._most_idle = exchange.MAX_IDLE if connections is None else connections
        self._loops: dict[asyncio.AbstractEventLoop, _LoopConnections] = {}

    @abstractmethod
    def _connection(self) -> Connection:
        """Return a connection that is still to be opened."""

    async def send(
        self, request: Request, secret: Secret, deadline: Deadline, limit: int
    ) -> AttemptResult:
        """Make one attempt.

        Args:
            request: What to send.
            secret: The key to send with it.
            deadline: When the attempt is over, whatever the server does.
            limit: The most bytes that the body may have.

        Returns:
            What came, or why nothing did.
        """
        connections = await self._current()
        if not connections.slots.locked():  # so there is no wait that could take too long
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
            if self._keeps(connection, connections):
                connections.idle.append(connection)
                connection = None
                if self.closed:  # meanwhile
                    await self.reset()
            return attempt_result
        finally:
            try:
                if connection is not None:
                    await connection.close()
            finally:
                connections.slots.release()

    def check(self) -> None:
        """Raise a `ClientClosedError` if it was closed."""
        if self.closed:
            raise exchange.closed_error()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        running_loop()
        await asyncio.sleep(seconds)

    def within(self, seconds: float) -> asyncio.Timeout:
        """Return what raises a `TimeoutError` after some seconds."""
        running_loop()
        return asyncio.timeout(seconds)

    async def reset(self) -> None:
        """Close the idle connections of this event loop."""
        connections = self._loops.get(running_loop())
        while connections is not None and connections.idle:
            await connections.idle.pop().close()

    async def close(self) -> None:
        """Close the idle connections now, and those in use when their calls are over."""
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
                except RuntimeError:  # it has ended meanwhile
                    closing.close()
                    connections.abandon()

    async def _current(self) -> _LoopConnections:
        loop = running_loop()
        connections = self._loops.get(loop)
        if connections is None:
            for old in [*self._loops]:
                if old.is_closed() and (left := self._loops.pop(old, None)):
                    left.abandon()
            connections = self._loops[loop] = _LoopConnections(self._most)
            await connections.open()
        return connections

    def _keeps(self, connection: Connection, connections: _LoopConnections) -> bool:
        # Who waits for a place comes for a connection, too: closing it would be for nothing.
        room = len(connections.idle) < self._most_idle + connections.waiting
        return room and not self.closed and not connection.is_spent()
