"""One run of a fetch: it leases ids, stores outcomes, counts progress and releases leases."""

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
from modelgates_client.ledger.stop_conditions import (
    StopConditions,
    leaves_queue,
    outcome_to_store,
    request_count,
)
from modelgates_client.ledger.values import GivenUp
from modelgates_runtime.errors import ModelGatesError

T = TypeVar("T")

_POLL_S: Final = 1.0  # between checks whether other holders have released their leases
_MAX_COUNTING: Final = 1 / 20  # of the time may be spent on counting


class FetchRun:
    """One run on one ledger, which is only used in one thread of the run."""

    def __init__(self, ledger: Ledger, *, retry_failed: bool, chunk: int) -> None:
        """Prepare a run that leases `chunk` ids at a time."""
        self._ledger = ledger
        self._retry_failed = retry_failed
        self._chunk = chunk
        self._thread = ThreadPoolExecutor(1, "modelgates-ledger")
        self._tally = ProgressTally(retry_failed=retry_failed)
        self._source: IdSource | None = None
        self._counts = ledger.counts()
        self._counted_at, self._counting_s = time.monotonic(), 0.0
        self._stop_conditions = StopConditions()
        self._is_broken = False  # the ledger cannot be written to
        self._renewing: asyncio.Task[None] | None = None

    async def leased(self, ids: Iterable[str] | AsyncIterable[str]) -> AsyncGenerator[str]:
        """Queue ids, and yield the ids to request."""
        self._renewing = asyncio.create_task(self._renew())
        self._source = source = IdSource(ids, lambda batch: self.do(self._ledger.enqueue, batch))
        while True:
            source.changed.clear()
            has_ended = source.has_ended  # before the queue is read
            leased = await self.do(
                self._ledger.lease, self._chunk, failed=self._retry_failed, wait=False
            )
            for generation_id in leased:
                yield generation_id
            if leased:
                continue
            if source.failure is not None:
                raise source.failure
            if not has_ended:
                await source.changed.wait()
            elif await self.do(self._ledger.count_leased_elsewhere, failed=self._retry_failed):
                await asyncio.sleep(_POLL_S)
            else:
                return

    async def following(self, idle: Callable[[], Awaitable[object]]) -> AsyncGenerator[str]:
        """Yield the ids to request, without end; `idle` is awaited when there are none."""
        self._renewing = asyncio.create_task(self._renew())
        while True:
            leased = await self.do(self._ledger.lease, self._chunk, wait=False)
            for generation_id in leased:
                yield generation_id
            if not leased:
                await idle()

    def note_outage(self, outage: Outage | None) -> None:
        """Record the current outage, or that there is none, for the progress."""
        self._tally.outage = outage

    async def store(self, batch: Sequence[Outcome]) -> Progress:
        """Store outcomes.

        Raises:
            ModelGatesError: The fetch has to stop. The other outcomes are stored.
        """
        stored: list[Outcome] = []
        stop: ModelGatesError | None = None
        for outcome in batch:
            if not isinstance(outcome, Resolved):
                self._tally.add_error(outcome.error)
            problem = self._stop_conditions.check(outcome)
            if problem is not None:
                stop = stop or problem
            else:
                stored.append(outcome_to_store(outcome))
        if stored:
            await self.do(self._add, stored)
        if stop is not None:
            raise stop
        return self._progress()

    async def store_rest(self, batches: AsyncGenerator[list[Outcome]]) -> None:
        """Store the outcomes that are ready, after the fetch ended early."""
        if self._is_broken:
            return
        next_batch = asyncio.ensure_future(anext(batches, None))
        await asyncio.sleep(0)  # in which it gets the batch that is ready, or starts to wait
        if not next_batch.done():
            next_batch.cancel()
        (batch,) = await asyncio.gather(next_batch, return_exceptions=True)
        if isinstance(batch, list):
            with contextlib.suppress(ModelGatesError):  # the fetch has its reason to end already
                await self.store(batch)

    async def progress(self) -> Progress:
        """Return the progress, with new counts."""
        self._counts = await self.do(self._ledger.counts)
        return self._progress()

    async def give_up(self, older_than_s: float | None) -> GivenUp:
        """Stop requesting ids of that age, as `Ledger.give_up` does; None: no id."""
        if older_than_s is None:
            return GivenUp()
        return await self.do(self._ledger.give_up, older_than_s)

    async def aclose(self) -> None:
        """Release the leases, and end the threads."""
        if self._renewing is not None:
            self._renewing.cancel()
        if self._source is not None:
            await self._source.close()
        # Leases that cannot be released expire.
        with contextlib.suppress(LedgerError, ConfigurationError):
            await self.do(self._ledger.release)
        self._thread.shutdown()

    def _progress(self) -> Progress:
        has_all_ids = self._source is not None and self._source.is_complete
        return self._tally.progress(self._counts, has_all_ids=has_all_ids)

    def _add(self, outcomes: list[Outcome]) -> None:
        """Store outcomes in one transaction; update the counts if that is cheap enough."""
        try:
            self._ledger.add(outcomes)
        except LedgerError:
            self._is_broken = True
            raise
        waiting = sum(
            not leaves_queue(outcome, retry_failed=self._retry_failed) for outcome in outcomes
        )
        self._tally.add([*map(request_count, outcomes)], waiting)
        started = time.monotonic()
        if (started - self._counted_at) * _MAX_COUNTING >= self._counting_s:
            self._counts = self._ledger.counts()
            self._counted_at = time.monotonic()
            self._counting_s = self._counted_at - started

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(LEASE_S / 3)
            with contextlib.suppress(LedgerError):  # adding raises if the problem persists
                await self.do(self._ledger.renew)

    async def do(self, function: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Call a function in the run's thread. The call completes even if this is cancelled."""
        try:
            call = asyncio.wrap_future(self._thread.submit(function, *arguments, **named))
        except RuntimeError as error:
            raise ConfigurationError(
                f"a ledger needs a thread of its own, and none can be started: {error}; raise the "
                "limit of threads, or fetch before the program ends"
            ) from None
        try:
            await asyncio.wait([call])  # unlike `await call`, does not cancel it
        except asyncio.CancelledError:
            await asyncio.wait([call])
            call.exception()  # retrieved, so that asyncio does not report it
            raise
        return call.result()
