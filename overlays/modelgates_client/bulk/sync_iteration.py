"""Yields the completed calls of a bulk run to a sync caller; the event loop runs in a thread."""

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

_POLL_S: Final = 1.0  # between checks that the thread is still there
_STOP_TIMEOUT_S: Final = 5.0  # a run takes longer to stop only if the caller's own code blocks


def completed_batches(
    ids: Iterable[object],
    factory: CallFactory,
    context: Callable[[], RunContext],
    bulk_options: BulkOptions,
) -> Generator[list[Completed]]:
    """Yield completed calls in batches; an empty batch after each report of an outage.

    The iterator of the ids runs on the caller's thread, one id whenever no call is ready; its
    errors are raised at once.

    Raises:
        ConfigurationError: A thread with an event loop cannot be started, or has been ended.
    """
    source: Iterator[object] = iter(ids)
    thread = _RunThread(factory, context, bulk_options)
    try:
        thread.start()
        while True:
            if batch := thread.take_ready():
                yield batch
            elif bulk_options.on_outage is not None and thread.take_update():
                bulk_options.on_outage(thread.outage)
                yield []
            elif thread.wants_items:
                try:
                    thread.add_item(next(source))
                except StopIteration:
                    thread.end_input()
            elif thread.is_over:
                return
            else:
                thread.wait()
    finally:
        thread.stop()


class _RunThread:
    """A bulk run on an event loop in a thread of its own.

    The two threads share two deques and two flags. Each flag is cleared before its deque is read
    and set after an item was added, so that no item is missed.

    The thread wakes the caller through a pair of sockets, which works for a caller of any kind: a
    thread, or a greenlet of gevent or eventlet. It closes its socket when it ends for any reason.
    """

    def __init__(
        self, factory: CallFactory, context: Callable[[], RunContext], bulk_options: BulkOptions
    ) -> None:
        self._run_arguments = factory, context, bulk_options
        self._concurrency = bulk_options.concurrency
        self._process_id = os.getpid()
        self._wake_receiver: socket.socket | None = None
        self._is_caller_woken = False
        self._inbox: deque[object] = deque()
        self._is_loop_woken = False
        self._input_ended = False
        self._run: Run | None = None
        self._loop: asyncio.AbstractEventLoop
        self._stopped: asyncio.Event
        self._has_exited = False
        self._error: BaseException | None = None

    @property
    def wants_items(self) -> bool:
        """Whether to add ids: the run has used up half of those it had.

        Adding them one by one would cost a thread switch for each.
        """
        if self._input_ended or self._has_exited or self._run is None:
            return False
        wanted = self._run.free_slots - len(self._inbox)
        is_urgent = len(self._inbox) > 0 or not self._run.has_new
        return wanted * 2 >= self._concurrency or (wanted > 0 and is_urgent)

    @property
    def is_over(self) -> bool:
        """Whether no more calls will complete.

        Raises:
            BaseException: The error that ended the run or the thread.
        """
        # Read in this order: a thread that has exited left its results before.
        has_exited, run = self._has_exited, self._run
        failure = self._error or (None if run is None else run.failure)
        if (
            failure is not None
            and run is not None
            and not has_exited
            and (self._inbox or run.ready)
        ):
            return False  # an item leaves the inbox only after the run has it
        if failure is not None:
            raise failure
        if run is not None and run.is_over:
            return not run.ready
        if has_exited:
            raise ConfigurationError("get_many was ended because the program is exiting")
        return False

    @property
    def outage(self) -> Outage | None:
        """The current outage, or None."""
        return None if self._run is None else self._run.monitor.outage

    def take_update(self) -> bool:
        """Clear the run's update about an outage; return whether there was one."""
        if self._run is None or not self._run.monitor.has_update:
            return False
        # Cleared before the outage is read, so that no later update is missed.
        self._run.monitor.has_update = False
        return True

    def start(self) -> None:
        """Start the thread, and its event loop.

        Raises:
            ConfigurationError: One of them cannot be started.
        """
        try:
            self._wake_receiver, wake_sender = socket.socketpair()
            self._wake_receiver.settimeout(_POLL_S)
            wake_sender.setblocking(False)  # noqa: FBT003 - the standard library's
            try:
                start_thread(lambda: self._serve(wake_sender), "modelgates-bulk")
            except BaseException:
                wake_sender.close()
                raise
        except (OSError, RuntimeError) as error:
            self._has_exited = True
            raise _cannot_start(error) from None
        atexit.register(self.stop)  # it runs before daemon threads are frozen
        while self._run is None and not self.is_over:
            self.wait()

    def take_ready(self) -> list[Completed]:
        """Return the calls that are ready."""
        if self._run is None:
            return []
        ready = self._run.ready
        batch = [ready.popleft() for _ in range(len(ready))]
        if len(batch) >= self._concurrency:
            self._wake_loop()  # the run had stopped sending, and has room again
        return batch

    def add_item(self, generation_id: object) -> None:
        """Pass an id to the run."""
        self._inbox.append(generation_id)
        self._wake_loop()

    def end_input(self) -> None:
        """Declare that no more ids will be added."""
        self._input_ended = True
        self._wake_loop()

    def wait(self) -> None:
        """Wait until there may be work, for a second at most.

        Raises:
            ConfigurationError: The thread runs in the parent process of a fork.
        """
        if os.getpid() != self._process_id:
            raise ConfigurationError(
                "get_many was started before a fork; start it in the process that iterates over it"
            )
        if self._wake_receiver is not None:
            # A garbage collection in the run's thread may close it meanwhile; see `stop`.
            with contextlib.suppress(OSError):
                self._wake_receiver.recv(1)
        self._is_caller_woken = False

    def stop(self) -> None:
        """Cancel the requests in flight, and wait for the thread to end.

        It does not wait where that could be forever: while the interpreter shuts down, since its
        threads are frozen; in a forked process; and in the thread itself, where a garbage
        collection may run.
        """
        atexit.unregister(self.stop)
        if sys.is_finalizing() or os.getpid() != self._process_id or self._wake_receiver is None:
            return
        if self._run is not None:
            with contextlib.suppress(RuntimeError):  # the event loop has ended meanwhile
                self._loop.call_soon_threadsafe(self._stopped.set)
        deadline = Deadline.after(_STOP_TIMEOUT_S)
        while not (self._has_exited or self._is_current_thread() or not deadline.remaining()):
            self.wait()
        self._wake_receiver.close()

    def _is_current_thread(self) -> bool:
        """Whether the caller is the run's own thread."""
        with contextlib.suppress(RuntimeError):
            return self._run is not None and asyncio.get_running_loop() is self._loop
        return False

    def _serve(self, wake_sender: socket.socket) -> None:
        """Run the event loop until it ends, and record how it ended for the caller."""
        self._wake_sender = wake_sender
        try:
            with asyncio.Runner(loop_factory=_new_loop) as runner:
                runner.run(self._main())
        except BaseException as error:  # noqa: BLE001 - raised on the caller's thread
            is_begun = self._run is not None or not isinstance(error, OSError | RuntimeError)
            self._error = error if is_begun else _cannot_start(error)
        finally:
            self._has_exited = True
            wake_sender.close()

    async def _main(self) -> None:
        factory, context, bulk_options = self._run_arguments
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        self._run = run = Run(factory, context(), bulk_options, self._wake_caller)
        self._wake_caller()
        try:
            await self._stopped.wait()
        finally:
            await run.close()

    def _wake_caller(self) -> None:
        if not self._is_caller_woken:
            self._is_caller_woken = True
            with contextlib.suppress(OSError):  # the caller has stopped listening
                self._wake_sender.send(b"!")

    def _wake_loop(self) -> None:
        if not self._is_loop_woken:
            self._is_loop_woken = True
            with contextlib.suppress(RuntimeError):  # the event loop has ended: `is_over` says why
                self._loop.call_soon_threadsafe(self._drain_inbox)

    def _drain_inbox(self) -> None:
        """Add the items of the inbox to the run, on the thread of the event loop."""
        self._is_loop_woken = False
        if self._run is None:
            return
        while self._inbox:
            self._run.add_item(self._inbox[0])
            self._inbox.popleft()
        if self._input_ended:
            self._run.end_input()
        self._run.dispatch()
        self._wake_caller()


def _cannot_start(error: BaseException) -> ConfigurationError:
    reason = str(error) or type(error).__name__
    return ConfigurationError(
        f"get_many cannot start the thread for its event loop: {reason}; use AsyncModelGates or "
        "get instead, or raise the limit if one was reached"
    )


def _new_loop() -> asyncio.AbstractEventLoop:
    """Return an event loop whose clock runs even when a test has frozen `time.monotonic`."""
    ours, theirs = socket.socketpair()
    with ours, theirs, selectors.DefaultSelector():
        pass  # a loop without file descriptors would write a traceback when it is deleted
    loop = asyncio.new_event_loop()
    if isinstance(loop, asyncio.BaseEventLoop):
        loop.time = monotonic_s  # type: ignore[method-assign] # for any subclass
    return loop
