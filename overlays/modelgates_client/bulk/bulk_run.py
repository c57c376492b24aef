"""Sending what is next, on one event loop: as many at a time as allowed, as fast as allowed."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

from modelgates_client.bulk.circuit_breaker import is_answer
from modelgates_client.bulk.gate import TOO_MANY, AttemptRecord, Gate
from modelgates_client.bulk.in_flight import PROBE_NUMBER, InFlight
from modelgates_client.bulk.lookups import Lookup, PausableClock
from modelgates_client.bulk.options import BulkOptions, CallFactory, Completed
from modelgates_client.bulk.outage_monitor import OutageMonitor
from modelgates_client.bulk.schedule import Schedule
from modelgates_client.calls.execution import Execution, Pause, Reset, Send
from modelgates_client.calls.responses import problem_of
from modelgates_client.calls.retry_log import PauseReason
from modelgates_client.errors import OutageError
from modelgates_client.transport.credentials import Secret
from modelgates_client.transport.engines import AttemptSender
from modelgates_client.transport.exchange import timeout_failure
from modelgates_client.transport.messages import AttemptResult, HTTPResponse
from modelgates_client.transport.options import NetworkOptions, Server
from modelgates_runtime.errors import ModelGatesError
from modelgates_runtime.operation import Call

#: Seconds that a rate limit may hold everything up. When the server asks for more, or lets nothing
#: through for longer, what is left fails with what the server said.
MAX_PAUSE_S: Final = 300.0

_CHECK_S: Final = 0.1  # until a failure is looked at again


class RunContext(NamedTuple):
    """What a run asks with.

    Attributes:
        engine: Sends to the client's server; it is the run's own.
        engine_for: Makes one for the server of an operation that has its own.
        key: The key, or what returns it for a request.
        check_open: Raises a `ClientClosedError` when the client was closed.
        limit: The most bytes that a body may have.
        execute: Returns the execution of a call, by a clock.
    """

    engine: AttemptSender
    engine_for: Callable[[NetworkOptions], AttemptSender]
    key: Secret | Callable[[], Awaitable[Secret]]
    check_open: Callable[[], None]
    limit: int
    execute: Callable[[Call[Any], Callable[[], float]], Execution[Any]]


class Run:
    """One `get_many`, on the event loop that it is made on.

    Ids are offered as it wants them, and what is ready is taken from it, by one other party, which
    may be on another thread; `notify` is called when there may be something to do for that party.

    Attributes:
        ready: What is finished and may be taken.
        failure: What broke the run, if anything did: not an id's failure, but all ids'.
        monitor: Whether there is an outage, and what is to be told of it.
    """

    def __init__(
        self,
        factory: CallFactory,
        context: RunContext,
        plan: BulkOptions,
        notify: Callable[[], None],
    ) -> None:
        """Send nothing yet."""
        self._schedule = Schedule(plan.concurrency, ordered=plan.ordered)
        self.ready = self._schedule.ready
        self.failure: BaseException | None = None
        self._factory = factory
        self._run_context = context
        self._elsewhere: dict[Server, AttemptSender] = {}
        self._notify = notify
        self._loop = asyncio.get_running_loop()
        self._gate = Gate(self._loop.time(), plan.concurrency, plan.max_rate, random.random)
        self.monitor = OutageMonitor(
            self._gate, self._schedule, plan.outage_timeout_s, notify, self._end_by_outage
        )
        self._in_flight = InFlight(self._gate, self._schedule, self._stalled, self.dispatch)
        self._canary: object = None  # what was answered last, and may be asked again
        self._canary_is_next = False
        self._working = 0
        self._timer: asyncio.TimerHandle | None = None
        self._resetting: set[asyncio.Task[None]] = set()
        self._count = 0
        self._ended = False
        self._stopped = False

    @property
    def wanted(self) -> int:
        """How many ids may be offered now."""
        return 0 if self._ended else self._schedule.wanted

    @property
    def is_over(self) -> bool:
        """Whether nothing will become ready any more."""
        return self.failure is not None or (self._ended and self._schedule.is_idle)

    def offer(self, item: object) -> None:
        """Take an id, or a call; `dispatch` sends it."""
        self._schedule.add(self._lookup(self._count, item, self._loop.time()))
        self._count += 1
        if isinstance(self.failure, OutageError):  # it came too late
            self._leave_pending()

    def end(self) -> None:
        """Take no more ids."""
        self._ended = True

    def dispatch(self) -> None:
        """Let as many workers run as there is work for."""
        while self._working < self._gate.limit:
            lookup = self._next()
            if lookup is None:
                return
            self._working += 1
            worker = self._loop.create_task(self._work(lookup))
            self._in_flight.begin(worker, lookup)
            worker.add_done_callback(self._in_flight.end)

    async def close(self) -> None:
        """Cancel what is on its way, and close the connections."""
        self._stopped = True
        self.monitor.close()
        if self._timer is not None:
            self._timer.cancel()
        await asyncio.gather(*self._resetting, return_exceptions=True)
        await self._in_flight.close()
        for engine in self._engines():
            await engine.close()

    def _engines(self) -> list[AttemptSender]:
        return [self._run_context.engine, *self._elsewhere.values()]

    async def _work(self, lookup: Lookup | None) -> None:
        """Carry out one lookup after the other, until there is none."""
        task = asyncio.current_task()
        try:
            while lookup is not None:
                if task is not None:
                    self._in_flight.begin(task, lookup)
                await self._carry_out(lookup)
                lookup = self._next() if self._working <= self._gate.limit else None
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - see `failure`
            # Else it was cancelled by `close`, or abandoned.
            if not self._stopped and task in self._in_flight:
                self.failure = self.failure or error
                self._notify()
        finally:
            self._working -= 1
            if task is not None:
                self._in_flight.end(task)
            if not self._stopped:
                self._loop.call_soon(self.dispatch)  # an abandoned one leaves its place to another

    def _next(self) -> Lookup | None:
        """Return what to send now; if it is too early for that, see to being asked again."""
        if self._stopped or self.failure is not None:
            return None
        now = self._loop.time()
        at = self._gate.ready_at(now)
        if at > now and not self._is_stuck(now, at):
            self._call_at(at)
            return None
        if at > now:
            self._give_up(now)
        lookup = None if at > now else self._take(now)
        if lookup is None:
            due = self._schedule.next_due()
            if due is not None and due > now:  # else there is too much that nobody has taken
                self._call_at(due)
            return None
        self._gate.sent(now)
        lookup.clock.hold(now - lookup.due_s)
        lookup.sent_at = now
        self._in_flight.watch(now)
        return lookup

    def _take(self, now: float) -> Lookup | None:
        """Return a lookup that is to be sent now, and settle those that are not."""
        if self._gate.breaker.is_open:
            return self._probe(now)
        while (lookup := self._schedule.next(now)) is not None:
            if (
                lookup.ambiguous_failure is not None
                and now < lookup.ambiguous_failure.failed_at + _CHECK_S
            ):
                self._schedule.park(
                    lookup, lookup.ambiguous_failure.failed_at + _CHECK_S, lookup.due_s
                )
                continue  # the next that comes may show that it is an outage after all
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
                return lookup if lookup.ambiguous_failure is None else self._check(lookup, now)
            if isinstance(step, Reset):
                self._reset()
                step = lookup.advance(None)
            if isinstance(step, Completed):
                self._schedule.finish(step)
                self._notify()
            elif isinstance(step, Pause):
                step.log()
                self._schedule.park(lookup, max(now, since + step.seconds))
            else:
                raise TypeError("after a failure there is a pause")
        return None

    def _check(self, lookup: Lookup, now: float) -> Lookup | None:
        """Return what shows whether a failure is the id's own: another id than that.

        If no other is to be asked for, one that was answered before.
        """
        self._schedule.put_last(lookup)
        other = self._schedule.next_probe(now)
        if other is None or other.ambiguous_failure is None or self._canary is None:
            return other
        self._schedule.park(other, now + _CHECK_S, other.due_s)
        if self._working > (asyncio.current_task() in self._in_flight):
            return None  # what is on its way will show it
        return self._lookup(PROBE_NUMBER, self._canary, now)

    def _probe(self, now: float) -> Lookup | None:
        """Return what shows whether an outage is over: an id that did not fail in it, if possible.

        Where all have, it may be these ids alone that make the server fail; then one that was
        answered before shows more.
        """
        lookup = self._schedule.next_probe(now)
        if lookup is None or lookup.ambiguous_failure is None or self._canary is None:
            return lookup
        self._canary_is_next = not self._canary_is_next
        if not self._canary_is_next:
            return lookup
        self._schedule.put_back(lookup)
        return self._lookup(PROBE_NUMBER, self._canary, now)

    def _lookup(self, number: int, item: object, now: float) -> Lookup:
        clock = PausableClock(self._loop.time)
        prepared = self._factory.prepared(item, lambda call: self._run_context.execute(call, clock))
        return Lookup(number, item, prepared, clock, now)

    def _call_at(self, at: float) -> None:
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self.dispatch()

    async def _carry_out(self, lookup: Lookup) -> None:
        """Take a lookup as far as it goes now: to a pause, to a refusal, or to its end."""
        step = lookup.again or lookup.advance(None)
        while not isinstance(step, Completed):
            if isinstance(step, Send):
                sent_at, in_flight = self._loop.time(), self._working
                lookup.attempts += 1
                lookup.again = step  # should it be abandoned
                attempt_result = await self._send(step)
                if isinstance(attempt_result, ModelGatesError):
                    step = Completed(lookup.number, lookup.item, attempt_result)
                    break
                at = self._judge(lookup, attempt_result, sent_at, in_flight)
                if lookup.number == PROBE_NUMBER:
                    return
                if at is not None:
                    self._ask_again(lookup, at, sent_at)
                    return
                lookup.ambiguous_failure = lookup.again = None
                step = lookup.advance(attempt_result)
            elif isinstance(step, Pause):
                step.log()
                self._schedule.park(lookup, self._loop.time() + step.seconds)
                self._notify()  # its place is free for another id
                return
            else:
                await self._reset_engines()
                step = lookup.advance(None)
        self._schedule.finish(step)
        self._notify()

    def _ask_again(self, lookup: Lookup, at: float, sent_at: float) -> None:
        """Put a lookup back, at no cost to it."""
        if at <= self._loop.time():
            if lookup.may_be_bad and not self._gate.breaker.is_open:
                self._schedule.put_last(lookup, sent_at)  # another id shows more
            else:
                self._schedule.put_back(lookup, sent_at)
        else:
            self._schedule.park(lookup, at, sent_at)

    async def _send(self, send: Send) -> AttemptResult | ModelGatesError:
        """Make an attempt; an error if there is no key to make it with."""
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
            engine = self._elsewhere.get(other_server.server) or self._run_context.engine_for(
                other_server
            )
            self._elsewhere[other_server.server] = engine
        return await engine.send(send.request, secret, send.deadline, self._run_context.limit)

    def _judge(
        self, lookup: Lookup, attempt_result: AttemptResult, sent_at: float, in_flight: int
    ) -> float | None:
        """Learn from an ending; return when its id is to be asked for again at no cost to it."""
        now = self._loop.time()
        was_open, limit = self._gate.breaker.is_open, self._gate.limit
        refusals = self._gate.refusals
        alone = self._working <= 1 and not self._schedule.has_fresh
        attempt = AttemptRecord(lookup, attempt_result, sent_at, in_flight, self._working, alone)
        at = self._gate.again_at(attempt, now)
        is_open = self._gate.breaker.is_open
        may_repeat = lookup.may_repeat(attempt_result)
        if at is None and is_answer(attempt_result) and may_repeat:
            self._canary = lookup.item
        if (
            at is not None
            and isinstance(attempt_result, HTTPResponse)
            and attempt_result.status == TOO_MANY
        ):
            if self._gate.refusals > refusals:
                self.monitor.limited(
                    attempt_result, lookup.attempts, self._gate.ready_at(now) - now
                )
            else:
                PauseReason.of(attempt_result, problem_of(attempt_result), lookup.attempts).log(
                    at - now
                )
        if is_open and lookup.ambiguous_failure is not None:
            self.monitor.last = attempt_result
        if is_open != was_open:
            self._turned(now)
        elif is_open:
            self.monitor.go_on()
        if self._gate.limit > limit or was_open:
            self._loop.call_soon(self.dispatch)
        return at if may_repeat else None  # what the server may have acted on is not sent again

    def _stalled(self, now: float) -> None:
        """Take it for an outage that nothing is heard of any request."""
        self.monitor.last = timeout_failure()
        self._gate.breaker.stalled(now)
        self._turned(now)
        self._reset()

    def _reset(self) -> None:
        """Close the connections that are idle: they may be as dead as those that hang."""
        resetting = self._loop.create_task(self._reset_engines())
        self._resetting.add(resetting)  # a loop keeps no hold of its tasks
        resetting.add_done_callback(self._resetting.discard)

    async def _reset_engines(self) -> None:
        for engine in self._engines():
            await engine.reset()

    def _turned(self, now: float) -> None:
        """See to what follows from the beginning of an outage, or from its end."""
        if self._gate.breaker.is_open:
            self._canary_is_next = False
            self.monitor.begin(now)
        else:
            self.monitor.end()
            self._loop.call_later(self._gate.grace_s, self._in_flight.give_up_older, now)

    def _end_by_outage(self, error: OutageError) -> None:
        """Ask no more: leave what was taken pending, and fail."""
        if self.failure is None:
            self._ended = True
            self.failure = error
            self._in_flight.cancel_all()
            self._leave_pending()

    def _leave_pending(self) -> None:
        for lookup in self._schedule.drain():
            attempt_result = self.monitor.last
            if attempt_result is None:
                raise TypeError("an outage begins with a failure")
            self._schedule.finish(lookup.give_up(attempt_result, self._loop.time()))
        self._notify()

    def _is_stuck(self, now: float, at: float) -> bool:
        """Whether the rate limit holds everything up for too long."""
        if self._gate.refusal is None or self._gate.breaker.is_open:
            return False
        since = self._gate.refused_since
        return at - now > MAX_PAUSE_S or (since is not None and now - since > MAX_PAUSE_S)

    def _give_up(self, now: float) -> None:
        """End what is to be sent now with what the server said when it refused."""
        refusal = self._gate.refusal
        while refusal is not None and (lookup := self._schedule.next(now)) is not None:
            error = problem_of(refusal, call=lookup.call).error
            self._schedule.finish(Completed(lookup.number, lookup.item, error))
            self._notify()
