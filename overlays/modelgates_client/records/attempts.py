"""Who was asked to serve a generation, who did, and what the others cost in time."""

from collections.abc import Iterable, Sequence
from typing import Final, Self, overload

from attrs import frozen

from modelgates_api.models import Generation, ProviderResponse
from modelgates_client.records.field_access import field_or_none, items_or_none, number_or_none
from modelgates_runtime.values import stored

_SUCCESS: Final = range(200, 300)


@frozen
class Attempt:
    """One provider's answer to a request; None where it is not known.

    Attributes:
        provider: The provider's name, also one that the spec does not list yet.
        status: The HTTP status that it answered.
        latency_ms: How long it took, in milliseconds.
    """

    provider: str | None
    status: int | None
    latency_ms: float | None

    @classmethod
    def of(cls, response: object) -> Self:
        """Return what an item of `provider_responses` says; nothing, if it cannot be read."""
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
        """Whether the provider is known to have answered with a success, 2xx."""
        return self.status in _SUCCESS


@frozen
class Attempts(Sequence[Attempt]):
    """All attempts to serve a generation, in their order; a sequence of `Attempt`s.

    Attributes:
        all: The attempts; empty also when they are not known.
        known: Whether the record says what the attempts were. It does not when
            `provider_responses` was not sent, is null, or cannot be read.

    Source: openapi.yaml, schema `Generation`, field `provider_responses`.
    """

    all: tuple[Attempt, ...]
    known: bool

    @classmethod
    def of(cls, record: Generation) -> Self:
        """Return what a record says of its attempts; an unreadable one hides no other."""
        responses = items_or_none(record, "provider_responses")
        if responses is None:
            return cls((), known=False)
        return cls(tuple(Attempt.of(response) for response in stored(responses)), known=True)

    @property
    def served(self) -> Attempt | None:
        """The attempt that served the request, the last with a success; None if none is known."""
        at = self._served_at
        return None if at is None else self.all[at]

    @property
    def fallbacks(self) -> int | None:
        """How many attempts came before the one that served; None if that is not known."""
        return self._served_at

    @property
    def failed_statuses(self) -> tuple[int | None, ...]:
        """The statuses of the attempts that did not succeed, in order; None for unknown ones."""
        return tuple(attempt.status for attempt in self.all if not attempt.succeeded)

    @property
    def time_lost_ms(self) -> float | None:
        """Milliseconds spent on attempts that did not serve; None if any of it is not known."""
        if not self.known:
            return None
        at = self._served_at
        return _total(a.latency_ms for index, a in enumerate(self.all) if index != at)

    @property
    def _served_at(self) -> int | None:
        succeeded = (index for index, attempt in enumerate(self.all) if attempt.succeeded)
        return max(succeeded, default=None)

    def __len__(self) -> int:
        return len(self.all)

    @overload
    def __getitem__(self, index: int) -> Attempt: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Attempt, ...]: ...
    def __getitem__(self, index: int | slice) -> Attempt | tuple[Attempt, ...]:
        """Return one attempt, or a tuple of some."""
        return self.all[index]


def _whole(status: float | None) -> int | None:
    """Return a status, which the spec types as any number, as the integer that it must be."""
    return int(status) if status is not None and status % 1 == 0 else None


def _double(number: float | None) -> float | None:
    """Return a number as the double that it is; None for one that is none."""
    try:
        return None if number is None else float(number)
    except OverflowError:  # JSON's integers have no limit
        return None


def _total(latencies_ms: Iterable[float | None]) -> float | None:
    """Return a sum; None if a part of it is not known."""
    total = 0.0
    for latency in latencies_ms:
        if latency is None:
            return None
        total += latency
    return total
