"""What is finished of many ids, for a caller that blocks: the event loop runs in a thread."""

import asyncio
import atexit
import contextlib
import os
import selectors
import socket
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Final

from modelgates_client.bulk.bulk_run import Run, RunContext
from modelgates_client.bulk.options import BulkOptions, CallFactory, Completed, Outage
from modelgates_client.bulk.threads import start_thread
from modelgates_client.errors import ConfigurationError
from modelgates_client.transport.deadline import Deadline, monotonic_s

_LOOK_S: Final = 1.0  # between two looks whether the other side is still there
_END_S: Final = 5.0  # for what is on its way to end; longer only if the caller's own code blocks


def completed(
    ids: Iterable[object],
    factory: CallFactory,
    context: Callable[[], RunContext],
    plan: BulkOptions,
) -> Generator[list[Completed]]:
    """Yield what is finished, as much at a time as there is; nothing, when an outage was told of.

    The iterator of the ids is used on the caller's thread, one id whenever nothing is ready: what
    it raises is raised at once.

    Raises:
        ConfigurationError: There can be no thread with an event loop here, or no more.
    """
    source: Iterator[object] = iter(ids)
    thread = _RunThread(factory, context, plan)
    try:
        thread.start()
        while True:
            if batch := thread.take():
                yield batch
            elif plan.on_outage is not None and thread.take_news():
                plan.on_outage(thread.outage)
                yield []
            elif thread.wants_items:
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


class _RunThread:
    """A run on an event loop in a thread of its own.

    The two sides share two deques and two flags. Each flag is put down before what it announces is
    looked at, and put up after it was added, so that nothing is missed.

    The thread rings by a pair of sockets, which wakes a caller of any kind: a thread, or what
    gevent or eventlet make of one. It closes its end when it ends, whatever the reason.
    """

    def __init__(
        self, factory: CallFactory, context: Callable[[], RunContext], plan: BulkOptions
    ) -> None:
        self._start = factory, context, plan
        self._most = plan.concurrency
        self._process_id = os.getpid()
        self._bell: socket.socket | None = None
        self._rung = False
        self._inbox: deque[object] = deque()
        self._poked = False
        self._ended = False
        self._run: Run | None = None
        self._loop: asyncio.AbstractEventLoop
        self._stopped: asyncio.Event
        self._is_gone = False
        self._failure: BaseException | None = None

    @property
    def wants_items(self) -> bool:
        """Whether more ids are to be offered: when half of those at hand are used up.

        To hand each over by itself would cost a change of threads for each.
        """
        if self._ended or self._is_gone or self._run is None:
            return False
        wanted = self._run.wanted - len(self._inbox)
        return wanted * 2 >= self._most or (wanted > 0 and len(self._inbox) > 0)

    @property
    def is_over(self) -> bool:
        """Whether nothing will become ready any more.

        Raises:
            BaseException: What broke the run, or ended the thread.
        """
        gone, run = self._is_gone, self._run  # in this order: what it leaves was there before
        failure = self._failure or (None if run is None else run.failure)
        if failure is not None and run is not None and not gone and (self._inbox or run.ready):
            return False  # what was handed over is finished before it leaves the inbox
        if failure is not None:
            raise failure
        if run is not None and run.is_over:
            return not run.ready
        if gone:
            raise ConfigurationError("get_many was ended: the program goes down")
        return False

    @property
    def outage(self) -> Outage | None:
        """The outage that is going on; None if there is none."""
        return None if self._run is None else self._run.monitor.outage

    def take_news(self) -> bool:
        """Return whether there is something new to be told of an outage."""
        if self._run is None or not self._run.monitor.has_news:
            return False
        self._run.monitor.has_news = (
            False  # before the outage is looked at: nothing newer is missed
        )
        return True

    def start(self) -> None:
        """Start the thread, and its event loop.

        Raises:
            ConfigurationError: There can be none.
        """
        try:
            self._bell, ringer = socket.socketpair()
            self._bell.settimeout(_LOOK_S)
            ringer.setblocking(False)  # noqa: FBT003 - the standard library's
            try:
                start_thread(lambda: self._serve(ringer), "modelgates-bulk")
            except BaseException:
                ringer.close()
                raise
        except (OSError, RuntimeError) as error:
            self._is_gone = True
            raise _impossible(error) from None
        atexit.register(self.stop)  # before threads are stopped wherever they are
        while self._run is None and not self.is_over:
            self.wait()

    def take(self) -> list[Completed]:
        """Return what is ready."""
        if self._run is None:
            return []
        ready = self._run.ready
        batch = [ready.popleft() for _ in range(len(ready))]
        if len(batch) >= self._most:
            self._wake()  # it had stopped, and there is room again
        return batch

    def offer(self, generation_id: object) -> None:
        """Hand an id over."""
        self._inbox.append(generation_id)
        self._wake()

    def end(self) -> None:
        """Hand no more ids over."""
        self._ended = True
        self._wake()

    def wait(self) -> None:
        """Wait until there may be something to do, or a moment.

        Raises:
            ConfigurationError: The thread is in the process that this one was forked from.
        """
        if os.getpid() != self._process_id:
            raise ConfigurationError(
                "get_many was begun before a fork; begin it in the process that goes on with it"
            )
        if self._bell is not None:
            with contextlib.suppress(TimeoutError):
                self._bell.recv(1)
        self._rung = False

    def stop(self) -> None:
        """Cancel what is on its way, and wait for it to end.

        Not where that would be for ever: when threads stand still, since the interpreter goes down;
        in a process that was forked; in the thread itself, where a garbage collection may be.
        """
        atexit.unregister(self.stop)
        if sys.is_finalizing() or os.getpid() != self._process_id or self._bell is None:
            return
        if self._run is not None:
            with contextlib.suppress(RuntimeError):  # the event loop has ended meanwhile
                self._loop.call_soon_threadsafe(self._stopped.set)
        deadline = Deadline.after(_END_S)
        while not (self._is_gone or self._is_own() or not deadline.remaining()):
            self.wait()
        self._bell.close()

    def _is_own(self) -> bool:
        """Whether this is called in the thread that it is about."""
        with contextlib.suppress(RuntimeError):
            return self._run is not None and asyncio.get_running_loop() is self._loop
        return False

    def _serve(self, ringer: socket.socket) -> None:
        """Run the event loop to its end, whatever that is, and let the caller know it."""
        self._ringer = ringer
        try:
            with asyncio.Runner(loop_factory=_new_loop) as runner:
                runner.run(self._main())
        except BaseException as error:  # noqa: BLE001 - raised on the caller's thread
            is_begun = self._run is not None or not isinstance(error, OSError | RuntimeError)
            self._failure = error if is_begun else _impossible(error)
        finally:
            self._is_gone = True
            ringer.close()

    async def _main(self) -> None:
        factory, context, plan = self._start
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        self._run = run = Run(factory, context(), plan, self._on_timer)
        self._on_timer()
        try:
            await self._stopped.wait()
        finally:
            await run.close()

    def _on_timer(self) -> None:
        if not self._rung:
            self._rung = True
            with contextlib.suppress(OSError):  # nobody listens any more
                self._ringer.send(b"!")

    def _wake(self) -> None:
        if not self._poked:
            self._poked = True
            with contextlib.suppress(RuntimeError):  # the event loop has ended: `is_over` says why
                self._loop.call_soon_threadsafe(self._go_on)

    def _go_on(self) -> None:
        """Take what was handed over, on the thread of the event loop."""
        self._poked = False
        if self._run is None:
            return
        while self._inbox:
            self._run.offer(self._inbox[0])
            self._inbox.popleft()
        if self._ended:
            self._run.end()
        self._run.dispatch()
        self._on_timer()


def _impossible(error: BaseException) -> ConfigurationError:
    why = str(error) or type(error).__name__
    return ConfigurationError(
        f"get_many runs an event loop in a thread of its own, which cannot be started here: {why}; "
        "raise the limit that it says, or use AsyncModelGates or get instead"
    )


def _new_loop() -> asyncio.AbstractEventLoop:
    """Return an event loop whose time goes on when tests have frozen `time.monotonic`."""
    ours, theirs = socket.socketpair()
    with ours, theirs, selectors.DefaultSelector():
        pass  # a loop that finds no file descriptor complains aloud when it is deleted
    loop = asyncio.new_event_loop()
    if isinstance(loop, asyncio.BaseEventLoop):
        loop.time = monotonic_s  # type: ignore[method-assign] # for whatever class there is
    return loop
