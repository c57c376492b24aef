"""How many requests may be on their way at one time: fewer after an outage, or where more fail.

Pure. What passed at once before the first refusal may be all that a server takes at one time: so no
more is sent at one time, and one more whenever that went well for long. After an outage it doubles
with each round trip, so that a server that comes back is not knocked over by what has gathered.
Source: RFC 5681, section 3.1 (slow start).
"""

from typing import Final

_ROUNDS: Final = 10.0  # in which all that is allowed was answered, until one more is tried
_FEW: Final = 4  # that pass at once say nothing: a rate limit may have no burst


class Window:
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
        self._rounds = self._longest_rounds = _ROUNDS

    def restart(self) -> None:
        """Begin with a single one: the server is back."""
        self.limit = 1

    def answered(self) -> None:
        """Allow one more, up to what went well; every now and then beyond that."""
        before = int(self._ceiling)
        self._ceiling = min(self._most, self._ceiling + 1 / (self._rounds * self._ceiling))
        if int(self._ceiling) > before:
            self._rounds = max(_ROUNDS, self._rounds / 2)
        self.limit = min(int(self._ceiling), self.limit + 1)

    def narrow(self, passed: int, rounds: float) -> None:
        """Allow no more than passed at once before the first refusal, for so many round trips."""
        if _FEW <= passed < self._ceiling:
            self._ceiling, self._least = float(passed), passed
            self._rounds = self._longest_rounds = max(_ROUNDS, rounds)
            self.limit = min(self.limit, passed)

    def refused(self, in_flight: int) -> bool:
        """Take back what was tried beyond that, if it was refused; return whether it was."""
        if not in_flight >= self.limit > self._least:
            return False
        self._ceiling = float(max(self._least, in_flight - 1))
        self._rounds = self._longest_rounds
        self.limit = min(self.limit, int(self._ceiling))
        return True

    def ran_out(self, in_flight: int) -> None:
        """Allow fewer than were on their way when there was no socket for one of them."""
        self._ceiling = float(max(1, min(int(self._ceiling), in_flight - 1)))
        self.limit = min(self.limit, int(self._ceiling))
