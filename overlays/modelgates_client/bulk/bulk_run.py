"""A bulk run: sends requests on one event loop, within the limits on concurrency and rate."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

from modelgates_client.bulk.circuit_breaker import shows_server_is_up
from modelgates_client.bulk.gate import TOO_MANY_REQUESTS, EndedAttempt, Gate
from modelgates_client.bulk.in_flight import PROBE_NUMBER, InFlight
from modelgates_client.bulk.lookups import Lookup, PausableClock
from modelgates_client.bulk.options import BulkOptions, CallFactory, Completed
from modelgates_client.bulk.outage_monitor import OutageMonitor
from modelgates_client.bulk.schedule import Schedule
from modelgates_client.calls.execution import Execution, Pause, Reset, Send, Step
from modelgates_client.calls.responses import as_reported, problem_of
from modelgates_client.calls.retry_log import PauseReason
from modelgates_client.errors import OutageError
from modelgates_client.transport.credentials import Secret
from modelgates_client.transport.engines import AttemptSender
from modelgates_client.transport.exchange import timeout_failure
from modelgates_client.transport.messages import AttemptResult, HTTPResponse
from modelgates_client.transport.options import NetworkOptions, Server
from modelgates_runtime.errors import ModelGatesError
from modelgates_runtime.operation import Call

#: Seconds that a rate limit may pause a run. When the server asks for a longer pause, or refuses
#: every request for longer, the remaining ids fail with the server's error.
MAX_PAUSE_S: Final = 300.0

_RECHECK_S: Final = 0.1  # until a failure is examined again


class RunContext(NamedTuple):
    """What a run needs from its client to send requests.

    Attributes:
        engine: Sends to the client's server; used by this run alone.
        engine_for: Creates an engine for an operation that has a server of its own.
        key: The API key, or a coroutine function that returns it, called for each request.
        check_open: Raises a `ClientClosedError` if the client was closed.
        limit: The maximum size of a body, in bytes.
        execute: Returns the execution of a call, timed by the given clock.
    """

    engine: AttemptSender
    engine_for: Callable[[NetworkOptions], AttemptSender]
    key: Secret | Callable[[], Awaitable[Secret]]
    check_open: Callable[[], None]
    limit: int
    execute: Callable[[Call[Any], Callable[[], float]], Execution[Any]]


class Run:
    """One `get_many` or `send_many`, on the event loop that it was created on.

    A single consumer, which may be on another thread, adds ids while there are free slots, and
    takes completed calls from `ready`; `notify` is called when the consumer may have work to do.

    Attributes:
        ready: The completed calls to take.
        failure: The error that ended the whole run, or None; the failure of an id is not one.
        monitor: Reports outages.
    """

    def __init__(
        self,
        factory: CallFactory,
        context: RunContext,
        bulk_options: BulkOptions,
        notify: Callable[[], None],
    ) -> None:
        """Create a run; `dispatch` sends its first requests."""
        self._schedule = Schedule(bulk_options.concurrency, ordered=bulk_options.ordered)
        self.ready = self._schedule.ready
        self.failure: BaseException | None = None
        self._factory = factory
        self._run_context = context
        self._other_engines: dict[Server, AttemptSender] = {}
        self._on_request = bulk_options.on_request
        self._notify = notify
        self._loop = asyncio.get_running_loop()
        self._gate = Gate(
            self._loop.time(), bulk_options.concurrency, bulk_options.max_rate, random.random
        )
        self.monitor = OutageMonitor(
            self._gate, self._schedule, bulk_options.outage_timeout_s, notify, self._end_on_outage
        )
        self._in_flight = InFlight(self._gate, self._schedule, self._on_stall, self.dispatch)
        self._canary_item: object = None  # answered last: a probe may ask for it again
        self._is_canary_next = False
        self._active_workers = 0
        self._timer: asyncio.TimerHandle | None = None
        self._reset_tasks: set[asyncio.Task[None]] = set()
        self._item_count = 0
        self._input_ended = False
        self._is_closed = False

    @property
    def free_slots(self) -> int:
        """How many ids may be added now."""
        return 0 if self._input_ended else self._schedule.free_slots

    @property
    def has_new(self) -> bool:
        """Whether an id waits that was never asked for."""
        return self._schedule.has_new

    @property
    def is_over(self) -> bool:
        """Whether no more calls will complete."""
        return self.failure is not None or (self._input_ended and self._schedule.is_idle)

    def add_item(self, item: object) -> None:
        """Add an id or a call; `dispatch` sends it."""
        self._schedule.add(self._make_lookup(self._item_count, item, self._loop.time()))
        self._item_count += 1
        if isinstance(self.failure, OutageError):  # the run has ended already
            self._leave_pending()

    def end_input(self) -> None:
        """Declare that no more ids will be added."""
        self._input_ended = True

    def dispatch(self) -> None:
        """Start workers while there are requests to send, up to the limit."""
        while self._active_workers < self._gate.max_in_flight:
            lookup = self._next_to_send()
            if lookup is None:
                return
            self._active_workers += 1
            worker = self._loop.create_task(self._work(lookup))
            self._in_flight.begin(worker, lookup)
            worker.add_done_callback(self._in_flight.end)

    async def close(self) -> None:
        """Cancel the requests in flight, and close the connections."""
        self._is_closed = True
        self.monitor.close()
        if self._timer is not None:
            self._timer.cancel()
        await asyncio.gather(*self._reset_tasks, return_exceptions=True)
        await self._in_flight.close()
        for engine in self._engines():
            await engine.close()

    def _engines(self) -> list[AttemptSender]:
        return [self._run_context.engine, *self._other_engines.values()]

    async def _work(self, lookup: Lookup | None) -> None:
        """Process one lookup after another until none may be sent."""
        task = asyncio.current_task()
        try:
            while lookup is not None:
                if task is not None:
                    self._in_flight.begin(task, lookup)
                await self._advance_lookup(lookup)
                lookup = (
                    self._next_to_send()
                    if self._active_workers <= self._gate.max_in_flight
                    else None
                )
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - see `failure`
            # Otherwise `close` cancelled the task, or its request was abandoned.
            if not self._is_closed and task in self._in_flight:
                self.failure = self.failure or error
                self._notify()
        finally:
            self._active_workers -= 1
            if task is not None:
                self._in_flight.end(task)
            if not self._is_closed:
                self._loop.call_soon(self.dispatch)  # another worker may start

    def _next_to_send(self) -> Lookup | None:
        """Return the lookup to send now; otherwise schedule the next dispatch and return None."""
        if self._is_closed or self.failure is not None:
            return None
        now = self._loop.time()
        at = self._gate.ready_at(now)
        if at > now and not self._is_limited_too_long(now, at):
            self._dispatch_at(at)
            return None
        if at > now:
            self._fail_rate_limited(now)
        lookup = None if at > now else self._pick_lookup(now)
        while lookup is not None and not self._has_request(lookup, now):
            lookup = self._pick_lookup(now)
        if lookup is None:
            due = self._schedule.next_due()
            if due is not None and due > now:  # otherwise `ready` is full
                self._dispatch_at(due)
            return None
        self._gate.record_sent(now)
        lookup.sent_at = now
        self._in_flight.watch(now)
        return lookup

    def _has_request(self, lookup: Lookup, now: float) -> bool:
        """Whether a lookup has a request to send now; otherwise complete it, or park it again."""
        lookup.clock.exclude(now - lookup.due_s)
        if lookup.next_send is None:
            step = self._after_reset(lookup, lookup.advance(None))
            if isinstance(step, Send):
                lookup.next_send = step
            elif isinstance(step, Pause):  # a retry that waits for its turn
                self._schedule.park(lookup, now + step.seconds)
            elif isinstance(step, Completed):
                self._finish(step)
        return lookup.next_send is not None

    def _after_reset(self, lookup: Lookup, step: Step | Completed) -> Step | Completed:
        """Return the step of a lookup; start a reset that comes before it."""
        if not isinstance(step, Reset):
            return step
        self._start_reset()
        return lookup.advance(None)

    def _finish(self, completed: Completed) -> None:
        self._schedule.finish(completed)
        self._notify()

    def _pick_lookup(self, now: float) -> Lookup | None:
        """Return a lookup to send now; complete or park those whose earlier failure is settled."""
        if self._gate.breaker.is_open:
            return self._next_probe(now)
        while (lookup := self._schedule.next(now)) is not None:
            if (
                lookup.ambiguous_failure is not None
                and now < lookup.ambiguous_failure.failed_at + _RECHECK_S
            ):
                self._schedule.park(
                    lookup, lookup.ambiguous_failure.failed_at + _RECHECK_S, lookup.due_s
                )
                continue  # the next result may show that it is an outage
            since = now if lookup.ambiguous_failure is None else lookup.ambiguous_failure.failed_at
            step = self._gate.settle(lookup, now)
            if (
                step is None
                and lookup.ambiguous_failure is not None
                and now < lookup.ambiguous_failure.not_before
            ):
                self._schedule.park(lookup, lookup.ambiguous_failure.not_before, lookup.due_s)
                continue
            if step is None:
                return (
                    lookup
                    if lookup.ambiguous_failure is None
                    else self._prefer_other_id(lookup, now)
                )
            step = self._after_reset(lookup, step)
            if isinstance(step, Completed):
                self._finish(step)
            elif isinstance(step, Pause):
                step.log()
                self._schedule.park(lookup, max(now, since + step.seconds))
            else:
                raise TypeError("a failure must be followed by a pause")
        return None

    def _prefer_other_id(self, lookup: Lookup, now: float) -> Lookup | None:
        """Return another lookup that shows whether the failure of this one is an outage.

        Without another id to send, it is a probe for the id that was answered last.
        """
        self._schedule.put_last(lookup)
        other = self._schedule.next_probe(now)
        if other is None or other.ambiguous_failure is None or self._canary_item is None:
            return other
        self._schedule.park(other, now + _RECHECK_S, other.due_s)
        if self._awaits_others:
            return None  # a request in flight will show it
        return self._make_lookup(PROBE_NUMBER, self._canary_item, now)

    @property
    def _awaits_others(self) -> bool:
        """Whether requests are in flight, apart from the one of the current task that ended."""
        return self._active_workers > (asyncio.current_task() in self._in_flight)

    def _next_probe(self, now: float) -> Lookup | None:
        """Return a probe that shows whether the outage is over, for an id that has not failed yet.

        If all ids failed, they may be what makes the server fail; so every other probe asks for
        the id that was answered last.
        """
        lookup = self._schedule.next_probe(now)
        if lookup is None or lookup.ambiguous_failure is None or self._canary_item is None:
            return lookup
        self._is_canary_next = not self._is_canary_next
        if not self._is_canary_next:
            return lookup
        self._schedule.put_back(lookup)
        return self._make_lookup(PROBE_NUMBER, self._canary_item, now)

    def _make_lookup(self, number: int, item: object, now: float) -> Lookup:
        clock = PausableClock(self._loop.time)
        prepared = self._factory.prepared(item, lambda call: self._run_context.execute(call, clock))
        return Lookup(number, item, prepared, clock, now)

    def _dispatch_at(self, at: float) -> None:
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self.dispatch()

    async def _advance_lookup(self, lookup: Lookup) -> None:
        """Execute the steps of a lookup until it pauses, is put back, or completes."""
        step: Step | Completed | None = lookup.next_send
        if step is None:
            raise TypeError("a lookup to send must have a request")
        while not isinstance(step, Completed):
            if isinstance(step, Send):
                sent_at, in_flight = self._loop.time(), self._active_workers
                lookup.attempts += 1
                lookup.next_send = step  # in case the attempt is abandoned
                attempt_result = await self._send(step)
                if isinstance(attempt_result, ModelGatesError):
                    step = Completed(lookup.number, lookup.item, attempt_result)
                    break
                at = self._record_attempt(lookup, attempt_result, sent_at, in_flight)
                if lookup.number == PROBE_NUMBER:
                    return
                if at is not None:
                    self._requeue(lookup, at, sent_at)
                    return
                lookup.ambiguous_failure = lookup.next_send = None
                step = lookup.advance(attempt_result)
            elif isinstance(step, Pause):
                step.log()
                self._schedule.park(lookup, self._loop.time() + step.seconds)
                self._notify()  # a slot is free for another id
                return
            else:
                await self._reset_engines()
                step = lookup.advance(None)
        self._finish(step)

    def _requeue(self, lookup: Lookup, at: float, sent_at: float) -> None:
        """Put a lookup back in the schedule; the attempt does not count."""
        may_be_faulty = lookup.may_be_faulty or self._gate.is_limit_presumed
        if at > self._loop.time():
            self._schedule.park(lookup, at, sent_at)
            return
        if may_be_faulty and not self._gate.breaker.is_open:
            self._schedule.put_last(lookup, sent_at)  # another id is a better test
        else:
            self._schedule.put_back(lookup, sent_at)
        self._notify()  # there may be room for another id

    async def _send(self, send: Send) -> AttemptResult | ModelGatesError:
        """Make an attempt; return the error if the API key cannot be obtained."""
        self._run_context.check_open()
        key = self._run_context.key
        if isinstance(key, Secret):
            secret = key
        else:
            try:
                async with asyncio.timeout(send.deadline.remaining()):
                    secret = await key()
            except TimeoutError:
                return timeout_failure()
            except ModelGatesError as error:
                return error
        engine, other_server = self._run_context.engine, send.request.other_server
        if other_server is not None:
            engine = self._other_engines.get(other_server.server) or self._run_context.engine_for(
                other_server
            )
            self._other_engines[other_server.server] = engine
        if self._on_request is not None:
            self._on_request()
        return await engine.send(send.request, secret, send.deadline, self._run_context.limit)

    def _record_attempt(
        self, lookup: Lookup, attempt_result: AttemptResult, sent_at: float, in_flight: int
    ) -> float | None:
        """Learn from an attempt's result; return when to repeat it without counting it, or None."""
        now = self._loop.time()
        was_open, limit = self._gate.breaker.is_open, self._gate.max_in_flight
        refusals = self._gate.refusals
        may_repeat = lookup.may_repeat(attempt_result)
        if lookup.call is not None:
            attempt_result = as_reported(attempt_result, lookup.call)
        is_alone = self._active_workers <= 1 and not self._schedule.has_queued
        attempt = EndedAttempt(
            lookup, attempt_result, sent_at, in_flight, self._active_workers, is_alone
        )
        at = self._gate.record_result(attempt, now)
        is_open = self._gate.breaker.is_open
        if at is None and shows_server_is_up(attempt_result) and may_repeat:
            self._canary_item = lookup.item
        if (
            at is not None
            and isinstance(attempt_result, HTTPResponse)
            and attempt_result.status == TOO_MANY_REQUESTS
        ):
            if self._gate.refusals > refusals:
                self.monitor.log_rate_limit(
                    attempt_result, lookup.attempts, self._gate.ready_at(now) - now
                )
            else:
                PauseReason.of(attempt_result, problem_of(attempt_result), lookup.attempts).log(
                    at - now
                )
        if is_open and lookup.ambiguous_failure is not None:
            self.monitor.last_result = attempt_result
        if is_open != was_open:
            self._on_breaker_change(now)
        elif is_open:
            self.monitor.refresh()
        if self._gate.max_in_flight > limit or was_open:
            self._loop.call_soon(self.dispatch)
        return at if may_repeat else None  # the server may have acted on it

    def _on_stall(self, now: float) -> None:
        """Treat it as an outage that no request in flight gets a response."""
        self.monitor.last_result = timeout_failure()
        self._gate.breaker.record_stall(now)
        self._on_breaker_change(now)
        self._start_reset()

    def _start_reset(self) -> None:
        """Close idle connections, which may be as dead as those that hang."""
        reset_task = self._loop.create_task(self._reset_engines())
        self._reset_tasks.add(reset_task)  # event loops keep only weak references
        reset_task.add_done_callback(self._reset_tasks.discard)

    async def _reset_engines(self) -> None:
        for engine in self._engines():
            await engine.reset()

    def _on_breaker_change(self, now: float) -> None:
        """Handle the beginning or the end of an outage."""
        if self._gate.breaker.is_open:
            self._is_canary_next = False
            self.monitor.begin(now)
        else:
            self.monitor.end()
            self._loop.call_later(self._gate.grace_s, self._in_flight.give_up_older, now)

    def _end_on_outage(self, error: OutageError) -> None:
        """End the run: every id taken so far becomes pending, and the run fails."""
        if self.failure is None:
            self._input_ended = True
            self.failure = error
            self._in_flight.cancel_all()
            self._leave_pending()

    def _leave_pending(self) -> None:
        for lookup in self._schedule.drain():
            attempt_result = self.monitor.last_result
            if attempt_result is None:
                raise TypeError("an outage must begin with a failed attempt")
            self._schedule.finish(lookup.give_up(attempt_result, self._loop.time()))
        self._notify()

    def _is_limited_too_long(self, now: float, at: float) -> bool:
        """Whether the rate limit pauses the run for too long."""
        if self._gate.refusal is None or self._gate.breaker.is_open:
            return False
        if self._gate.is_limit_presumed and self._awaits_others:
            return False  # their responses will show it
        since = self._gate.refused_since
        return at - now > MAX_PAUSE_S or (since is not None and now - since > MAX_PAUSE_S)

    def _fail_rate_limited(self, now: float) -> None:
        """Fail the lookups that are due with the error of the latest refusal."""
        refusal = self._gate.refusal
        while refusal is not None and (lookup := self._schedule.next(now)) is not None:
            error = problem_of(refusal, call=lookup.call).error
            self._finish(Completed(lookup.number, lookup.item, error))
