"""The requests in flight, and the detection of those that hang."""

import asyncio
from collections.abc import Callable
from typing import Final

from modelgates_client.bulk.gate import MIN_PATIENCE_S, Gate
from modelgates_client.bulk.lookups import Lookup
from modelgates_client.bulk.schedule import Schedule

#: The number of a lookup that is only a probe, for an id that was answered already.
PROBE_NUMBER: Final = -1

_MAX_HANGS: Final = 2  # requests of one id that are abandoned because they hang


class InFlight:
    """The requests of a run in flight, each with the task that awaits its response.

    An abandoned request is sent again; the attempt does not count.
    """

    def __init__(
        self,
        gate: Gate,
        schedule: Schedule,
        on_stall: Callable[[float], None],
        dispatch: Callable[[], None],
    ) -> None:
        """Create an empty collection; `watch` starts looking for requests that hang.

        Args:
            gate: Knows how long a response may take.
            schedule: Takes back abandoned lookups.
            on_stall: Called with the time when no request gets a response.
            dispatch: Called when another request may be sent.
        """
        self._gate = gate
        self._schedule = schedule
        self._on_stall = on_stall
        self._dispatch = dispatch
        self._loop = asyncio.get_running_loop()
        self._lookups: dict[
            asyncio.Task[None], Lookup
        ] = {}  # event loops keep only weak references
        self._timer: asyncio.TimerHandle | None = None

    def __contains__(self, task: asyncio.Task[None] | None) -> bool:
        return task in self._lookups

    def begin(self, task: asyncio.Task[None], lookup: Lookup) -> None:
        """Record the lookup that a task processes."""
        self._lookups[task] = lookup

    def end(self, task: asyncio.Task[None]) -> None:
        """Forget a task."""
        self._lookups.pop(task, None)

    def watch(self, now: float) -> None:
        """Check for a stall periodically while requests are in flight."""
        if self._timer is None:
            self._timer = self._loop.call_at(now + MIN_PATIENCE_S, self._check_for_stall)

    def give_up_older(self, ended_at: float) -> None:
        """Abandon requests that were sent before an outage ended and have no response yet."""
        if self._gate.breaker.is_open:
            return
        for task, lookup in [*self._lookups.items()]:
            if lookup.sent_at < ended_at and lookup.hang_count < _MAX_HANGS:
                lookup.hang_count += 1
                self._give_up(task, lookup)

    def cancel_all(self) -> None:
        """Cancel all requests, and put their lookups back."""
        for task, lookup in [*self._lookups.items()]:
            task.cancel()
            if lookup.number != PROBE_NUMBER:
                self._schedule.put_back(lookup)

    async def close(self) -> None:
        """Cancel all requests, and wait for their tasks to end."""
        if self._timer is not None:
            self._timer.cancel()
        tasks = [*self._lookups]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _check_for_stall(self) -> None:
        """Report a stall if no request gets a response; during an outage, make room for probes."""
        self._timer = None
        if not self._lookups:
            return
        now = self._loop.time()
        at = now + MIN_PATIENCE_S
        breaker = self._gate.breaker
        oldest = min(lookup.sent_at for lookup in self._lookups.values())
        stalls_at = self._gate.stall_suspected_at(oldest, len(self._lookups))
        if not breaker.is_open:
            if stalls_at <= now and all(
                lookup.hang_count < _MAX_HANGS for lookup in self._lookups.values()
            ):
                self._on_stall(now)
            else:
                at = max(stalls_at, now + MIN_PATIENCE_S / 2)
        since = breaker.since
        if since is not None:
            # The oldest makes room for a probe, once even a slow server should have responded.
            is_full = (
                len(self._lookups) >= self._gate.max_in_flight or not self._schedule.has_queued
            )
            is_overdue = now - oldest >= (now - since) / 2 and stalls_at <= now
            if is_full and is_overdue and self._gate.ready_at(now) <= now:
                self._give_up(*min(self._lookups.items(), key=lambda item: item[1].sent_at))
            self._loop.call_soon(self._dispatch)
        self._timer = self._loop.call_at(at, self._check_for_stall)

    def _give_up(self, task: asyncio.Task[None], lookup: Lookup) -> None:
        if not lookup.is_repeatable:
            return  # the server may act on it: keep waiting for its response
        task.cancel()
        self._lookups.pop(task)
        if lookup.number != PROBE_NUMBER:
            self._gate.record_abandoned(lookup, self._loop.time())
            self._schedule.put_back(lookup, lookup.sent_at)
