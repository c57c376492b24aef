"""Ids on their way into the queue, from iterators that may block or never end."""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from typing import Final

from modelgates_client.errors import ConfigurationError

#: Ids that are read ahead of the queue.
_MAX: Final = 10_000


class IdSource:
    """Puts the ids of an iterator into the queue as they come.

    A plain iterator is read in a thread of its own, for it may block, as the lines of a pipe do. It
    is left behind there if the fetch ends first.

    Attributes:
        ended: Whether no more ids will be queued.
        failure: What the iterator, or queueing, raised.
        changed: Set when ids were queued, and at the end.
    """

    def __init__(
        self,
        ids: Iterable[str] | AsyncIterable[str],
        enqueue: Callable[[list[str]], Awaitable[object]],
    ) -> None:
        """Begin to read; `enqueue` puts ids into the queue."""
        self.ended = False
        self.failure: BaseException | None = None
        self.changed = asyncio.Event()
        self._enqueue = enqueue
        self._read: deque[str] = deque()
        self._over = False
        self._closed = False
        self._came = asyncio.Event()
        self._room = asyncio.Event()  # for a task
        self._taken = threading.Condition()  # for a thread
        self._loop = asyncio.get_running_loop()
        self._tasks = [self._loop.create_task(self._queue())]
        if isinstance(ids, AsyncIterable):
            self._tasks.append(self._loop.create_task(self._follow(ids)))
        elif isinstance(ids, list | tuple) and not ids:
            self._over = True
            self._came.set()
        else:
            # A daemon: it may be waiting for a line that never comes when the process is to end.
            try:
                threading.Thread(target=self._take, args=(ids,), daemon=True).start()
            except RuntimeError as error:
                self.failure = ConfigurationError(
                    f"ids are read in a thread, and none can be started here: {error}; raise the "
                    "limit of threads, or give an asynchronous iterator"
                )
                self._end()

    @property
    def is_complete(self) -> bool:
        """Whether all ids are queued: none was left behind by a failure."""
        return self.ended and self.failure is None

    async def close(self) -> None:
        """Read no more."""
        with self._taken:
            self._closed = True
            self._taken.notify_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _queue(self) -> None:
        try:
            while True:
                await self._came.wait()
                self._came.clear()
                over = self._over  # before the ids are taken: none come after it
                if batch := [self._read.popleft() for _ in range(len(self._read))]:
                    self._room.set()
                    with self._taken:
                        self._taken.notify_all()
                    await self._enqueue(batch)
                    self.changed.set()
                if over:
                    break
        except Exception as error:  # noqa: BLE001 - raised to whoever fetches
            self.failure = self.failure or error
        self.ended = True
        self.changed.set()

    async def _follow(self, ids: AsyncIterable[str]) -> None:
        try:
            async for generation_id in ids:
                while len(self._read) >= _MAX:
                    self._room.clear()
                    await self._room.wait()
                self._read.append(generation_id)
                self._came.set()
        except Exception as error:  # noqa: BLE001 - raised to whoever fetches
            self.failure = error
        self._end()

    def _take(self, ids: Iterable[str]) -> None:
        try:
            for generation_id in ids:
                with self._taken:
                    while len(self._read) >= _MAX and not self._closed:
                        self._taken.wait()
                if self._closed:
                    return
                self._read.append(generation_id)
                if len(self._read) == 1:
                    self._tell(self._came.set)
        except BaseException as error:  # noqa: BLE001 - raised to whoever fetches
            self.failure = error
        self._tell(self._end)

    def _end(self) -> None:
        self._over = True
        self._came.set()

    def _tell(self, callback: Callable[[], object]) -> None:
        """Call back on the event loop, unless that is closed: then nobody fetches any more."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback)
