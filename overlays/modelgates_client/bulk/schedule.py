"""Which lookup is next, which ones wait for their record, and what is ready to be taken. Pure."""

import heapq
from collections import deque
from typing import Final

from modelgates_client.bulk.lookups import Lookup
from modelgates_client.bulk.options import Completed

#: Lookups that are on their way at one time, waiting for late records included, and in order also
#: those that are done: what memory is bounded by.
MAX_OPEN: Final = 10_000


class Schedule:
    """The lookups of one `get_many`.

    Attributes:
        ready: What is finished and may be taken, in the order that was asked for.
    """

    def __init__(self, concurrency: int, *, ordered: bool) -> None:
        """Keep as many ids at hand as are asked for at one time, and as many that are ready."""
        self.ready: deque[Completed] = deque()
        self._most = concurrency
        self._ordered = ordered
        self._fresh: deque[Lookup] = deque()
        self._parked: list[tuple[float, Lookup]] = []
        self._held: dict[int, Completed] = {}  # done before their turn
        self._turn = 0
        self._open = 0

    @property
    def wanted(self) -> int:
        """How many more ids it can take."""
        room = MAX_OPEN - self._open - len(self._held)
        return max(0, min(room, self._most - len(self._fresh)))

    @property
    def waiting(self) -> int:
        """How many lookups are on their way."""
        return self._open

    @property
    def has_fresh(self) -> bool:
        """Whether any could be sent now, beside those that wait for their time."""
        return bool(self._fresh)

    @property
    def is_idle(self) -> bool:
        """Whether no lookup is on its way."""
        return not self._open

    def add(self, lookup: Lookup) -> None:
        """Take a new lookup."""
        self._open += 1
        self._fresh.append(lookup)

    def next(self, now: float) -> Lookup | None:
        """Return what to send; None if there is nothing, or too much that nobody has taken."""
        if len(self.ready) >= self._most:
            return None
        if self._parked and self._parked[0][0] <= now:
            return heapq.heappop(self._parked)[1]
        return self._fresh.popleft() if self._fresh else None

    def next_probe(self, now: float) -> Lookup | None:
        """Return what to send in an outage: one that did not fail in it, if there is one."""
        if self._parked and self._parked[0][0] <= now:
            self._fresh.append(heapq.heappop(self._parked)[1])
        for place, lookup in enumerate(self._fresh):
            if lookup.ambiguous_failure is None:
                del self._fresh[place]
                return lookup
        return self._fresh.pop() if self._fresh else None  # it failed longer ago than the others

    def drain(self) -> list[Lookup]:
        """Give out all that is to be sent, now or later."""
        left = [*self._fresh, *(lookup for _, lookup in self._parked)]
        self._fresh.clear()
        self._parked.clear()
        return sorted(left)

    def next_due(self) -> float | None:
        """Return when the next of those that wait is due; None if none waits."""
        return self._parked[0][0] if self._parked else None

    def park(self, lookup: Lookup, due: float, held_from: float | None = None) -> None:
        """Let a lookup wait, its time standing still from some moment, else from when it is due.

        Its place is free for others.
        """
        lookup.due_s = due if held_from is None else held_from
        heapq.heappush(self._parked, (due, lookup))

    def put_back(self, lookup: Lookup, held_from: float | None = None) -> None:
        """Let a lookup be the next that failed through no fault of its own.

        Its time stands still from some moment, else from when it was due.
        """
        if held_from is not None:
            lookup.due_s = held_from
        self._fresh.appendleft(lookup)

    def put_last(self, lookup: Lookup, held_from: float | None = None) -> None:
        """Put a lookup back as `put_back` does, but behind the others."""
        if held_from is not None:
            lookup.due_s = held_from
        self._fresh.append(lookup)

    def finish(self, completed: Completed) -> None:
        """Take what a lookup came to."""
        self._open -= 1
        if not self._ordered:
            self.ready.append(completed)
            return
        self._held[completed.number] = completed
        while self._turn in self._held:
            self.ready.append(self._held.pop(self._turn))
            self._turn += 1
