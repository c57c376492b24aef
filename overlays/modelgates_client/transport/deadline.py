"""One point in time by which a call is over, whatever happens in it."""

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Final, Self

#: A day, in seconds: the longest that a call may take. The system's own timers overflow far beyond.
MAX_S: Final = 86_400.0

#: The clock of deadlines, in seconds: one that goes on when tests freeze `time.monotonic`, or no
#: wait would end.
if sys.platform == "win32":
    monotonic_s: Callable[[], float] = time.monotonic
else:
    monotonic_s: Callable[[], float] = partial(time.clock_gettime, time.CLOCK_MONOTONIC)


class Deadline:
    """A point in time; everything in a call asks it how long it may still take."""

    __slots__ = ("_at_s", "_clock")

    def __init__(self, at_s: float, clock: Callable[[], float] = monotonic_s) -> None:
        """Take a time of `clock`, in seconds."""
        self._at_s = at_s
        self._clock = clock

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = monotonic_s) -> Self:
        """Return the deadline that is `seconds` from now."""
        return cls(clock() + seconds, clock)

    def remaining(self) -> float:
        """Return the seconds left; 0 when there are none, never less."""
        return max(0.0, self._at_s - self._clock())

    def sooner(self, seconds: float) -> "Deadline":
        """Return the earlier of this one and the one `seconds` from now."""
        return Deadline(min(self._at_s, self._clock() + seconds), self._clock)
