"""`Resolver`: fetches the records of captured generations while the application runs."""

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
from typing import Any, Final, Self

from modelgates_client.bulk.outcomes import Outcome, Resolved
from modelgates_client.client.async_client import AsyncModelGates
from modelgates_client.client.client import ModelGates
from modelgates_client.errors import ConfigurationError
from modelgates_client.ledger import Ledger
from modelgates_client.ledger.fetch_run import FetchRun
from modelgates_client.ledger.ledger import bring_up_to_date
from modelgates_client.ledger.progress import Progress
from modelgates_client.records.generation import Generation
from modelgates_client.records.log import logger
from modelgates_client.resources.generations import WAIT_S
from modelgates_runtime.errors import ModelGatesError

#: A function that takes a record; a coroutine function is awaited.
OnRecord = Callable[[Generation], object]

_CONCURRENCY: Final = 8
_AGAIN_S: Final = 600.0
_POLL_S: Final = 0.25  # between checks for captured ids
_QUEUE_S: Final = 5.0  # between checks for ids that other processes left in the queue
_MAX_PAUSE_S: Final = 60.0  # after an error


class Resolver:
    """Fetches the records of captured generations in a thread or a task, and stores them.

    >>> with Resolver("costs.db", on_record=lambda record: print(record.cost.charged)):
    ...     serve()  # doctest: +SKIP

    `with` runs it in a thread, `async with` in a task. The ledger is the queue: ids that are not
    resolved when the resolver stops, for whatever reason, are left for the next one. Several
    resolvers, in any processes, share the work. Errors are logged, and retried after a pause.

    A thread does not survive a fork: start the resolver in the process that needs it.
    """

    def __init__(  # noqa: PLR0913 - all but the first two are keyword-only
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
        """Create a resolver, without starting it.

        Args:
            ledger: The path of a ledger, or a `Ledger`, whose path is opened again.
            client: The client to fetch records with; None creates one from the environment.
            on_record: Called with each record once it is final and stored, in the thread or task of
                the resolver. Exceptions from it are logged. It is not called for records that
                another process has fetched, nor for those being stored when this one is killed.
            concurrency: Maximum number of concurrent requests.
            wait: Seconds to wait for each record that is not ready.
            max_rate: Maximum requests per second.
            again: Seconds after which ids without a record are requested again.

        Raises:
            ConfigurationError: There is no API key, or the client has a sync `http_client`.
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
        self._has_started = threading.Event()
        self._logged = set[type[Exception]]()

    def start(self) -> None:
        """Start a daemon thread, which does not keep the program from exiting.

        Raises:
            RuntimeError: The resolver was already started.
        """
        if self._thread is not None or self._task is not None:
            raise RuntimeError("a resolver can be started only once")
        self._thread = threading.Thread(target=self._run, name="modelgates-resolver", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def close(self) -> None:
        """Stop: store the records that have arrived, and release leases. May be called twice."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        atexit.unregister(self.close)
        if not thread.is_alive():  # it has ended by itself, or was lost in a fork
            return
        self._has_started.wait()
        if self._loop is not None and self._task is not None:
            try:
                self._loop.call_soon_threadsafe(self._task.cancel)
            except RuntimeError:  # the loop has just been closed, so the thread has ended
                logger().debug("the resolver has ended already")
        if thread is not threading.current_thread():  # `on_record` may close it
            thread.join()

    def drain(self, timeout: float) -> bool:
        """Wait until all captured ids are resolved, and return whether they are.

        Args:
            timeout: Maximum time to wait, in seconds.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        deadline_s = time.monotonic() + timeout
        bring_up_to_date(self._path)
        if not Path(self._path).exists():
            return True  # nothing was captured
        with Ledger(self._path, read_only=True) as ledger:
            while True:
                counts = ledger.counts()
                if not (counts.pending or counts.provisional) and ledger.has_all_captured():
                    return True
                if time.monotonic() >= deadline_s:
                    return False
                time.sleep(min(_POLL_S, timeout))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        if self._thread is not None or self._task is not None:
            raise RuntimeError("a resolver can be started only once")
        self._task = asyncio.create_task(self._forever(), name="modelgates-resolver")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop the task, as `close` stops the thread."""
        task = self._task
        if task is None:
            return
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()

    def _run(self) -> None:
        """Run in the thread until the task is cancelled."""

        async def main() -> None:
            self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
            self._has_started.set()
            await self._forever()

        try:
            asyncio.run(main())
        except asyncio.CancelledError:
            logger().debug("the resolver was closed")
        except RuntimeError:
            if threading.main_thread().is_alive():
                raise
            # The interpreter is shutting down, and cannot start the thread to end asyncio's in.
        finally:
            self._has_started.set()

    async def _forever(self) -> None:
        failures = 0
        try:
            while True:
                try:
                    await self._resolve()
                except (ModelGatesError, RuntimeError) as error:
                    if not threading.main_thread().is_alive():
                        return  # the interpreter is shutting down, and starts no more threads
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
        """Log the first error of a class as a warning, and the rest at debug level."""
        log = logger().debug if type(error) in self._logged else logger().warning
        self._logged.add(type(error))
        name = type(error).__name__
        log("captured ids are waiting: %s: %s; retry in %.0f s", name, error, pause_s)

    async def _resolve(self) -> None:
        """Resolve queued and new ids until an error occurs."""
        ledger = await self._open()
        try:
            run = _NotifyingRun(ledger, self._concurrency, self._notify)
            batches = self._client.generations.get_batches(
                run.following(_IdleTasks(ledger, run, self._again).idle),
                concurrency=self._concurrency,
                wait=self._wait,
                final=True,
                max_rate=self._max_rate,
            )
            async with aclosing(run), aclosing(batches):
                try:
                    async for batch in batches:
                        await run.store(batch)
                finally:
                    await run.store_rest(batches)
        finally:
            ledger.close()

    async def _open(self) -> Ledger:
        """Open the ledger in a thread; if this task is cancelled meanwhile, close it again."""
        opening = asyncio.ensure_future(asyncio.to_thread(Ledger, self._path))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            with contextlib.suppress(ModelGatesError):
                (await opening).close()
            raise

    async def _notify(self, outcomes: Sequence[Outcome]) -> None:
        """Pass the final records to `on_record`."""
        if self._on_record is None:
            return
        for outcome in outcomes:
            if not (isinstance(outcome, Resolved) and outcome.record.is_final):
                continue
            try:
                result = self._on_record(outcome.record)
                if inspect.isawaitable(result):
                    await result
            except Exception:  # noqa: BLE001 - code of the application
                logger().exception("on_record raised, for %s", outcome.generation_id)


class _NotifyingRun(FetchRun):
    """A fetch run that reports the outcomes it has stored."""

    def __init__(
        self,
        ledger: Ledger,
        chunk: int,
        notify: Callable[[Sequence[Outcome]], Awaitable[None]],
    ) -> None:
        super().__init__(ledger, retry_failed=False, chunk=chunk)
        self._notify = notify
        self._stored = list[Outcome]()

    async def store(self, batch: Sequence[Outcome]) -> Progress:
        try:
            return await super().store(batch)
        finally:  # also after an error: what is stored is reported
            stored, self._stored = self._stored, []
            await self._notify(stored)

    def _add(self, outcomes: list[Outcome]) -> None:
        super()._add(outcomes)
        self._stored += outcomes


class _IdleTasks:
    """Waits for new ids while there is nothing to request."""

    def __init__(self, ledger: Ledger, run: FetchRun, again_s: float) -> None:
        self._ledger = ledger
        self._run = run
        self._again_s = again_s
        self._again_at = time.monotonic() + again_s

    async def idle(self) -> None:
        """Return when there may be something to request."""
        until = time.monotonic() + _QUEUE_S
        while time.monotonic() < until:
            await self._run.do(self._ledger.import_captured)
            if await self._run.do(self._ledger.has_waiting):
                return
            if time.monotonic() >= self._again_at:
                self._again_at = time.monotonic() + self._again_s
                await self._run.do(self._ledger.start_new_pass)
                return
            await asyncio.sleep(_POLL_S)


def _as_async(client: Any) -> AsyncModelGates:
    """Return an async client for the same account and server.

    Raises:
        ConfigurationError: There is no API key, or `client` is not a client, or it has a sync
            `http_client`.
    """
    if client is None:
        return AsyncModelGates()
    if isinstance(client, AsyncModelGates):
        return client
    if not isinstance(client, ModelGates):
        raise ConfigurationError(
            f"client: expected a ModelGates or an AsyncModelGates, not {client!r}"
        )
    return AsyncModelGates.like(client)
