"""The point in time by which a call must end, whatever happens during it."""

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Final, Self

#: The maximum duration of a call, in seconds: one day, well below what overflows system timers.
MAX_S: Final = 86_400.0

#: The clock of deadlines, in seconds. It keeps running when tests freeze `time.monotonic`, since
#: otherwise no wait would ever end.
if sys.platform == "win32":
    monotonic_s: Callable[[], float] = time.monotonic
else:
    monotonic_s: Callable[[], float] = partial(time.clock_gettime, time.CLOCK_MONOTONIC)


class Deadline:
    """A point in time; every step of a call reads its remaining time from it."""

    __slots__ = ("_at_s", "_clock")

    def __init__(self, at_s: float, clock: Callable[[], float] = monotonic_s) -> None:
        """Create a deadline at a time of `clock`, in seconds."""
        self._at_s = at_s
        self._clock = clock

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = monotonic_s) -> Self:
        """Return the deadline `seconds` from now."""
        return cls(clock() + seconds, clock)

    def remaining(self) -> float:
        """Return the seconds left; never less than 0."""
        return max(0.0, self._at_s - self._clock())

    def sooner(self, seconds: float) -> "Deadline":
        """Return the earlier of this one and the one `seconds` from now."""
        return Deadline(min(self._at_s, self._clock() + seconds), self._clock)
