"""Which providers were tried for a generation, which one served it, and the time lost."""

from collections.abc import Iterable, Sequence
from typing import Final, Self, overload

from attrs import frozen

from modelgates_api.models import Generation, ProviderResponse
from modelgates_client.records.field_access import field_or_none, items_or_none, number_or_none
from modelgates_runtime.values import stored

_SUCCESS: Final = range(200, 300)


@frozen
class Attempt:
    """One provider's response to a request; each attribute is None if it is unknown.

    Attributes:
        provider: The provider's name, which the spec need not list yet.
        status: The HTTP status of the response.
        latency_ms: Time until the response, in milliseconds.
    """

    provider: str | None
    status: int | None
    latency_ms: float | None

    @classmethod
    def of(cls, response: object) -> Self:
        """Create an attempt from an item of `provider_responses`; unreadable values are None."""
        if not isinstance(response, ProviderResponse):
            return cls(None, None, None)
        provider = field_or_none(response, "provider_name", str)
        return cls(
            provider=None if provider is None else str(provider),
            status=_whole(number_or_none(response, "status")),
            latency_ms=_double(number_or_none(response, "latency")),
        )

    @property
    def succeeded(self) -> bool:
        """Whether the provider is known to have responded with a success status, 2xx."""
        return self.status in _SUCCESS


@frozen
class Attempts(Sequence[Attempt]):
    """All attempts to serve a generation, in order; a sequence of `Attempt`s.

    Attributes:
        all: The attempts; also empty if they are unknown.
        known: Whether the record lists the attempts. It does not if `provider_responses` was not
            sent, is null, or cannot be read.

    Source: openapi.yaml, schema `Generation`, field `provider_responses`.
    """

    all: tuple[Attempt, ...]
    known: bool

    @classmethod
    def of(cls, record: Generation) -> Self:
        """Read the attempts of a record; an unreadable one does not hide the others."""
        responses = items_or_none(record, "provider_responses")
        if responses is None:
            return cls((), known=False)
        return cls(tuple(Attempt.of(response) for response in stored(responses)), known=True)

    @property
    def served(self) -> Attempt | None:
        """The attempt that served the request: the last successful one; None if none is known."""
        index = self._served_index
        return None if index is None else self.all[index]

    @property
    def fallbacks(self) -> int | None:
        """Number of attempts before the one that served the request; None if it is unknown."""
        return self._served_index

    @property
    def failed_statuses(self) -> tuple[int | None, ...]:
        """The statuses of the attempts that did not succeed, in order; None if unknown."""
        return tuple(attempt.status for attempt in self.all if not attempt.succeeded)

    @property
    def time_lost_ms(self) -> float | None:
        """Milliseconds spent on attempts that did not serve; None if any of them is unknown."""
        if not self.known:
            return None
        served = self._served_index
        return _total(a.latency_ms for index, a in enumerate(self.all) if index != served)

    @property
    def _served_index(self) -> int | None:
        for index in range(len(self.all) - 1, -1, -1):
            if self.all[index].succeeded:
                return index
        return None

    def __len__(self) -> int:
        return len(self.all)

    @overload
    def __getitem__(self, index: int) -> Attempt: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Attempt, ...]: ...
    def __getitem__(self, index: int | slice) -> Attempt | tuple[Attempt, ...]:
        """Return one attempt, or a tuple of attempts for a slice."""
        return self.all[index]


def _whole(status: float | None) -> int | None:
    """Return a status as an integer; the spec allows any number. None if it is fractional."""
    return int(status) if status is not None and status % 1 == 0 else None


def _double(number: float | None) -> float | None:
    """Return a number as a double; None if it is too large for one."""
    try:
        return None if number is None else float(number)
    except OverflowError:  # JSON's integers have no limit
        return None


def _total(latencies_ms: Iterable[float | None]) -> float | None:
    """Return the sum; None if any part is unknown."""
    total = 0.0
    for latency in latencies_ms:
        if latency is None:
            return None
        total += latency
    return total
