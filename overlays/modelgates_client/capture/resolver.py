"""`Resolver`: asks for the records of what was captured, while the application runs."""

import asyncio
import atexit
import contextlib
import inspect
import os
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from modelgates_client.bulk.outcomes import Outcome, Resolved
from modelgates_client.client.async_client import AsyncModelGates
from modelgates_client.client.client import ModelGates
from modelgates_client.errors import ConfigurationError
from modelgates_client.ledger import Ledger
from modelgates_client.ledger.fetch_run import FetchRun
from modelgates_client.ledger.ledger import bring_up_to_date
from modelgates_client.ledger.progress import Progress
from modelgates_client.records.drift_observer import LOGGER
from modelgates_client.records.generation import Generation
from modelgates_client.resources.generations import WAIT_S
from modelgates_runtime.errors import ModelGatesError

#: Takes a record; a coroutine function is awaited.
OnRecord = Callable[[Generation], object]

_CONCURRENCY: Final = 8
_AGAIN_S: Final = 600.0
_POLL_S: Final = 0.25  # between two looks at what was captured
_QUEUE_S: Final = 5.0  # between two looks at what others have left in the queue
_MAX_PAUSE_S: Final = 60.0  # after an error


class Resolver:
    """Asks for the records of captured generations, in a thread or a task, and stores them.

    >>> with Resolver("costs.db", on_record=lambda record: print(record.cost.charged)):
    ...     serve()  # doctest: +SKIP

    `with` runs it in a thread, `async with` in a task. The ledger is the queue: what is not
    resolved when it stops, however it stops, is there for the next. Several, in any processes,
    share the work. Errors are logged, and tried again after a pause.

    After a fork there is no thread: start it in the process that is to have it.
    """

    def __init__(  # noqa: PLR0913 - all by name but the first two
        self,
        ledger: str | os.PathLike[str] | Ledger,
        client: AsyncModelGates | ModelGates | None = None,
        *,
        on_record: OnRecord | None = None,
        concurrency: int = _CONCURRENCY,
        wait: float = WAIT_S,
        max_rate: float | None = None,
        again: float = _AGAIN_S,
    ) -> None:
        """Do nothing yet.

        Args:
            ledger: The path of a ledger, or one that is opened at the same path.
            client: Asks for the records; None: one of the environment's.
            on_record: Is called with each record once that is settled and stored, in the thread or
                the task of the resolver. What it raises is logged. It is not called for records
                that another process has fetched, nor for what was stored when this one was killed.
            concurrency: The most requests at one time.
            wait: Seconds to wait for each record that is not there yet.
            max_rate: The most requests per second.
            again: Seconds after which what has no record is asked for again.

        Raises:
            ConfigurationError: There is no key, or the client has an `http_client` that blocks.
        """
        self._path: Final = ledger.path if isinstance(ledger, Ledger) else os.fspath(ledger)
        self._owns_client: Final = not isinstance(client, AsyncModelGates)
        self._client: Final = _as_async(client)
        self._on_record: Final = on_record
        self._concurrency: Final = concurrency
        self._wait: Final = wait
        self._max_rate: Final = max_rate
        self._again: Final = again
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._begun = threading.Event()
        self._logged = set[type[Exception]]()

    def start(self) -> None:
        """Begin, in a thread that does not keep the program from ending.

        Raises:
            RuntimeError: It has begun already.
        """
        if self._thread is not None or self._task is not None:
            raise RuntimeError("a resolver is started once")
        self._thread = threading.Thread(target=self._run, name="modelgates-resolver", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def close(self) -> None:
        """End: store what has come, give back what was leased; again is once."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        atexit.unregister(self.close)
        if not thread.is_alive():  # it has ended by itself, or was left behind by a fork
            return
        self._begun.wait()
        if self._loop is not None and self._task is not None:
            try:
                self._loop.call_soon_threadsafe(self._task.cancel)
            except RuntimeError:  # the loop has just been closed: it has ended
                LOGGER.debug("the resolver has ended already")
        if thread is not threading.current_thread():  # `on_record` may close it
            thread.join()

    def drain(self, timeout: float) -> bool:
        """Wait until all that was captured is resolved; whether it is.

        Args:
            timeout: Seconds to wait at most.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        ends_s = time.monotonic() + timeout
        bring_up_to_date(self._path)
        if not Path(self._path).exists():
            return True  # nothing was captured
        with Ledger(self._path, read_only=True) as ledger:
            while True:
                counts = ledger.counts()
                if not (counts.pending or counts.provisional) and ledger.has_all_captured():
                    return True
                if time.monotonic() >= ends_s:
                    return False
                time.sleep(min(_POLL_S, timeout))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        if self._thread is not None or self._task is not None:
            raise RuntimeError("a resolver is started once")
        self._task = asyncio.create_task(self._forever(), name="modelgates-resolver")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the task, as `close` ends the thread."""
        task = self._task
        if task is None:
            return
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()

    def _run(self) -> None:
        """Run in a thread, until the task is cancelled."""

        async def main() -> None:
            self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
            self._begun.set()
            await self._forever()

        try:
            asyncio.run(main())
        except asyncio.CancelledError:
            LOGGER.debug("the resolver was closed")
        except RuntimeError:
            if threading.main_thread().is_alive():
                raise
            # The interpreter goes down, and starts no more threads to end asyncio's in.
        finally:
            self._begun.set()

    async def _forever(self) -> None:
        failures = 0
        try:
            while True:
                try:
                    await self._resolve()
                except (ModelGatesError, RuntimeError) as error:
                    if not threading.main_thread().is_alive():
                        return  # the interpreter goes down, and starts no more threads
                    if not isinstance(error, ModelGatesError):
                        raise
                    failures += 1
                    pause_s = min(2.0**failures, _MAX_PAUSE_S)
                    self._log(error, pause_s)
                    await asyncio.sleep(pause_s)
        finally:
            if self._owns_client:
                await self._client.close()

    def _log(self, error: ModelGatesError, pause_s: float) -> None:
        """Log the first error of a class as a warning."""
        tell = LOGGER.debug if type(error) in self._logged else LOGGER.warning
        self._logged.add(type(error))
        name = type(error).__name__
        tell("captured ids wait: %s: %s; next try in %.0f s", name, error, pause_s)

    async def _resolve(self) -> None:
        """Resolve what there is and what comes, until it makes no sense to go on."""
        ledger = await self._open()
        try:
            work = _NotifyingRun(ledger, self._concurrency, self._tell)
            batches = self._client.generations.get_batches(
                work.following(_IdleTasks(ledger, work, self._again).idle),
                concurrency=self._concurrency,
                wait=self._wait,
                final=True,
                max_rate=self._max_rate,
            )
            async with aclosing(work), aclosing(batches):
                try:
                    async for batch in batches:
                        await work.store(batch)
                finally:
                    await work.store_rest(batches)
        finally:
            ledger.close()

    async def _open(self) -> Ledger:
        """Open the ledger in a thread; one that nobody waits for any more is closed again."""
        opening = asyncio.ensure_future(asyncio.to_thread(Ledger, self._path))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            with contextlib.suppress(ModelGatesError):
                (await opening).close()
            raise

    async def _tell(self, outcomes: Sequence[Outcome]) -> None:
        """Hand on the records that are settled."""
        if self._on_record is None:
            return
        for outcome in outcomes:
            if not (isinstance(outcome, Resolved) and outcome.record.is_final):
                continue
            try:
                said = self._on_record(outcome.record)
                if inspect.isawaitable(said):
                    await said
            except Exception:  # noqa: BLE001 - the application's own
                LOGGER.exception("on_record raised, for %s", outcome.generation_id)


class _NotifyingRun(FetchRun):
    """Work that tells of what it has stored."""

    def __init__(
        self,
        ledger: Ledger,
        chunk: int,
        tell: Callable[[Sequence[Outcome]], Awaitable[None]],
    ) -> None:
        super().__init__(ledger, retry_failed=False, chunk=chunk)
        self._tell = tell
        self._stored = list[Outcome]()

    async def store(self, batch: Sequence[Outcome]) -> Progress:
        try:
            return await super().store(batch)
        finally:  # also if it ends: what is stored is told of
            stored, self._stored = self._stored, []
            await self._tell(stored)

    def _add(self, outcomes: list[Outcome]) -> None:
        super()._add(outcomes)
        self._stored += outcomes


class _IdleTasks:
    """What is done while there is nothing to ask for."""

    def __init__(self, ledger: Ledger, work: FetchRun, again_s: float) -> None:
        self._ledger = ledger
        self._work = work
        self._again_s = again_s
        self._again_at = time.monotonic() + again_s

    async def idle(self) -> None:
        """Return when there may be something."""
        until = time.monotonic() + _QUEUE_S
        while time.monotonic() < until:
            await self._work.do(self._ledger.import_captured)
            if await self._work.do(self._ledger.has_waiting):
                return
            if time.monotonic() >= self._again_at:
                self._again_at = time.monotonic() + self._again_s
                await self._work.do(self._ledger.start_new_pass)
                return
            await asyncio.sleep(_POLL_S)


def _as_async(client: Any) -> AsyncModelGates:
    """Return a client that is awaited, for the same account and server.

    Raises:
        ConfigurationError: There is no key, or it is none, or sends by an HTTP client that blocks.
    """
    if client is None:
        return AsyncModelGates()
    if isinstance(client, AsyncModelGates):
        return client
    if not isinstance(client, ModelGates):
        raise ConfigurationError(f"client is a ModelGates or an AsyncModelGates, no {client!r}")
    return AsyncModelGates.like(client)
