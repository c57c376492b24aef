"""How many requests may be on their way at one time: fewer after an outage, or where more fail.

Pure. If as much passes at one time as passed at once before the first refusal, and hardly more,
that is what the server takes at one time; after a while one more is tried, then two, as long as
that goes well. After an outage it doubles with each round trip, so that a server that comes back is
not knocked over by what has gathered. Source: RFC 5681, section 3.1 (slow start).
"""

import math
from typing import Final

_ROUNDS: Final = 10  # in which all that is allowed was answered, until more is tried
_SLACK: Final = 1.5  # times as many at most are refused first, as the rate doubles meanwhile
_FEW: Final = 4  # that pass at once say nothing: a rate limit may have no burst


class ConcurrencyWindow:
    """The most requests at one time.

    Attributes:
        limit: How many they are now.
    """

    def __init__(self, most: int) -> None:
        """Allow `most` from the beginning, and never more."""
        self.limit = most
        self._most = most
        self._ceiling = float(most)
        self._least = most  # that a refusal makes of it
        self._step = 1  # by which the ceiling is raised next
        self._from = self._ceiling  # it was raised last
        self._held_until = -math.inf
        self._hold_s = 0.0

    def restart(self) -> None:
        """Begin with a single one: the server is back."""
        self.limit = 1

    def answered(self, in_flight: int, now: float) -> None:
        """Allow one more, up to what went well; every now and then beyond that."""
        if in_flight >= int(self._ceiling) and now >= self._held_until:
            gain = self._step / (_ROUNDS * self._ceiling)
            self._ceiling = min(self._most, self._ceiling + gain)
            if self._ceiling >= self._from + 2 * self._step:
                self._from, self._step = self._ceiling, 2 * self._step
        self.limit = min(int(self._ceiling), self.limit + 1)

    def ran_out(self, in_flight: int) -> None:
        """Allow fewer than were on their way when there was no socket for one of them."""
        self._lower(max(1, min(int(self._ceiling), in_flight - 1)))

    def fits(self, in_flight: int, passed: int, hold_s: float, now: float) -> bool:
        """Allow no more than passed at once at first, if little more than that was refused now.

        Args:
            in_flight: How many there were when what was refused was sent, with it.
            passed: How many passed at once before the first refusal.
            hold_s: Seconds until more is tried.
            now: The time.

        Returns:
            Whether it was.
        """
        is_little_more = passed < in_flight <= _SLACK * passed
        if not is_little_more or not _FEW <= passed < self._ceiling:
            return False
        self._least, self._hold_s = passed, hold_s
        self._lower(passed)
        self._held_until = now + hold_s
        return True

    def refused(self, in_flight: int, now: float) -> bool:
        """Take back what was tried beyond that, if it was refused; return whether it was."""
        if not in_flight >= self.limit > self._least:
            return False
        self._lower(max(self._least, int(self._ceiling) - self._step))
        self._held_until = now + self._hold_s
        return True

    def _lower(self, ceiling: int) -> None:
        self._ceiling = self._from = float(ceiling)
        self._step = 1
        self.limit = min(self.limit, ceiling)
