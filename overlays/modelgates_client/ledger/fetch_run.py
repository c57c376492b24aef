"""One run of a fetch on its ledger: leasing, storing, counting, giving back."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from modelgates_client.bulk.options import Outage
from modelgates_client.bulk.outcomes import Outcome, Resolved
from modelgates_client.errors import ConfigurationError
from modelgates_client.ledger.errors import LedgerError
from modelgates_client.ledger.id_queue import LEASE_S
from modelgates_client.ledger.id_source import IdSource
from modelgates_client.ledger.ledger import Ledger
from modelgates_client.ledger.progress import Progress, ProgressTally
from modelgates_client.ledger.stop_conditions import StopConditions, lasting, leaves, requests
from modelgates_runtime.errors import ModelGatesError

T = TypeVar("T")

_POLL_S: Final = 1.0  # between two looks whether others have given their leases back
_COUNTING: Final = 20  # counting may take one part in so many of the time


class FetchRun:
    """One run on one ledger; what touches that is done in one thread, one after the other."""

    def __init__(self, ledger: Ledger, *, retry_failed: bool, chunk: int) -> None:
        """Do nothing yet; `chunk` ids are leased at a time."""
        self._ledger = ledger
        self._retry_failed = retry_failed
        self._chunk = chunk
        self._thread = ThreadPoolExecutor(1, "modelgates-ledger")
        self._tally = ProgressTally(retry_failed=retry_failed)
        self._feed: IdSource | None = None
        self._counts = ledger.counts()
        self._counted_at, self._counting_s = time.monotonic(), 0.0
        self._judge = StopConditions()
        self._is_broken = False  # nothing more can be stored
        self._renewing: asyncio.Task[None] | None = None

    async def leased(self, ids: Iterable[str] | AsyncIterable[str]) -> AsyncGenerator[str]:
        """Queue ids, and yield what is to be asked for."""
        self._renewing = asyncio.create_task(self._renew())
        self._feed = feed = IdSource(ids, lambda batch: self.do(self._ledger.enqueue, batch))
        while True:
            feed.changed.clear()
            ended = feed.ended  # before the look into the queue
            found = await self.do(
                self._ledger.lease, self._chunk, failed=self._retry_failed, wait=False
            )
            for generation_id in found:
                yield generation_id
            if found:
                continue
            if feed.failure is not None:
                raise feed.failure
            if not ended:
                await feed.changed.wait()
            elif await self.do(self._ledger.others, failed=self._retry_failed):
                await asyncio.sleep(_POLL_S)
            else:
                return

    async def following(self, idle: Callable[[], Awaitable[object]]) -> AsyncGenerator[str]:
        """Yield what is to be asked for, without end; `idle` is awaited when there is nothing."""
        self._renewing = asyncio.create_task(self._renew())
        while True:
            found = await self.do(self._ledger.lease, self._chunk, wait=False)
            for generation_id in found:
                yield generation_id
            if not found:
                await idle()

    def note_outage(self, outage: Outage | None) -> None:
        """Take note of an outage that is going on, or that there is none; it is progress, too."""
        self._tally.outage = outage

    async def store(self, batch: Sequence[Outcome]) -> Progress:
        """Store what came.

        Raises:
            ModelGatesError: It makes no sense to go on. What came besides is stored.
        """
        kept: list[Outcome] = []
        stop: ModelGatesError | None = None
        for outcome in batch:
            if not isinstance(outcome, Resolved):
                self._tally.met(outcome.error)
            problem = self._judge.stop(outcome)
            if problem is not None:
                stop = stop or problem
            else:
                kept.append(lasting(outcome))
        if kept:
            await self.do(self._add, kept)
        if stop is not None:
            raise stop
        return self._progress()

    async def store_rest(self, batches: AsyncGenerator[list[Outcome]]) -> None:
        """Store what is ready now, if it ends early."""
        if self._is_broken:
            return
        rest = asyncio.ensure_future(anext(batches, None))
        await asyncio.sleep(0)  # in which it gets what is ready, or begins to wait
        if not rest.done():
            rest.cancel()
        (found,) = await asyncio.gather(rest, return_exceptions=True)
        if isinstance(found, list):
            with contextlib.suppress(ModelGatesError):  # why it ends is known already
                await self.store(found)

    async def now(self) -> Progress:
        """Return how far it is, counted anew."""
        self._counts = await self.do(self._ledger.counts)
        return self._progress()

    async def give_up(self, older_than_s: float | None) -> int:
        """Forget ids of that age that were asked for in vain; return how many there were."""
        if older_than_s is None:
            return 0
        return await self.do(self._ledger.give_up, older_than_s)

    async def aclose(self) -> None:
        """Give the leases back, and leave the threads."""
        if self._renewing is not None:
            self._renewing.cancel()
        if self._feed is not None:
            await self._feed.close()
        # Leases that cannot be given back end by themselves.
        with contextlib.suppress(LedgerError, ConfigurationError):
            await self.do(self._ledger.release)
        self._thread.shutdown()

    def _progress(self) -> Progress:
        ended = self._feed is not None and self._feed.is_complete
        return self._tally.progress(self._counts, ended=ended)

    def _add(self, kept: list[Outcome]) -> None:
        """Store outcomes in one transaction, and count, but not so often that it is felt."""
        try:
            self._ledger.add(kept)
        except LedgerError:
            self._is_broken = True
            raise
        waiting = sum(not leaves(outcome, retried=self._retry_failed) for outcome in kept)
        self._tally.add([*map(requests, kept)], waiting)
        started = time.monotonic()
        if started - self._counted_at >= _COUNTING * self._counting_s:
            self._counts = self._ledger.counts()
            self._counted_at = time.monotonic()
            self._counting_s = self._counted_at - started

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(LEASE_S / 3)
            with contextlib.suppress(LedgerError):  # adding says what is wrong, if it lasts
                await self.do(self._ledger.renew)

    async def do(self, work: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Do something in the thread. It is done to its end, even if this is cancelled."""
        try:
            waiting = asyncio.wrap_future(self._thread.submit(work, *arguments, **named))
        except RuntimeError as error:
            raise ConfigurationError(
                f"a ledger needs a thread of its own, and none can be started here: {error}; raise "
                "the limit of threads, or fetch before the program goes down"
            ) from None
        try:
            await asyncio.wait([waiting])  # unlike `await waiting`, leaves it alone if cancelled
        except asyncio.CancelledError:
            await asyncio.wait([waiting])
            waiting.exception()  # asked for, or asyncio complains; why this ends is known
            raise
        return waiting.result()
