"""The requests that are on their way: which they are, and which of them hang and are given up."""

import asyncio
from collections.abc import Callable
from typing import Final

from modelgates_client.bulk.gate import MIN_PATIENCE_S, Gate
from modelgates_client.bulk.lookups import Lookup
from modelgates_client.bulk.schedule import Schedule

#: The number of an id that was answered already, and is asked for as a probe.
PROBE_NUMBER: Final = -1

_MAX_HANGS: Final = 2  # times that a request of an id is given up because it hangs


class InFlight:
    """The requests of a run that are on their way, each with the task that waits for its answer.

    What is given up is asked for again, at no cost to its id.
    """

    def __init__(
        self,
        gate: Gate,
        schedule: Schedule,
        stalled: Callable[[float], None],
        dispatch: Callable[[], None],
    ) -> None:
        """Watch for what hangs, as soon as there is anything.

        Args:
            gate: Knows how long is odd.
            schedule: Takes back what is given up.
            stalled: Called, with the time, when nothing is heard of any.
            dispatch: Called when another request may go out.
        """
        self._gate = gate
        self._schedule = schedule
        self._stalled = stalled
        self._dispatch = dispatch
        self._loop = asyncio.get_running_loop()
        self._lookups: dict[asyncio.Task[None], Lookup] = {}  # a loop keeps no hold of its tasks
        self._timer: asyncio.TimerHandle | None = None

    def __contains__(self, task: asyncio.Task[None] | None) -> bool:
        return task in self._lookups

    def begin(self, task: asyncio.Task[None], lookup: Lookup) -> None:
        """Take note of what a task asks for."""
        self._lookups[task] = lookup

    def end(self, task: asyncio.Task[None]) -> None:
        """Forget a task."""
        self._lookups.pop(task, None)

    def watch(self, now: float) -> None:
        """Look now and then whether they hang, until there are none."""
        if self._timer is None:
            self._timer = self._loop.call_at(now + MIN_PATIENCE_S, self._look)

    def give_up_older(self, ended_at: float) -> None:
        """Give up what was sent before an outage ended, and is still not answered."""
        if self._gate.breaker.is_open:
            return
        for task, lookup in [*self._lookups.items()]:
            if lookup.sent_at < ended_at and lookup.hangs < _MAX_HANGS:
                lookup.hangs += 1
                self._give_up(task, lookup)

    def cancel_all(self) -> None:
        """Give all up."""
        for task, lookup in [*self._lookups.items()]:
            task.cancel()
            if lookup.number != PROBE_NUMBER:
                self._schedule.put_back(lookup)

    async def close(self) -> None:
        """Cancel all, and wait for their end."""
        if self._timer is not None:
            self._timer.cancel()
        tasks = [*self._lookups]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _look(self) -> None:
        """Look whether requests hang while nothing at all is heard, and probe then."""
        self._timer = None
        if not self._lookups:
            return
        now = self._loop.time()
        at = now + MIN_PATIENCE_S
        breaker = self._gate.breaker
        oldest = min(lookup.sent_at for lookup in self._lookups.values())
        stalls_at = self._gate.stalls_at(oldest, len(self._lookups))
        if not breaker.is_open:
            if stalls_at <= now and all(one.hangs < _MAX_HANGS for one in self._lookups.values()):
                self._stalled(now)
            else:
                at = max(stalls_at, now + MIN_PATIENCE_S / 2)
        since = breaker.since
        if since is not None:
            # One makes room for a probe, but is not given up sooner than a slow server may answer.
            is_full = len(self._lookups) >= self._gate.limit or not self._schedule.has_fresh
            is_old = now - oldest >= (now - since) / 2 and stalls_at <= now
            if is_full and is_old and self._gate.ready_at(now) <= now:
                self._give_up(*min(self._lookups.items(), key=lambda item: item[1].sent_at))
            self._loop.call_soon(self._dispatch)
        self._timer = self._loop.call_at(at, self._look)

    def _give_up(self, task: asyncio.Task[None], lookup: Lookup) -> None:
        if not lookup.is_repeatable:
            return  # the server may act on it: its answer is waited for
        task.cancel()
        self._lookups.pop(task)
        if lookup.number != PROBE_NUMBER:
            self._gate.abandoned(lookup, self._loop.time())
            self._schedule.put_back(lookup, lookup.sent_at)
