"""The progress of a fetch, and the tally that counts it."""

import time
from collections import deque
from collections.abc import Sequence
from typing import Final

from attrs import field, frozen

from modelgates_client.bulk.options import Outage
from modelgates_client.ledger.values import GivenUp, LedgerCounts
from modelgates_runtime.errors import ModelGatesError

_RATE_WINDOW_S: Final = 10.0


@frozen
class Progress:
    """The progress of a fetch. Everything that is counted here is on disk.

    Attributes:
        counts: The ids of the ledger by state, including those of other runs.
        total: How many ids the ledger has; None until all ids are queued.
        left: How many ids this run still has to request; None until all ids are queued.
        done: How many ids this run has stored an outcome of.
        requests: How many requests these took.
        requests_per_s: Requests per second, over the last ten seconds.
        done_per_s: Ids per second, over the last ten seconds.
        errors: The latest error of each class in this run, in order of time.
        outage: The current outage; None if there is none.
        given_up: How many old ids this run gave up.
    """

    counts: LedgerCounts
    total: int | None
    left: int | None
    done: int
    requests: int
    requests_per_s: float
    done_per_s: float
    errors: tuple[ModelGatesError, ...] = ()
    outage: Outage | None = None
    given_up: GivenUp = field(factory=GivenUp)

    @property
    def error(self) -> ModelGatesError | None:
        """The latest error; None if there was none."""
        return self.errors[-1] if self.errors else None

    @property
    def eta_s(self) -> float | None:
        """Seconds that the rest will take at this rate; None if that is not known."""
        if self.left is None or not self.done_per_s:
            return None
        return self.left / self.done_per_s


class ProgressTally:
    """Counts what one run has done so far.

    Attributes:
        errors: The latest error of each class, in order of time.
        outage: The current outage; None if there is none.
    """

    def __init__(self, *, retry_failed: bool) -> None:
        """Start at zero; `retry_failed`: failed ids are requested again, too."""
        self.errors: dict[type[ModelGatesError], ModelGatesError] = {}
        self.outage: Outage | None = None
        self._retry_failed = retry_failed
        self._done = self._requests = 0
        self._waiting = 0  # ids that stay in the queue although they were requested
        self._recent: deque[tuple[float, int, int]] = deque([(time.monotonic(), 0, 0)])

    def add_error(self, error: ModelGatesError) -> None:
        """Record an error."""
        self.errors.pop(type(error), None)
        self.errors[type(error)] = error

    def add(self, requests: Sequence[int], waiting: int) -> None:
        """Count stored ids: the requests of each, and how many of the ids stay queued."""
        self._done += len(requests)
        self._requests += sum(requests)
        self._waiting += waiting
        now = time.monotonic()
        self._recent.append((now, self._done, self._requests))
        while len(self._recent) > 2 and self._recent[1][0] < now - _RATE_WINDOW_S:  # noqa: PLR2004 - a span has two ends
            self._recent.popleft()

    def progress(self, counts: LedgerCounts, *, has_all_ids: bool) -> Progress:
        """Return the progress; `has_all_ids`: all ids are queued."""
        queued = counts.pending + counts.provisional + counts.failed * self._retry_failed
        start, done, requests = self._recent[0]
        span_s = max(time.monotonic() - start, 1e-3)
        return Progress(
            counts,
            sum(counts) if has_all_ids else None,
            max(0, queued - self._waiting) if has_all_ids else None,
            self._done,
            self._requests,
            (self._requests - requests) / span_s,
            (self._done - done) / span_s,
            tuple(self.errors.values()),
            self.outage,
        )
