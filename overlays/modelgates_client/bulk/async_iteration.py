"""Yields the completed calls of a bulk run on the caller's event loop."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Iterator

from modelgates_client.bulk.bulk_run import Run, RunContext
from modelgates_client.bulk.options import BulkOptions, CallFactory, Completed


async def completed_batches(
    ids: Iterable[object] | AsyncIterable[object],
    factory: CallFactory,
    context: Callable[[], RunContext],
    bulk_options: BulkOptions,
) -> AsyncGenerator[list[Completed]]:
    """Yield completed calls in batches; an empty batch after each report of an outage.

    An error of the ids' iterator, or one that ends the run, is raised after everything that was
    ready before it has been yielded.
    """
    changed = asyncio.Event()
    run = Run(factory, context(), bulk_options, changed.set)
    feeder: _ItemFeeder | _AsyncItemFeeder
    feeder = (
        _AsyncItemFeeder(run, ids, changed)
        if isinstance(ids, AsyncIterable)
        else _ItemFeeder(run, ids)
    )
    try:
        while True:
            changed.clear()
            feeder.fill()
            run.dispatch()
            if run.ready:
                yield [run.ready.popleft() for _ in range(len(run.ready))]
            elif run.monitor.has_update and bulk_options.on_outage is not None:
                run.monitor.has_update = False
                bulk_options.on_outage(run.monitor.outage)
                yield []
            elif run.failure is not None:
                if not feeder.add_pending():
                    raise run.failure
            elif run.is_over:
                return
            else:
                await changed.wait()
    finally:
        await feeder.close()
        await run.close()


class _ItemFeeder:
    """Adds the ids of an iterator to a run, as the run has room for them."""

    def __init__(self, run: Run, ids: Iterable[object]) -> None:
        self._run = run
        self._ids: Iterator[object] = iter(ids)

    def fill(self) -> None:
        """Add as many ids as the run has room for."""
        for _ in range(self._run.free_slots):
            try:
                self._run.add_item(next(self._ids))
            except StopIteration:
                self._run.end_input()
                return

    def add_pending(self) -> bool:
        """Return False: no id is taken from the iterator before there is room for it."""
        return False

    async def close(self) -> None:
        """Do nothing: the iterator belongs to the caller."""


class _AsyncItemFeeder:
    """Adds the ids of an asynchronous iterator to a run, as the run has room for them."""

    def __init__(self, run: Run, ids: AsyncIterable[object], changed: asyncio.Event) -> None:
        self._run = run
        self._changed = changed
        self._has_room = asyncio.Event()
        self._pending: list[object] = []  # at most one, until there is room for it
        self._task = asyncio.ensure_future(self._read_items(ids))

    def fill(self) -> None:
        """Resume the iterator if the run has room."""
        if self._run.free_slots:
            self._has_room.set()

    def add_pending(self) -> bool:
        """Add the id that was taken from the iterator, if any; return whether there was one."""
        had_pending = bool(self._pending)
        while self._pending:
            self._run.add_item(self._pending.pop())
        return had_pending

    async def close(self) -> None:
        """Stop reading the iterator."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _read_items(self, ids: AsyncIterable[object]) -> None:
        try:
            async for generation_id in ids:
                self._pending.append(generation_id)
                while not self._run.free_slots:
                    self._has_room.clear()
                    await self._has_room.wait()
                self.add_pending()
                self._run.dispatch()
            self._run.end_input()
        except Exception as error:  # noqa: BLE001 - raised by `completed_batches`
            self._run.failure = error
        finally:
            self._changed.set()
