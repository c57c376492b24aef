"""Whether the server is there at all: a circuit breaker. Pure, time is what it is told.

That one id fails says nothing of the others. That two fail, and none is answered between them, is
taken for an outage: no more is sent but probes, until one of them is answered. What failed in an
outage was not the id's doing, and costs it nothing.

Source: M. Nygard, "Release It!", 2nd edition 2018, chapter 5 ("Circuit Breaker").
"""

from typing import Final

from modelgates_client.transport.messages import AttemptResult, Failure, HTTPResponse

#: Seconds of a Retry-After that are believed: servers say a day, and are back after a minute.
MAX_RETRY_AFTER_S: Final = 300.0

#: Statuses by which a gateway, or the edge before it, says that nobody is there to answer.
UNAVAILABLE: Final = frozenset({502, 503, 504, *range(520, 530)})

_FIRST_PROBE_S: Final = 0.1  # after the failure that made it an outage; it doubles
_MAX_PROBE_S: Final = 0.5  # between two probes at first,
_FIRST_PHASE_S: Final = 10.0  # for so long; then
_LATER_PROBE_S: Final = 1.0  # so long, which also is how long the next one waits for an answer


def is_unavailable(attempt_result: AttemptResult) -> bool:
    """Whether an ending may be one of an outage: there is no answer, or one in its stead."""
    if isinstance(attempt_result, Failure):
        return attempt_result.kind == "connection"
    return attempt_result.status in UNAVAILABLE


def is_answer(attempt_result: AttemptResult) -> bool:
    """Whether an ending shows that the server is there.

    A 500, and a body that did not come whole, are the id's own: they show neither.
    """
    return (
        isinstance(attempt_result, HTTPResponse)
        and not attempt_result.is_retriable
        and attempt_result.status not in UNAVAILABLE
        and attempt_result.status != 500  # noqa: PLR2004
    )


class CircuitBreaker:
    """Tells an outage from failures of single ids, and says when to probe.

    Not thread-safe. Times are seconds by one clock that never goes back.

    Attributes:
        answers: How many answers there were; what failed before the latest was no outage's.
        since: When the outage began that is going on; None if there is none.
        ended_at: When the latest outage was over.
        is_proven: Whether a probe failed in it for an id that had not failed before.
        proven_at: When the latest outage was over in which one did.
        probes: How many requests were sent during the outage.
    """

    def __init__(self) -> None:
        """Take the server for one that is there."""
        self.answers = 0
        self.since: float | None = None
        self.ended_at = float("-inf")
        self.is_proven = False
        self.proven_at = float("-inf")
        self.probes = 0
        self._suspect: int | None = None  # the first id that failed since the latest answer
        self._failed_at = 0.0  # when it did
        self._failure_sent_at = float("-inf")  # the latest request of those that failed
        self._opened_at = 0.0
        self._is_stall = False
        self._pause_s = _FIRST_PROBE_S
        self._probe_at = 0.0
        self._barred_until = float("-inf")  # by a Retry-After

    @property
    def is_open(self) -> bool:
        """Whether there is an outage."""
        return self.since is not None

    def is_probe(self, sent_at: float) -> bool:
        """Whether what was sent at some moment was sent in the outage that is going on."""
        return self.since is not None and sent_at >= self._opened_at

    def ready_at(self, now: float) -> float:
        """Return the moment from which a request may be sent: `now`, or that of the next probe."""
        return now if self.since is None else max(now, self._probe_at, self._barred_until)

    def sent(self, now: float) -> None:
        """Take note of a request; in an outage it is a probe, and the next one follows later."""
        if self.since is not None:
            self.probes += 1
            # One that hangs keeps nobody from looking again.
            self._probe_at = now + max(_LATER_PROBE_S, self._pause_s)

    def failed(  # noqa: PLR0913 - all that is known of a failure
        self,
        now: float,
        sent_at: float,
        number: int,
        retry_after: float | None,
        *,
        again: bool,
        alone: bool,
    ) -> bool:
        """Take note of a failure that may be one of an outage.

        Args:
            now: The time.
            sent_at: When the request was sent.
            number: Which id it asked for.
            retry_after: Seconds that the server asked to wait, if it did.
            again: Whether it failed before.
            alone: Whether no other id can be asked for, or is being asked for.

        Returns:
            Whether it shows that there is an outage, which was not known before.
        """
        after = min(retry_after or 0.0, MAX_RETRY_AFTER_S)
        if self.since is not None:
            self._barred_until = max(self._barred_until, now + after)
            if self.is_probe(sent_at):  # the others are the same event
                self.is_proven = self.is_proven or not again
                is_early = now - self.since < _FIRST_PHASE_S
                self._pause_s = min(2 * self._pause_s, _MAX_PROBE_S)
                self._probe_at = now + (self._pause_s if is_early else _LATER_PROBE_S)
            return False
        if self._suspect is None:
            self._suspect, self._failed_at, self._failure_sent_at = number, now, sent_at
            self._barred_until = now + after
            return False
        self._barred_until = max(self._barred_until, now + after)
        self._failure_sent_at = max(self._failure_sent_at, sent_at)
        if number == self._suspect and not alone:
            return False
        self.since, self._opened_at, self.probes = self._failed_at, now, 0
        self._pause_s, self._is_stall, self.is_proven = _FIRST_PROBE_S, False, False
        self._probe_at = now + self._pause_s
        return True

    def stalled(self, now: float) -> None:
        """Take it for an outage that nothing is heard of any request: probe at once."""
        self.since, self._opened_at, self.probes = now, now, 0
        self._pause_s, self._probe_at = _FIRST_PROBE_S, now
        self._barred_until = now
        self._is_stall, self.is_proven = True, False

    def answered(self, now: float, sent_at: float) -> bool:
        """Take note of an answer; return whether it shows that an outage is over."""
        is_from_before = sent_at < self._opened_at and not self._is_stall
        if self.since is not None and is_from_before and sent_at < self._failure_sent_at:
            return False
        self.answers += 1
        self._suspect = None
        if self.since is None:
            return False
        self.since = None
        if is_from_before:  # not sent before what failed: there was no outage
            return False
        self.ended_at = now
        if self.is_proven:
            self.proven_at = now
        return True
