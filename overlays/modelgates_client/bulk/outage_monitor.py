"""What is told of an outage, to the log and to whoever shows it; and its end if it is too long."""

import asyncio
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from modelgates_client.bulk.gate import Gate
from modelgates_client.bulk.options import Outage
from modelgates_client.bulk.schedule import Schedule
from modelgates_client.calls.responses import problem_of
from modelgates_client.calls.retry_log import PauseReason
from modelgates_client.errors import OutageError
from modelgates_client.records.drift_observer import OUTAGES
from modelgates_client.transport.messages import AttemptResult

_UNSAID_S: Final = 0.5  # an outage that is shorter is not told of
_LIMIT_UNSAID_S: Final = 10.0  # seconds in which a rate limit is told of once


class OutageMonitor:
    """Tells of the outages of a run.

    Attributes:
        has_news: Whether there is something new to be told.
        last: What the latest request ended with that may have failed by an outage.
    """

    def __init__(
        self,
        gate: Gate,
        schedule: Schedule,
        timeout_s: float,
        notify: Callable[[], None],
        end_run: Callable[[OutageError], None],
    ) -> None:
        """Say nothing yet.

        Args:
            gate: Knows whether there is an outage.
            schedule: Knows how many ids wait for its end.
            timeout_s: Seconds that an outage may last.
            notify: Called when there is news.
            end_run: Called when one lasted so long.
        """
        self.has_news = False
        self.last: AttemptResult | None = None
        self._gate = gate
        self._schedule = schedule
        self._timeout_s = timeout_s
        self._notify = notify
        self._end_run = end_run
        self._loop = asyncio.get_running_loop()
        self._since, self._began_at = 0.0, datetime.now(UTC)
        self._timers: list[asyncio.TimerHandle] = []
        self._is_announced = False
        self._limit_told_at = -math.inf

    @property
    def outage(self) -> Outage | None:
        """The outage that is going on; None if there is none."""
        since, last = self._gate.breaker.since, self.last
        if since is None or last is None:
            return None
        now = self._loop.time()
        return Outage(
            problem_of(last).error,
            self._began_at,
            self._schedule.waiting,
            self._gate.breaker.probes,
            self._gate.ready_at(now) - now,
            max(0.0, since + self._timeout_s - now),
        )

    def begin(self, now: float) -> None:
        """Take note that an outage began: one that is over in a moment is nobody's concern."""
        since = self._gate.breaker.since
        if since is not None:
            self._since, self._began_at = since, datetime.now(UTC)
            self._timers = [
                self._loop.call_at(max(now, since + min(_UNSAID_S, self._timeout_s)), self._say),
                self._loop.call_at(max(now, since + self._timeout_s), self._give_up),
            ]

    def go_on(self) -> None:
        """Take note that there is more to say of the outage."""
        if self._is_announced:
            self._news()

    def end(self) -> None:
        """Take note that the outage is over."""
        self.close()
        if self._is_announced:
            self._is_announced = False
            OUTAGES.info("the outage is over, after %.1f s", self._loop.time() - self._since)
            self._news()

    def limited(self, attempt_result: AttemptResult, attempt: int, wait_s: float) -> None:
        """Log that the server's rate limit holds up all, unless it was logged a moment ago."""
        now = self._loop.time()
        if now - self._limit_told_at >= _LIMIT_UNSAID_S:
            self._limit_told_at = now
            PauseReason.of(attempt_result, problem_of(attempt_result), attempt).log(wait_s)

    def close(self) -> None:
        """Say nothing any more."""
        for timer in self._timers:
            timer.cancel()

    def _say(self) -> None:
        outage, last = self.outage, self.last
        if outage is not None and last is not None:
            self._is_announced = True
            probes = outage.probes
            OUTAGES.info(
                "outage: no id is answered; attempt %d in it ended with %s; "
                "one at a time is asked for, for %g s at most",
                *(
                    probes + 1,
                    PauseReason.of(last, problem_of(last), probes + 1).end,
                    self._timeout_s,
                ),
            )
            self._news()

    def _news(self) -> None:
        self.has_news = True
        self._notify()

    def _give_up(self) -> None:
        outage = self.outage
        if outage is not None:
            self._end_run(
                OutageError(f"nothing was answered for {self._timeout_s:g} s", outage.error)
            )
