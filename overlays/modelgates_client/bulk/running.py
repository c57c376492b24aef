"""Sending what is next, on one event loop: as many at a time as allowed, as fast as allowed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from modelgates_client.bulk.lookups import Finished, HeldClock, Lookup, Question
from modelgates_client.bulk.pacer import Pacer
from modelgates_client.bulk.schedule import Schedule
from modelgates_client.calls.answers import Problem, interpret
from modelgates_client.calls.call import Pause, Send
from modelgates_client.calls.retry import retry_after_s
from modelgates_client.transport.credentials import Secret
from modelgates_client.transport.exchange import timed_out
from modelgates_client.transport.messages import Ending, Reply
from modelgates_client.transport.pooling import AsyncEngine
from modelgates_runtime.errors import ModelGatesError

#: Seconds that a rate limit may hold everything up. When the server asks for more, or lets nothing
#: through for longer, what is left fails with what the server said.
LONGEST_PAUSE_S: Final = 300.0

_TOO_MANY: Final = 429
_BUSY: Final = frozenset({503, 529})  # a rate limit, when they say how long to wait


class Means(NamedTuple):
    """What a run asks with.

    Attributes:
        engine: Sends; it is the run's own.
        key: The key, or what returns it for a request.
        check_open: Raises a `ClientClosedError` when the client was closed.
        limit: The most bytes that a body may have.
    """

    engine: AsyncEngine
    key: Secret | Callable[[], Awaitable[Secret]]
    check_open: Callable[[], None]
    limit: int


class Plan(NamedTuple):
    """How many, how fast, and in which order.

    Attributes:
        concurrency: The most requests at one time.
        ordered: Whether outcomes come in the order of the ids.
        max_rate: The most requests per second, if there is a limit.
    """

    concurrency: int
    ordered: bool
    max_rate: float | None


class Run:
    """One `get_many`, on the event loop that it is made on.

    Ids are offered as it wants them, and what is ready is taken from it, by one other party, which
    may be on another thread; `tell` is called when there may be something to do for that party.

    Attributes:
        ready: What is finished and may be taken.
        failure: What broke the run, if anything did: not an id's failure, but all ids'.
    """

    def __init__(
        self, question: Question, means: Means, plan: Plan, tell: Callable[[], None]
    ) -> None:
        """Send nothing yet."""
        self._schedule = Schedule(plan.concurrency, ordered=plan.ordered)
        self.ready = self._schedule.ready
        self.failure: BaseException | None = None
        self._question = question
        self._means = means
        self._most = plan.concurrency
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._pacer = Pacer(self._loop.time(), max_rate=plan.max_rate)
        self._refusal: Reply | None = None
        self._refused_since: float | None = None
        self._workers: set[asyncio.Task[None]] = set()
        self._working = 0
        self._timer: asyncio.TimerHandle | None = None
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

    def offer(self, generation_id: object) -> None:
        """Take an id; `pump` sends it."""
        clock = HeldClock(self._loop.time)
        name = generation_id if isinstance(generation_id, str) else repr(generation_id)
        steps = self._question.steps(generation_id, clock)
        self._schedule.add(Lookup(self._count, name, steps, clock, self._loop.time()))
        self._count += 1

    def end(self) -> None:
        """Take no more ids."""
        self._ended = True

    def pump(self) -> None:
        """Let as many workers run as there is work for."""
        while self._working < self._most:
            lookup = self._next()
            if lookup is None:
                return
            self._working += 1
            worker = self._loop.create_task(self._work(lookup))
            self._workers.add(worker)  # a loop keeps no hold of its tasks
            worker.add_done_callback(self._workers.discard)

    async def close(self) -> None:
        """Cancel what is on its way, and close the connections."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        workers = [*self._workers]
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        await self._means.engine.close()

    async def _work(self, lookup: Lookup | None) -> None:
        """Carry out one lookup after the other, until there is none."""
        try:
            while lookup is not None:
                await self._carry_out(lookup)
                lookup = self._next()
        except Exception as error:  # noqa: BLE001 - raised to whoever takes what is finished
            self.failure = self.failure or error
            self._tell()
        finally:
            self._working -= 1

    def _next(self) -> Lookup | None:
        """Return what to send now; if it is too early for that, see to being asked again."""
        if self._stopped or self.failure is not None:
            return None
        now = self._loop.time()
        at = self._pacer.ready_at(now)
        if at > now and not self._is_stuck(now, at):
            self._call_at(at)
            return None
        if at > now:
            self._give_up(now)
        lookup = None if at > now else self._schedule.next(now)
        if lookup is None:
            due = self._schedule.next_due()
            if due is not None and due > now:  # else there is too much that nobody has taken
                self._call_at(due)
            return None
        self._pacer.sent(now)
        lookup.clock.hold(now - lookup.due_s)
        return lookup

    def _call_at(self, at: float) -> None:
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self.pump()

    async def _carry_out(self, lookup: Lookup) -> None:
        """Take a lookup as far as it goes now: to a pause, to a refusal, or to its end."""
        step = lookup.refused or lookup.advance(None)
        lookup.refused = None
        while not isinstance(step, Finished):
            if isinstance(step, Send):
                sent_at = self._loop.time()
                ending = await self._send(step)
                if isinstance(ending, ModelGatesError):
                    step = Finished(lookup.number, lookup.generation_id, ending)
                elif self._is_refused(ending, sent_at):
                    lookup.refused, lookup.due_s = step, sent_at
                    self._schedule.put_back(lookup)
                    return
                else:
                    step = lookup.advance(ending)
            elif isinstance(step, Pause):
                self._schedule.park(lookup, self._loop.time() + step.seconds)
                self._tell()  # its place is free for another id
                return
            else:
                await self._means.engine.reset()
                step = lookup.advance(None)
        self._schedule.finish(step)
        self._tell()

    async def _send(self, send: Send) -> Ending | ModelGatesError:
        """Make an attempt; an error if there is no key to make it with."""
        self._means.check_open()
        key = self._means.key
        if isinstance(key, Secret):
            secret = key
        else:
            try:
                async with asyncio.timeout(send.deadline.remaining()):
                    secret = await key()
            except TimeoutError:
                return timed_out()
            except ModelGatesError as error:
                return error
        return await self._means.engine.send(send.request, secret, send.deadline, self._means.limit)

    def _is_refused(self, ending: Ending, sent_at: float) -> bool:
        """Tell the pacer of an ending; return whether it is to be asked again for its rate alone.

        That is not the id's doing, and is not taken off its time, its retries or their budget.
        """
        now = self._loop.time()
        if not isinstance(ending, Reply):
            return False
        after = retry_after_s(ending.headers) if ending.status >= _TOO_MANY else None
        if ending.status == _TOO_MANY or (ending.status in _BUSY and after is not None):
            self._pacer.throttled(now, sent_at, after)
            if ending.status != _TOO_MANY:
                return False  # it may be an outage, which retries are bounded for
            self._refusal = ending
            if self._refused_since is None:
                self._refused_since = now
            return True
        self._pacer.succeeded(now, sent_at)
        self._refused_since = None
        return False

    def _is_stuck(self, now: float, at: float) -> bool:
        """Whether the rate limit holds everything up for too long."""
        if self._refusal is None:
            return False
        since = self._refused_since
        return at - now > LONGEST_PAUSE_S or (since is not None and now - since > LONGEST_PAUSE_S)

    def _give_up(self, now: float) -> None:
        """End what is to be sent now with what the server said when it refused."""
        refusal = self._refusal
        while refusal is not None and (lookup := self._schedule.next(now)) is not None:
            problem = interpret(refusal, lookup.generation_id, 1, "lenient")
            if not isinstance(problem, Problem):
                raise TypeError("a refusal is no answer")
            self._schedule.finish(Finished(lookup.number, lookup.generation_id, problem.error))
            self._tell()
