"""How far a fetch is: plain values, and the tally that makes them."""

import time
from collections import deque
from collections.abc import Sequence
from typing import Final

from attrs import frozen

from modelgates_client.bulk.options import Outage
from modelgates_client.ledger.values import LedgerCounts
from modelgates_runtime.errors import ModelGatesError

_WINDOW_S: Final = 10.0  # of which rates are told


@frozen
class Progress:
    """How far a fetch is. All that is counted here is on disk.

    Attributes:
        counts: The ids of the ledger, by what is known of them; those of other runs included.
        total: How many ids the ledger knows; None while more of them are on their way.
        left: How many ids are still to be asked for in this run; None while more are on their way.
        done: Of how many ids this run has stored what became of them.
        requests: How many requests that took.
        requests_per_s: Requests per second, over the last ten seconds.
        done_per_s: Ids per second, likewise.
        errors: The latest error of each class in this run, the latest last.
        outage: The outage that is going on; None if there is none.
        given_up: How many ids this run has given up, for they are old and there is no record.
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
    given_up: int = 0

    @property
    def error(self) -> ModelGatesError | None:
        """The latest error; None if there was none."""
        return self.errors[-1] if self.errors else None

    @property
    def eta_s(self) -> float | None:
        """Seconds that what is left will take at this rate; None if that is not known."""
        if self.left is None or not self.done_per_s:
            return None
        return self.left / self.done_per_s


class ProgressTally:
    """What one run has done so far.

    Attributes:
        errors: The latest error of each class, the latest last.
        outage: The outage that is going on; None if there is none.
    """

    def __init__(self, *, retry_failed: bool) -> None:
        """Begin at nothing; `retry_failed`: failed ids are asked for again, too."""
        self.errors: dict[type[ModelGatesError], ModelGatesError] = {}
        self.outage: Outage | None = None
        self._retry_failed = retry_failed
        self._done = self._requests = 0
        self._waiting = 0  # ids that stay in the queue though they were asked for
        self._recent: deque[tuple[float, int, int]] = deque([(time.monotonic(), 0, 0)])

    def met(self, error: ModelGatesError) -> None:
        """Keep an error."""
        self.errors.pop(type(error), None)
        self.errors[type(error)] = error

    def add(self, requests: Sequence[int], waiting: int) -> None:
        """Count ids that are stored: the requests of each, and how many of them stay queued."""
        self._done += len(requests)
        self._requests += sum(requests)
        self._waiting += waiting
        now = time.monotonic()
        self._recent.append((now, self._done, self._requests))
        while len(self._recent) > 2 and self._recent[1][0] < now - _WINDOW_S:  # noqa: PLR2004 - a span has two ends
            self._recent.popleft()

    def progress(self, counts: LedgerCounts, *, ended: bool) -> Progress:
        """Return how far it is; `ended`: no more ids are on their way."""
        queued = counts.pending + counts.provisional + counts.failed * self._retry_failed
        then, done, requests = self._recent[0]
        span_s = max(time.monotonic() - then, 1e-3)
        return Progress(
            counts,
            sum(counts) if ended else None,
            max(0, queued - self._waiting) if ended else None,
            self._done,
            self._requests,
            (self._requests - requests) / span_s,
            (self._done - done) / span_s,
            tuple(self.errors.values()),
            self.outage,
        )
