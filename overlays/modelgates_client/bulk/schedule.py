"""The queue of a bulk run: new lookups, parked ones, and completed calls. Pure."""

import heapq
from collections import deque
from typing import Final

from modelgates_client.bulk.lookups import Lookup
from modelgates_client.bulk.options import Completed

#: Maximum number of open lookups, parked ones included, plus, in an ordered run, completed calls
#: whose turn has not come. It bounds memory.
MAX_OPEN: Final = 10_000


class Schedule:
    """The lookups of one bulk run.

    Attributes:
        ready: The completed calls to take, in the requested order.
    """

    def __init__(self, concurrency: int, *, ordered: bool) -> None:
        """Queue at most `concurrency` new lookups, and stop sending at as many untaken results."""
        self.ready: deque[Completed] = deque()
        self._concurrency = concurrency
        self._ordered = ordered
        self._queued: deque[Lookup] = deque()
        self._parked: list[tuple[float, Lookup]] = []
        self._finished_early: dict[int, Completed] = {}  # completed before their turn
        self._next_number = 0
        self._open_count = 0
        self._new_count = 0  # queued lookups that were never sent

    @property
    def free_slots(self) -> int:
        """How many more lookups may be added: at least one if only refused or failed ones wait."""
        room = MAX_OPEN - self._open_count - len(self._finished_early)
        return max(0, min(room, max(self._concurrency - len(self._queued), not self.has_new)))

    @property
    def has_new(self) -> bool:
        """Whether a lookup is queued that was never sent."""
        return self._new_count > 0

    @property
    def open_count(self) -> int:
        """How many lookups are not completed."""
        return self._open_count

    @property
    def has_queued(self) -> bool:
        """Whether a lookup that is not parked could be sent now."""
        return bool(self._queued)

    @property
    def is_idle(self) -> bool:
        """Whether all lookups are completed."""
        return not self._open_count

    def add(self, lookup: Lookup) -> None:
        """Add a new lookup."""
        self._open_count += 1
        self._new_count += 1
        self._queued.append(lookup)

    def next(self, now: float) -> Lookup | None:
        """Return the lookup to send; None if there is none, or too many results are untaken."""
        if len(self.ready) >= self._concurrency:
            return None
        if self._parked and self._parked[0][0] <= now:
            return heapq.heappop(self._parked)[1]
        return self._taken(self._queued.popleft()) if self._queued else None

    def _taken(self, lookup: Lookup) -> Lookup:
        self._new_count -= not lookup.attempts
        return lookup

    def next_probe(self, now: float) -> Lookup | None:
        """Return the lookup to send during an outage: one that has not failed, if possible."""
        if self._parked and self._parked[0][0] <= now:
            self._queued.append(heapq.heappop(self._parked)[1])
        for index, lookup in enumerate(self._queued):
            if lookup.ambiguous_failure is None:
                del self._queued[index]
                return self._taken(lookup)
        return self._taken(self._queued.pop()) if self._queued else None  # it failed first

    def drain(self) -> list[Lookup]:
        """Remove and return all lookups to be sent, now or later."""
        left = [*self._queued, *(lookup for _, lookup in self._parked)]
        self._queued.clear()
        self._parked.clear()
        self._new_count = 0
        return sorted(left)

    def next_due(self) -> float | None:
        """Return when the next parked lookup is due; None if none is parked."""
        return self._parked[0][0] if self._parked else None

    def park(self, lookup: Lookup, due: float, paused_from: float | None = None) -> None:
        """Park a lookup until `due`; its slot is free for others.

        Its clock stands still from `paused_from`, or from `due` by default.
        """
        lookup.due_s = due if paused_from is None else paused_from
        heapq.heappush(self._parked, (due, lookup))

    def put_back(self, lookup: Lookup, paused_from: float | None = None) -> None:
        """Put a lookup first that failed through no fault of its own.

        Its clock stands still from `paused_from`, or from its due time by default.
        """
        if paused_from is not None:
            lookup.due_s = paused_from
        self._new_count += not lookup.attempts
        self._queued.appendleft(lookup)

    def put_last(self, lookup: Lookup, paused_from: float | None = None) -> None:
        """Put a lookup back as `put_back` does, but last."""
        if paused_from is not None:
            lookup.due_s = paused_from
        self._new_count += not lookup.attempts
        self._queued.append(lookup)

    def finish(self, completed: Completed) -> None:
        """Record a completed call."""
        self._open_count -= 1
        if not self._ordered:
            self.ready.append(completed)
            return
        self._finished_early[completed.number] = completed
        while self._next_number in self._finished_early:
            self.ready.append(self._finished_early.pop(self._next_number))
            self._next_number += 1
