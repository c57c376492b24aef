"""What is finished of many ids, for a caller that blocks: the event loop runs in a thread."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from queue import SimpleQueue

from modelgates_client.bulk.lookups import Finished, Question
from modelgates_client.bulk.outage import Outage
from modelgates_client.bulk.running import Means, Plan, Run


def finished(
    ids: Iterable[object], question: Question, means: Callable[[], Means], plan: Plan
) -> Generator[list[Finished]]:
    """Yield what is finished, as much at a time as there is; nothing, when an outage was told of.

    The iterator of the ids is used on the caller's thread, one id whenever nothing is ready: what
    it raises is raised at once.
    """
    source: Iterator[object] = iter(ids)
    thread = _Thread(question, means, plan)
    thread.start()
    try:
        while True:
            if batch := thread.take():
                yield batch
            elif plan.on_outage is not None and thread.take_news():
                plan.on_outage(thread.outage)
                yield []
            elif thread.is_hungry:
                try:
                    thread.offer(next(source))
                except StopIteration:
                    thread.end()
            elif thread.is_over:
                return
            else:
                thread.wait()
    finally:
        thread.stop()


class _Thread:
    """A run on an event loop in a thread of its own.

    The two sides share two deques and two flags. Each flag is put down before what it announces is
    looked at, and put up after it was added, so that nothing is missed.
    """

    def __init__(self, question: Question, means: Callable[[], Means], plan: Plan) -> None:
        self._start = question, means, plan
        self._most = plan.concurrency
        self._begun: SimpleQueue[BaseException | None] = SimpleQueue()
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._rung = False
        self._inbox: deque[object] = deque()
        self._poked = False
        self._ended = False
        self._run: Run
        self._loop: asyncio.AbstractEventLoop
        self._stopped: asyncio.Event
        # A daemon: a program that ends without closing the generator is not kept from it.
        self._thread = threading.Thread(target=self._serve, name="modelgates-bulk", daemon=True)

    @property
    def is_hungry(self) -> bool:
        """Whether more ids are to be offered: when half of those at hand are used up.

        To hand each over by itself would cost a change of threads for each.
        """
        wanted = 0 if self._ended else self._run.wanted - len(self._inbox)
        return wanted * 2 >= self._most or (wanted > 0 and len(self._inbox) > 0)

    @property
    def is_over(self) -> bool:
        """Whether nothing will become ready any more.

        Raises:
            BaseException: What broke the run.
        """
        if self._run.failure is not None:
            # What was handed over is finished before it leaves the inbox.
            if self._inbox or self._run.ready:
                return False
            raise self._run.failure
        return self._run.is_over and not self._run.ready

    @property
    def outage(self) -> Outage | None:
        """The outage that is going on; None if there is none."""
        return self._run.outage

    def take_news(self) -> bool:
        """Return whether there is something new to be told of an outage."""
        if not self._run.has_news:
            return False
        self._run.has_news = False  # before the outage is looked at: nothing newer is missed
        return True

    def start(self) -> None:
        """Start the thread, and its event loop."""
        self._thread.start()
        failure = self._begun.get()
        if failure is not None:
            raise failure

    def take(self) -> list[Finished]:
        """Return what is ready."""
        ready = self._run.ready
        batch = [ready.popleft() for _ in range(len(ready))]
        if len(batch) >= self._most:
            self._poke()  # it had stopped, and there is room again
        return batch

    def offer(self, generation_id: object) -> None:
        """Hand an id over."""
        self._inbox.append(generation_id)
        self._poke()

    def end(self) -> None:
        """Hand no more ids over."""
        self._ended = True
        self._poke()

    def wait(self) -> None:
        """Wait until there may be something to do."""
        self._bell.get()
        self._rung = False

    def stop(self) -> None:
        """Cancel what is on its way, and wait for it to end."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    def _serve(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        question, means, plan = self._start
        try:
            self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
            self._run = Run(question, means(), plan, self._ring)
        except BaseException as error:  # noqa: BLE001 - raised on the caller's thread
            self._begun.put(error)
            return
        self._begun.put(None)
        try:
            await self._stopped.wait()
        finally:
            await self._run.close()

    def _ring(self) -> None:
        if not self._rung:
            self._rung = True
            self._bell.put(None)

    def _poke(self) -> None:
        if not self._poked:
            self._poked = True
            self._loop.call_soon_threadsafe(self._go_on)

    def _go_on(self) -> None:
        """Take what was handed over, on the thread of the event loop."""
        self._poked = False
        while self._inbox:
            self._run.offer(self._inbox[0])
            self._inbox.popleft()
        if self._ended:
            self._run.end()
        self._run.pump()
        self._ring()
