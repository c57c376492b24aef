"""The execution of a call as a generator of steps: its attempts, pauses and resets.

This module decides on the next step; the sync or async client carries it out. Nothing here waits or
sends.
"""

import math
from collections.abc import Callable, Generator
from typing import Final, Generic, NamedTuple, TypeVar, cast

from modelgates_client.calls.responses import CallProblem, interpret
from modelgates_client.calls.retry import RetryPolicy, RetryQueue, RetryTurn
from modelgates_client.calls.retry_log import PauseReason
from modelgates_client.calls.settings import (
    Settings,
    check_count,
    check_headers,
    check_seconds,
    check_validation,
)
from modelgates_client.errors import (
    APITimeoutError,
    ConfigurationError,
    GenerationNotReadyError,
    RateLimitError,
)
from modelgates_client.transport.deadline import Deadline, monotonic_s
from modelgates_client.transport.messages import AttemptResult, Request
from modelgates_runtime.errors import ModelGatesError
from modelgates_runtime.operation import CALL_OPTIONS, Call, CallOptions, Validation
from modelgates_runtime.types import Response

_MIN_POLL_PAUSE_S: Final = 0.25
_MAX_POLL_PAUSE_S: Final = 5.0
_MIN_ATTEMPT_S: Final = 0.05  # the minimum time for an attempt, in seconds
_STALL_FRACTION: Final = 0.4  # of the timeout: an attempt without a response is then repeated
_MIN_STALL_S: Final = 5.0  # the minimum of that time, for slow servers
_MAX_QUEUE_POLL_S: Final = 0.25  # between two checks of a retry that waits for its turn
_MIN_QUEUE_POLL_S: Final = 0.001


class Send(NamedTuple):
    """Send the request, and resume the generator with the result of the attempt."""

    request: Request
    deadline: Deadline


class Pause(NamedTuple):
    """Wait; the seconds fit within the deadline.

    Attributes:
        seconds: How long.
        cause: Why, to be logged; None for the short pauses of a retry that waits for its turn.
    """

    seconds: float
    cause: PauseReason | None = None

    def log(self) -> None:
        """Log the cause, and the length of the pause."""
        if self.cause is not None:
            self.cause.log(self.seconds)


class Reset(NamedTuple):
    """Close the idle connections: one was dead, or returned the response to another request."""


Step = Send | Pause | Reset
T = TypeVar("T")
Steps = Generator[Step, AttemptResult | None, Response[T]]


class Execution(NamedTuple, Generic[T]):
    """A call with everything needed to execute it.

    Attributes:
        call: The call.
        request: Its HTTP request.
        validation: Whether deviations from the spec are an error.
        policy: When to retry.
        timeout_s: Seconds that the call may take, retries included.
        clock: Returns the time in seconds.
        host: The host of the request.
    """

    call: Call[T]
    request: Request
    validation: Validation
    policy: RetryPolicy
    timeout_s: float
    clock: Callable[[], float] = monotonic_s
    host: str = ""

    def send(self) -> Steps[T]:
        """Send the request, and retry it where the policy allows.

        Raises:
            ModelGatesError: The error of the last attempt, or of the previous one if the deadline
                interrupted the last.
        """
        started, deadline = self.clock(), Deadline.after(self.timeout_s, self.clock)
        attempts, stall_timeout_s = 0, self._stall_timeout_s(self.timeout_s)
        previous_result: AttemptResult | None = None
        turn: RetryTurn | None = None
        while True:
            attempts += 1
            before_s = self.clock()
            if attempts > self.policy.max_retries:
                stall_timeout_s = math.inf  # nothing follows the last attempt
            attempt_result, result = yield from self._attempt(
                deadline, stall_timeout_s, attempts, turn
            )
            if isinstance(result, Response):
                return result._replace(elapsed_s=self.clock() - started)
            failed_attempt, remaining_s = result.failed_attempt, deadline.remaining()
            if failed_attempt.timed_out and remaining_s <= _MIN_ATTEMPT_S:
                raise self._deadline_error(previous_result, attempts)
            stall_timeout_s = math.inf if failed_attempt.timed_out else stall_timeout_s
            previous_result = attempt_result
            if not self.policy.allows(failed_attempt, attempts) or remaining_s <= _MIN_ATTEMPT_S:
                raise result.error
            if (failed_attempt.retry_after or 0.0) >= remaining_s:
                raise result.error  # the server asks to wait beyond the deadline
            # Reserve time for a final attempt: twice what this one took.
            last_s = remaining_s - max(_MIN_ATTEMPT_S, 2 * (self.clock() - before_s))
            pause_s = self.policy.backoff_s(failed_attempt, attempts, last_s)
            pause = Pause(pause_s, PauseReason.of(attempt_result, result, attempts))
            turn = yield from self._pause(pause, deadline, self.policy.queue(failed_attempt))
            if turn is None:
                raise result.error

    def poll(self, timeout_s: float, is_settled: Callable[[T], bool]) -> Steps[T]:
        """Send the request repeatedly until its response is settled.

        Each attempt may take `self.timeout_s`; all of them together, `timeout_s`.

        Raises:
            GenerationNotReadyError: The response was not settled within `timeout_s`.
            ModelGatesError: An attempt failed with an error that is not retryable.
        """
        started, deadline = self.clock(), Deadline.after(timeout_s, self.clock)
        attempts, failures = 0, 0
        stall_timeout_s = self._stall_timeout_s(min(timeout_s, self.timeout_s))
        latest: Response[T] | None = None
        error: ModelGatesError | None = None
        turn: RetryTurn | None = None
        while True:
            attempts += 1
            before_s = self.clock()
            attempt_result, result = yield from self._attempt(
                deadline, min(stall_timeout_s, self.timeout_s), attempts, turn
            )
            elapsed_s = self.clock() - started
            remaining_s = deadline.remaining()
            # The last poll is made regardless of the schedule, just early enough before the
            # deadline to receive a response.
            last_s = remaining_s - max(_MIN_POLL_PAUSE_S / 2, 2 * (self.clock() - before_s))
            pause_s = max(0.0, min(poll_pause_s(elapsed_s), last_s))
            retry_after_s = 0.0
            queue: RetryQueue | None = None
            if isinstance(result, Response):
                latest, error, failures = result._replace(elapsed_s=elapsed_s), None, 0
                if is_settled(result.parsed):
                    return latest
            elif result.failed_attempt.timed_out and not remaining_s:
                # An earlier error or record says more than the timeout.
                error = error or (result.error if latest is None else None)
            else:
                stall_timeout_s = math.inf if result.failed_attempt.timed_out else stall_timeout_s
                error, retry_after_s = result.error, result.failed_attempt.retry_after or 0.0
                if not result.is_absence:
                    if not result.failed_attempt.retryable:
                        raise error
                    failures += 1
                    backoff_s = self.policy.backoff_s(result.failed_attempt, failures, last_s)
                    pause_s = max(pause_s, backoff_s)
                    queue = self.policy.queue(result.failed_attempt)
            is_out_of_time = retry_after_s >= remaining_s or remaining_s < _MIN_POLL_PAUSE_S
            if not is_out_of_time:
                pause = Pause(
                    max(pause_s, retry_after_s), PauseReason.of(attempt_result, result, attempts)
                )
                turn = yield from self._pause(pause, deadline, queue)
                is_out_of_time = turn is None
            elif isinstance(error, RateLimitError) and retry_after_s >= remaining_s > 0:
                raise error  # the server asks to wait beyond the deadline
            if is_out_of_time:
                raise GenerationNotReadyError(
                    self.call.subject, self.clock() - started, attempts, latest, error
                )

    def _attempt(
        self, deadline: Deadline, stall_timeout_s: float, attempts: int, turn: RetryTurn | None
    ) -> Generator[Step, AttemptResult | None, tuple[AttemptResult, Response[T] | CallProblem]]:
        attempt_result = yield Send(self.request, deadline.sooner(stall_timeout_s))
        if attempt_result is None:
            raise TypeError("a `Send` must be answered with an attempt result")
        result = self.interpret(attempt_result, attempts)
        if isinstance(result, Response) or not result.failed_attempt.retryable:
            self.policy.record_response(turn)
        else:
            self.policy.record_failure(result.failed_attempt, turn)
            if result.is_misrouted or (result.failed_attempt.timed_out and deadline.remaining()):
                yield Reset()
        return attempt_result, result

    def interpret(self, attempt_result: AttemptResult, attempts: int) -> Response[T] | CallProblem:
        """Interpret an attempt's result; `attempts` includes that attempt."""
        return interpret(attempt_result, self.call, attempts, self.validation, self.host)

    def _stall_timeout_s(self, timeout_s: float) -> float:
        """Return the timeout in seconds of a first attempt, whose connection may be dead.

        It is infinite for a request that may be sent only once, and in a bulk run, which detects
        requests that hang by comparing them with the others.
        """
        may_stall = self.policy.in_bulk or not self.call.is_repeatable
        return math.inf if may_stall else max(_MIN_STALL_S, _STALL_FRACTION * timeout_s)

    def _pause(
        self, pause: Pause, deadline: Deadline, queue: RetryQueue | None
    ) -> Generator[Step, AttemptResult | None, RetryTurn | None]:
        """Pause, then wait for a turn in the queue, if there is one.

        Returns:
            The turn; None if no time is left for another attempt.
        """
        if queue is None:
            yield pause
            return RetryTurn()
        # Tokens of a budget come back during the pause, so join its queue before. A pace orders
        # retries that are ready to be sent, so join its queue after.
        number = 0 if queue.takes_turn_after_backoff else queue.take()
        is_used = False
        try:
            yield pause
            number = number or queue.take()
            while wait_s := queue.wait_s(number):
                spare_s = deadline.remaining() - _MIN_ATTEMPT_S
                if spare_s < _MIN_ATTEMPT_S:
                    return None
                yield Pause(min(_MAX_QUEUE_POLL_S, max(wait_s / 2, _MIN_QUEUE_POLL_S), spare_s))
            is_used = True
        finally:
            if number and not is_used:
                queue.refund(1)
        return RetryTurn(queue, number)

    def _deadline_error(
        self, previous_result: AttemptResult | None, attempts: int
    ) -> ModelGatesError:
        """Return the error of the previous attempt, if it failed, or else a timeout error."""
        result = None if previous_result is None else self.interpret(previous_result, attempts)
        if isinstance(result, CallProblem):
            return result.error
        return APITimeoutError(f"no complete response within {self.timeout_s:g} s", attempts)


def execution_of(
    call: Call[T],
    settings: Settings,
    policy: RetryPolicy,
    options: CallOptions,
    clock: Callable[[], float] = monotonic_s,
) -> Execution[T]:
    """Create the execution of a call from the client's settings and the call's own options.

    Raises:
        ConfigurationError: `call` is not a `Call`, an option is unknown or invalid, or a header
            cannot be sent.
    """
    if not isinstance(cast("object", call), Call):
        raise ConfigurationError(f"not a call: {call!r}; create one with an operation's function")
    timeout_s, validation, call_headers = settings.timeout_s, settings.validation, call.headers
    if options:
        if unknown := options.keys() - CALL_OPTIONS:
            raise ConfigurationError(f"unknown option of a call: {', '.join(sorted(unknown))}")
        if "timeout" in options:
            timeout_s = check_seconds("timeout", options["timeout"])
        if "max_retries" in options:
            max_retries = check_count("max_retries", options["max_retries"], 0)
            policy = policy._replace(max_retries=max_retries)
        if "validation" in options:
            validation = check_validation(options["validation"])
        if "idempotency_key" in options:
            call = call.identified(options["idempotency_key"])
        call_headers = (*check_headers(options.get("headers") or {}), *call.headers)
    headers = settings.headers  # unchanged where possible: engines cache by identity
    if call_headers:
        headers = tuple({**dict(headers), **dict(check_headers(dict(call_headers)))}.items())
    server, operation = settings.network.server, call.operation
    request = Request(
        operation.method,
        f"{server.path}{call.target}",
        headers,
        call.content if call.content is not None or operation.is_safe else b"",
        operation.is_secured,
    )
    return Execution(call, request, validation, policy, timeout_s, clock, server.host)


def poll_pause_s(elapsed_s: float) -> float:
    """Return the pause before the next poll, in seconds: a quarter of the time so far, in bounds.

    A record is thus noticed at most 25 % later than possible, whether it takes one second or forty,
    with about 24 requests per minute.
    """
    return min(_MAX_POLL_PAUSE_S, max(_MIN_POLL_PAUSE_S, elapsed_s / 4))
