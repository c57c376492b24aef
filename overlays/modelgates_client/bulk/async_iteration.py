"""What is finished of many ids, on the caller's event loop."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Iterator

from modelgates_client.bulk.bulk_run import Run, RunContext
from modelgates_client.bulk.options import BulkOptions, CallFactory, Completed


async def completed(
    ids: Iterable[object] | AsyncIterable[object],
    factory: CallFactory,
    context: Callable[[], RunContext],
    plan: BulkOptions,
) -> AsyncGenerator[list[Completed]]:
    """Yield what is finished, as much at a time as there is; nothing, when an outage was told of.

    What the ids' iterator raises, and what breaks the run, is raised when all that was ready
    before has been taken.
    """
    changed = asyncio.Event()
    run = Run(factory, context(), plan, changed.set)
    feed: _ItemFeeder | _AsyncItemFeeder
    feed = (
        _AsyncItemFeeder(run, ids, changed)
        if isinstance(ids, AsyncIterable)
        else _ItemFeeder(run, ids)
    )
    try:
        while True:
            changed.clear()
            feed.give()
            run.dispatch()
            if run.ready:
                yield [run.ready.popleft() for _ in range(len(run.ready))]
            elif run.monitor.has_news and plan.on_outage is not None:
                run.monitor.has_news = False
                plan.on_outage(run.monitor.outage)
                yield []
            elif run.failure is not None:
                if not feed.hand_over():
                    raise run.failure
            elif run.is_over:
                return
            else:
                await changed.wait()
    finally:
        await feed.close()
        await run.close()


class _ItemFeeder:
    """Offers the ids of an iterator, as they are wanted."""

    def __init__(self, run: Run, ids: Iterable[object]) -> None:
        self._run = run
        self._ids: Iterator[object] = iter(ids)

    def give(self) -> None:
        """Offer what is wanted now."""
        for _ in range(self._run.wanted):
            try:
                self._run.offer(next(self._ids))
            except StopIteration:
                self._run.end()
                return

    def hand_over(self) -> bool:
        """Offer what was taken from the iterator, if there is any; return whether there was."""
        return False

    async def close(self) -> None:
        """Do nothing: the iterator is the caller's."""


class _AsyncItemFeeder:
    """Offers the ids of an asynchronous iterator, as they come and are wanted."""

    def __init__(self, run: Run, ids: AsyncIterable[object], changed: asyncio.Event) -> None:
        self._run = run
        self._changed = changed
        self._room = asyncio.Event()
        self._in_hand: list[object] = []  # at most one, until it is wanted
        self._task = asyncio.ensure_future(self._feed(ids))

    def give(self) -> None:
        """Let the iterator go on, if its ids are wanted."""
        if self._run.wanted:
            self._room.set()

    def hand_over(self) -> bool:
        """Offer what was taken from the iterator, if there is any; return whether there was."""
        there_is = bool(self._in_hand)
        while self._in_hand:
            self._run.offer(self._in_hand.pop())
        return there_is

    async def close(self) -> None:
        """Leave the iterator."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _feed(self, ids: AsyncIterable[object]) -> None:
        try:
            async for generation_id in ids:
                self._in_hand.append(generation_id)
                while not self._run.wanted:
                    self._room.clear()
                    await self._room.wait()
                self.hand_over()
                self._run.dispatch()
            self._run.end()
        except Exception as error:  # noqa: BLE001 - raised to whoever takes what is finished
            self._run.failure = error
        finally:
            self._changed.set()
