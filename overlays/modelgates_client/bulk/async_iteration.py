"""Yields the completed calls of a bulk run on the caller's event loop."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable

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
    feeder = _ItemFeeder(run, ids if isinstance(ids, AsyncIterable) else _as_async(ids), changed)
    try:
        while True:
            changed.clear()
            feeder.resume()
            run.dispatch()
            if run.ready:
                yield [run.ready.popleft() for _ in range(len(run.ready))]
            elif run.monitor.has_update and bulk_options.on_outage is not None:
                run.monitor.has_update = False
                bulk_options.on_outage(run.monitor.outage)
                yield []
            elif run.failure is not None:
                raise run.failure
            elif run.is_over:
                return
            else:
                await changed.wait()
    finally:
        await feeder.close()
        await run.close()


async def _as_async(ids: Iterable[object]) -> AsyncIterator[object]:
    for generation_id in ids:
        yield generation_id


class _ItemFeeder:
    """Adds the ids of an iterator to a run. None is taken before the run has room for it."""

    def __init__(self, run: Run, ids: AsyncIterable[object], changed: asyncio.Event) -> None:
        self._run = run
        self._changed = changed
        self._has_room = asyncio.Event()
        self._is_dispatch_due = False
        self._task = asyncio.ensure_future(self._read_items(aiter(ids)))

    def resume(self) -> None:
        """Resume the iterator if the run has room."""
        if self._run.free_slots:
            self._has_room.set()

    async def close(self) -> None:
        """Stop reading the iterator."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _read_items(self, ids: AsyncIterator[object]) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                while not self._run.free_slots:
                    self._has_room.clear()
                    await self._has_room.wait()
                self._run.add_item(await anext(ids))
                if not self._is_dispatch_due:  # once there is no room left, or no id
                    self._is_dispatch_due = True
                    loop.call_soon(self._dispatch)
        except StopAsyncIteration:
            self._run.end_input()
        except BaseException as error:  # noqa: BLE001 - raised by `completed_batches`
            self._run.failure = self._run.failure or error
        finally:
            self._changed.set()

    def _dispatch(self) -> None:
        self._is_dispatch_due = False
        self._run.dispatch()
