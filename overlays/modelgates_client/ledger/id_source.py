"""Reading ids into the queue, from iterators that may block or never end."""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from typing import Final

from modelgates_client.errors import ConfigurationError

#: Ids that are read before they are queued.
_MAX_READ_AHEAD: Final = 10_000


class IdSource:
    """Queues the ids of an iterator as they arrive.

    A plain iterator is read in a thread of its own, because it may block, as the lines of a pipe
    do. The thread is abandoned if the fetch ends first.

    Attributes:
        has_ended: Whether no more ids will be queued.
        failure: The exception of the iterator or of queueing.
        changed: Set when ids were queued, and at the end.
    """

    def __init__(
        self,
        ids: Iterable[str] | AsyncIterable[str],
        enqueue: Callable[[list[str]], Awaitable[object]],
    ) -> None:
        """Start reading; `enqueue` queues ids."""
        self.has_ended = False
        self.failure: BaseException | None = None
        self.changed = asyncio.Event()
        self._enqueue = enqueue
        self._ids: deque[str] = deque()
        self._is_exhausted = False
        self._is_closed = False
        self._available = asyncio.Event()
        self._has_room = asyncio.Event()  # for the task that reads
        self._room_condition = threading.Condition()  # for the thread that reads
        self._loop = asyncio.get_running_loop()
        self._tasks = [self._loop.create_task(self._queue())]
        if isinstance(ids, AsyncIterable):
            self._tasks.append(self._loop.create_task(self._read_async(ids)))
        elif isinstance(ids, list | tuple) and not ids:
            self._is_exhausted = True
            self._available.set()
        else:
            # A daemon: it may wait for a line that never arrives when the process ends.
            try:
                threading.Thread(target=self._read_in_thread, args=(ids,), daemon=True).start()
            except RuntimeError as error:
                self.failure = ConfigurationError(
                    f"ids are read in a thread, and none can be started: {error}; raise the "
                    "limit of threads, or pass an asynchronous iterator"
                )
                self._end()

    @property
    def is_complete(self) -> bool:
        """Whether all ids are queued, without a failure."""
        return self.has_ended and self.failure is None

    async def close(self) -> None:
        """Stop reading."""
        with self._room_condition:
            self._is_closed = True
            self._room_condition.notify_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _queue(self) -> None:
        try:
            while True:
                await self._available.wait()
                self._available.clear()
                is_exhausted = self._is_exhausted  # before the ids are taken: none follow
                if batch := [self._ids.popleft() for _ in range(len(self._ids))]:
                    self._has_room.set()
                    with self._room_condition:
                        self._room_condition.notify_all()
                    await self._enqueue(batch)
                    self.changed.set()
                if is_exhausted:
                    break
        except Exception as error:  # noqa: BLE001 - raised by the fetch
            self.failure = self.failure or error
        self.has_ended = True
        self.changed.set()

    async def _read_async(self, ids: AsyncIterable[str]) -> None:
        try:
            async for generation_id in ids:
                while len(self._ids) >= _MAX_READ_AHEAD:
                    self._has_room.clear()
                    await self._has_room.wait()
                self._ids.append(generation_id)
                self._available.set()
        except Exception as error:  # noqa: BLE001 - raised by the fetch
            self.failure = error
        self._end()

    def _read_in_thread(self, ids: Iterable[str]) -> None:
        try:
            for generation_id in ids:
                with self._room_condition:
                    while len(self._ids) >= _MAX_READ_AHEAD and not self._is_closed:
                        self._room_condition.wait()
                if self._is_closed:
                    return
                self._ids.append(generation_id)
                if len(self._ids) == 1:
                    self._call_on_loop(self._available.set)
        except BaseException as error:  # noqa: BLE001 - raised by the fetch
            self.failure = error
        self._call_on_loop(self._end)

    def _end(self) -> None:
        self._is_exhausted = True
        self._available.set()

    def _call_on_loop(self, callback: Callable[[], object]) -> None:
        """Call back on the event loop, unless it is closed because the fetch has ended."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback)
