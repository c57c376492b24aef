"""The execution of a call, from its request and its first attempt to its last, as steps.

What to do next is decided here, and done by the client, blocking or not. Nothing here waits or
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

_POLL_FIRST_S: Final = 0.25
_POLL_LONGEST_S: Final = 5.0
_MIN_S: Final = 0.05  # seconds that an attempt is worth beginning with
_PATIENCE: Final = 1 / 3  # the part of the time after which an attempt without a word is made anew,
_MIN_PATIENCE_S: Final = 5.0  # but no sooner than this: servers may be slow
_LOOK_S: Final = 0.25  # seconds at most until a call that queues looks at its turn again, and
_MIN_LOOK_S: Final = 0.001  # at least, and in half of the time that it seems to take


class Send(NamedTuple):
    """Make an attempt, and send its ending back."""

    request: Request
    deadline: Deadline


class Pause(NamedTuple):
    """Wait; the seconds fit within the deadline.

    Attributes:
        seconds: How long.
        cause: Why, where that is to be told: not of each look at a budget of retries.
    """

    seconds: float
    cause: PauseReason | None = None

    def log(self) -> None:
        """Log why, and how long."""
        if self.cause is not None:
            self.cause.log(self.seconds)


class Reset(NamedTuple):
    """Close the idle connections: another one was dead, or brought another question's answer."""


Step = Send | Pause | Reset
T = TypeVar("T")
Steps = Generator[Step, AttemptResult | None, Response[T]]


class Execution(NamedTuple, Generic[T]):
    """A call on its way, and how much trouble it is worth.

    Attributes:
        call: What is asked.
        request: The request that asks it.
        validation: Whether deviations from the spec are an error.
        policy: When to try again.
        timeout_s: Seconds that the call may take, retries included.
        clock: Tells the seconds.
        host: Which host is asked.
        has_no_stall_limit: Whether an attempt may take all the time; else the first that brings no
            word is made anew while there is time, since its connection may be dead.
    """

    call: Call[T]
    request: Request
    validation: Validation
    policy: RetryPolicy
    timeout_s: float
    clock: Callable[[], float] = monotonic_s
    host: str = ""
    has_no_stall_limit: bool = False

    def send(self) -> Steps[T]:
        """Ask, and ask again where that may help.

        Raises:
            ModelGatesError: What the last attempt ended with; if the deadline cut that one off,
                what the one before ended with.
        """
        started, deadline = self.clock(), Deadline.after(self.timeout_s, self.clock)
        attempts, patience_s = 0, self._patience_s(self.timeout_s)
        earlier: AttemptResult | None = None
        turn: RetryTurn | None = None
        while True:
            attempts += 1
            before_s = self.clock()
            if attempts > self.policy.max_retries:
                patience_s = math.inf
            attempt_result, result = yield from self._attempt(deadline, patience_s, attempts, turn)
            if isinstance(result, Response):
                return result._replace(elapsed_s=self.clock() - started)
            failed_attempt, remaining_s = result.failed_attempt, deadline.remaining()
            if failed_attempt.timed_out and remaining_s <= _MIN_S:
                raise self._too_late(earlier, attempts)
            patience_s = math.inf if failed_attempt.timed_out else patience_s
            earlier = attempt_result
            if not self.policy.allows(failed_attempt, attempts) or remaining_s <= _MIN_S:
                raise result.error
            if (failed_attempt.retry_after or 0.0) >= remaining_s:
                raise result.error  # it says how long to wait, which is longer than there is time
            # The last attempt leaves the server the time that it takes.
            last_s = remaining_s - max(_MIN_S, 2 * (self.clock() - before_s))
            pause_s = self.policy.backoff_s(failed_attempt, attempts, last_s)
            pause = Pause(pause_s, PauseReason.of(attempt_result, result, attempts))
            turn = yield from self._pause(pause, deadline, self.policy.queue(failed_attempt))
            if turn is None:
                raise result.error

    def poll(self, timeout_s: float, is_settled: Callable[[T], bool]) -> Steps[T]:
        """Ask until there is an answer, and until it is settled.

        Each attempt may take `self.timeout_s`; all of them together, `timeout_s`.

        Raises:
            GenerationNotReadyError: The time is over.
            ModelGatesError: An attempt ended in a way that waiting does not mend.
        """
        started, deadline = self.clock(), Deadline.after(timeout_s, self.clock)
        attempts, setbacks = 0, 0
        patience_s = self._patience_s(min(timeout_s, self.timeout_s))
        latest: Response[T] | None = None
        error: ModelGatesError | None = None
        turn: RetryTurn | None = None
        while True:
            attempts += 1
            before_s = self.clock()
            attempt_result, result = yield from self._attempt(
                deadline, min(patience_s, self.timeout_s), attempts, turn
            )
            elapsed_s = self.clock() - started
            remaining_s = deadline.remaining()
            # The last poll comes shortly before the end, whenever the schedule would have it: as
            # shortly as its answer takes.
            last_s = remaining_s - max(_POLL_FIRST_S / 2, 2 * (self.clock() - before_s))
            pause_s = max(0.0, min(poll_pause_s(elapsed_s), last_s))
            asked_s = 0.0
            queue: RetryQueue | None = None
            if isinstance(result, Response):
                latest, error, setbacks = result._replace(elapsed_s=elapsed_s), None, 0
                if is_settled(result.parsed):
                    return latest
            elif result.failed_attempt.timed_out and not remaining_s:
                # The end of the time says less than what was before, an error or a record.
                error = error or (result.error if latest is None else None)
            else:
                patience_s = math.inf if result.failed_attempt.timed_out else patience_s
                error, asked_s = result.error, result.failed_attempt.retry_after or 0.0
                if not result.is_absence:
                    if not result.failed_attempt.retryable:
                        raise error
                    setbacks += 1
                    backoff_s = self.policy.backoff_s(result.failed_attempt, setbacks, last_s)
                    pause_s = max(pause_s, backoff_s)
                    queue = self.policy.queue(result.failed_attempt)
            is_over = asked_s >= remaining_s or remaining_s < _POLL_FIRST_S
            if not is_over:
                pause = Pause(
                    max(pause_s, asked_s), PauseReason.of(attempt_result, result, attempts)
                )
                turn = yield from self._pause(pause, deadline, queue)
                is_over = turn is None
            elif isinstance(error, RateLimitError) and asked_s >= remaining_s > 0:
                raise error  # it says how long to wait, which is longer than there is time
            if is_over:
                raise GenerationNotReadyError(
                    self.call.subject, self.clock() - started, attempts, latest, error
                )

    def _attempt(
        self, deadline: Deadline, patience_s: float, attempts: int, turn: RetryTurn | None
    ) -> Generator[Step, AttemptResult | None, tuple[AttemptResult, Response[T] | CallProblem]]:
        attempt_result = yield Send(self.request, deadline.sooner(patience_s))
        if attempt_result is None:
            raise TypeError("a `Send` must be answered by an ending")
        result = self.interpret(attempt_result, attempts)
        if isinstance(result, Response) or not result.failed_attempt.retryable:
            self.policy.answered(turn)
        else:
            self.policy.failed(result.failed_attempt, turn)
            if result.is_misrouted or (result.failed_attempt.timed_out and deadline.remaining()):
                yield Reset()
        return attempt_result, result

    def interpret(self, attempt_result: AttemptResult, attempts: int) -> Response[T] | CallProblem:
        """Return what an attempt came to; `attempts` counts it, too."""
        return interpret(attempt_result, self.call, attempts, self.validation, self.host)

    def _patience_s(self, timeout_s: float) -> float:
        """Return the seconds that an attempt is given that may wait on a dead connection.

        What may be sent only once is waited for.
        """
        has_no_stall_limit = self.has_no_stall_limit or not self.call.is_repeatable
        return math.inf if has_no_stall_limit else max(_MIN_PATIENCE_S, _PATIENCE * timeout_s)

    def _pause(
        self, pause: Pause, deadline: Deadline, queue: RetryQueue | None
    ) -> Generator[Step, AttemptResult | None, RetryTurn | None]:
        """Pause, and until it is this call's turn in a queue, if it is to be waited for.

        Returns:
            The turn; None if there is no time left for another attempt.
        """
        if queue is None:
            yield pause
            return RetryTurn()
        # Tokens come while it pauses; the pace counts those that could go.
        number, is_used = (0 if queue.is_pace else queue.take()), False
        try:
            yield pause
            number = number or queue.take()
            while wait_s := queue.wait_s(number):
                spare_s = deadline.remaining() - _MIN_S
                if spare_s < _MIN_S:
                    return None
                yield Pause(min(_LOOK_S, max(wait_s / 2, _MIN_LOOK_S), spare_s))
            is_used = True
        finally:
            if number and not is_used:
                queue.refund(1)
        return RetryTurn(queue, number)

    def _too_late(self, earlier: AttemptResult | None, attempts: int) -> ModelGatesError:
        """Return the error of a deadline: what was before it says more than the end of the time."""
        result = None if earlier is None else self.interpret(earlier, attempts)
        if isinstance(result, CallProblem):
            return result.error
        return APITimeoutError(f"no complete answer within {self.timeout_s:g} s", attempts)


def execution_of(
    call: Call[T],
    settings: Settings,
    policy: RetryPolicy,
    options: CallOptions,
    clock: Callable[[], float] = monotonic_s,
) -> Execution[T]:
    """Return how a call is executed, by the client's settings and the call's own options.

    Raises:
        ConfigurationError: It is no call, an option is unknown or cannot be used, or a header
            cannot be sent.
    """
    if not isinstance(cast("object", call), Call):
        raise ConfigurationError(f"{call!r} is no call; the functions of an operation make one")
    timeout_s, validation, own = settings.timeout_s, settings.validation, call.headers
    if options:
        if unknown := options.keys() - CALL_OPTIONS:
            raise ConfigurationError(f"there is no option {', '.join(sorted(unknown))} of a call")
        if "timeout" in options:
            timeout_s = check_seconds("timeout", options["timeout"])
        if "max_retries" in options:
            max_retries = check_count("max_retries", options["max_retries"], 0)
            policy = policy._replace(max_retries=max_retries)
        if "validation" in options:
            validation = check_validation(options["validation"])
        if "idempotency_key" in options:
            call = call.identified(options["idempotency_key"])
        own = (*check_headers(options.get("headers") or {}), *call.headers)
    headers = settings.headers  # engines know what is the same
    if own:
        headers = tuple({**dict(headers), **dict(check_headers(dict(own)))}.items())
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
    """Return the wait before the next poll: a quarter of the time waited so far, within bounds.

    A record is thus noticed at most a quarter later than it could be, be it there after one second
    or after forty, by some two dozen requests in a minute.
    """
    return min(_POLL_LONGEST_S, max(_POLL_FIRST_S, elapsed_s / 4))
