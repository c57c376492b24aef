"""The number of requests that may be in flight: reduced after an outage and after refusals. Pure.

If a server lets through as many concurrent requests as passed before its first refusal, and hardly
more, it limits concurrency. The window then shrinks to that number; after a while one more is
tried, then two, as long as none is refused. After an outage the window starts at one and doubles
with each round trip, so that a recovering server is not overloaded by the backlog.

Source: RFC 5681, section 3.1 (slow start).
"""

import math
from typing import Final

_ROUNDS_PER_STEP: Final = 10  # full windows of responses before the ceiling is raised
_MAX_OVERSHOOT: Final = 1.5  # in flight per passed at the first refusal: the rate doubles meanwhile
_MIN_BURST: Final = 4  # a smaller burst says nothing: a rate limit may allow none


class ConcurrencyWindow:
    """The maximum number of requests in flight.

    Attributes:
        limit: The current maximum.
    """

    def __init__(self, max_limit: int) -> None:
        """Start at `max_limit`, which is never exceeded."""
        self.limit = max_limit
        self._max_limit = max_limit
        self._ceiling = float(max_limit)
        self._min_ceiling = max_limit  # refusals do not lower it further
        self._step = 1  # of the next increase of the ceiling
        self._raised_from = self._ceiling  # the ceiling before the increase in progress
        self._frozen_until = -math.inf
        self._freeze_s = 0.0

    def restart(self) -> None:
        """Restart at one request: the server is back after an outage."""
        self.limit = 1

    def record_response(self, in_flight: int, now: float) -> None:
        """Record a response: raise the limit by one up to the ceiling, and slowly the ceiling."""
        if in_flight >= int(self._ceiling) and now >= self._frozen_until:
            gain = self._step / (_ROUNDS_PER_STEP * self._ceiling)
            self._ceiling = min(self._max_limit, self._ceiling + gain)
            if self._ceiling >= self._raised_from + 2 * self._step:
                self._raised_from, self._step = self._ceiling, 2 * self._step
        self.limit = min(int(self._ceiling), self.limit + 1)

    def record_exhaustion(self, in_flight: int) -> None:
        """Lower the ceiling below the number in flight when no socket was left."""
        self._lower(max(1, min(int(self._ceiling), in_flight - 1)))

    def fit_to_burst(self, in_flight: int, passed: int, freeze_s: float, now: float) -> bool:
        """Lower the ceiling to the first burst if the refusal shows a limit on concurrency.

        Args:
            in_flight: Requests in flight when the refused one was sent, that one included.
            passed: Requests that passed at once before the first refusal.
            freeze_s: Seconds until a higher ceiling is tried.
            now: The time.

        Returns:
            Whether the ceiling was lowered.
        """
        is_little_more = passed < in_flight <= _MAX_OVERSHOOT * passed
        if not is_little_more or not _MIN_BURST <= passed < self._ceiling:
            return False
        self._min_ceiling, self._freeze_s = passed, freeze_s
        self._lower(passed)
        self._frozen_until = now + freeze_s
        return True

    def record_refusal(self, in_flight: int, now: float) -> bool:
        """Undo the latest increase if it was refused; return whether it was."""
        if not in_flight >= self.limit > self._min_ceiling:
            return False
        self._lower(max(self._min_ceiling, int(self._ceiling) - self._step))
        self._frozen_until = now + self._freeze_s
        return True

    def _lower(self, ceiling: int) -> None:
        self._ceiling = self._raised_from = float(ceiling)
        self._step = 1
        self.limit = min(self.limit, ceiling)
