"""Reports outages to the log and to `on_outage`, and ends a run when one lasts too long."""

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
from modelgates_client.records.log import outages_logger
from modelgates_client.transport.messages import AttemptResult

_MIN_ANNOUNCED_S: Final = 0.5  # shorter outages are not reported
_LIMIT_LOG_INTERVAL_S: Final = 10.0  # between two log lines about a rate limit


class OutageMonitor:
    """Reports the outages of a run.

    Attributes:
        has_update: Whether the outage has changed since it was last reported to `on_outage`.
        last_result: The latest result that may be due to an outage.
    """

    def __init__(
        self,
        gate: Gate,
        schedule: Schedule,
        timeout_s: float,
        notify: Callable[[], None],
        end_run: Callable[[OutageError], None],
    ) -> None:
        """Create a monitor.

        Args:
            gate: Knows whether there is an outage.
            schedule: Knows how many ids wait for its end.
            timeout_s: Seconds that an outage may last.
            notify: Called when `has_update` becomes true.
            end_run: Called when an outage has lasted for `timeout_s`.
        """
        self.has_update = False
        self.last_result: AttemptResult | None = None
        self._gate = gate
        self._schedule = schedule
        self._timeout_s = timeout_s
        self._notify = notify
        self._end_run = end_run
        self._loop = asyncio.get_running_loop()
        self._since, self._began_at = 0.0, datetime.now(UTC)
        self._timers: list[asyncio.TimerHandle] = []
        self._is_announced = False
        self._limit_logged_at = -math.inf

    @property
    def outage(self) -> Outage | None:
        """The current outage, or None."""
        since, last_result = self._gate.breaker.since, self.last_result
        if since is None or last_result is None:
            return None
        now = self._loop.time()
        return Outage(
            problem_of(last_result).error,
            self._began_at,
            self._schedule.open_count,
            self._gate.breaker.probes,
            self._gate.ready_at(now) - now,
            max(0.0, since + self._timeout_s - now),
        )

    def begin(self, now: float) -> None:
        """Handle the beginning of an outage; it is reported unless it ends in a moment."""
        since = self._gate.breaker.since
        if since is not None:
            self._since, self._began_at = since, datetime.now(UTC)
            self._timers = [
                self._loop.call_at(
                    max(now, since + min(_MIN_ANNOUNCED_S, self._timeout_s)), self._announce
                ),
                self._loop.call_at(max(now, since + self._timeout_s), self._end_run_after_timeout),
            ]

    def refresh(self) -> None:
        """Report the new state of an outage that was reported before."""
        if self._is_announced:
            self._publish()

    def end(self) -> None:
        """Handle the end of an outage."""
        self.close()
        if self._is_announced:
            self._is_announced = False
            outages_logger().info(
                "the outage is over, after %.1f s", self._loop.time() - self._since
            )
            self._publish()

    def log_rate_limit(self, attempt_result: AttemptResult, attempt: int, wait_s: float) -> None:
        """Log that the rate limit pauses the run, unless that was logged recently."""
        now = self._loop.time()
        if now - self._limit_logged_at >= _LIMIT_LOG_INTERVAL_S:
            self._limit_logged_at = now
            PauseReason.of(attempt_result, problem_of(attempt_result), attempt).log(wait_s)

    def close(self) -> None:
        """Cancel all further reports."""
        for timer in self._timers:
            timer.cancel()

    def _announce(self) -> None:
        outage, last_result = self.outage, self.last_result
        if outage is not None and last_result is not None:
            self._is_announced = True
            probes = outage.probes
            outages_logger().info(
                "outage: no id gets a response; attempt %d during it ended with %s; "
                "probing with one id at a time for at most %g s",
                *(
                    probes + 1,
                    PauseReason.of(last_result, problem_of(last_result), probes + 1).end,
                    self._timeout_s,
                ),
            )
            self._publish()

    def _publish(self) -> None:
        self.has_update = True
        self._notify()

    def _end_run_after_timeout(self) -> None:
        outage = self.outage
        if outage is not None:
            self._end_run(OutageError(f"no response for {self._timeout_s:g} s", outage.error))
