"""How many requests may be on their way at one time: fewer after an outage, or without sockets.

Pure. After an outage it doubles with each round trip, so that a server that comes back is not
knocked over by what has gathered. Source: RFC 5681, section 3.1 (slow start).
"""

from typing import Final

_ROUNDS: Final = 10  # in which all that is allowed was answered, until one more is tried


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

    def restart(self) -> None:
        """Begin with a single one: the server is back."""
        self.limit = 1

    def answered(self) -> None:
        """Allow one more, up to what there are sockets for; every now and then beyond that."""
        self._ceiling = min(self._most, self._ceiling + 1 / (_ROUNDS * self._ceiling))
        self.limit = min(int(self._ceiling), self.limit + 1)

    def ran_out(self, in_flight: int) -> None:
        """Allow fewer than were on their way when there was no socket for one of them."""
        self._ceiling = float(max(1, min(int(self._ceiling), in_flight - 1)))
        self.limit = min(self.limit, int(self._ceiling))
