"""Sends by a sync engine from asyncio: each request runs in a thread."""

import asyncio
import contextlib
from typing import Final

from modelgates_client.bulk.options import BulkOptions
from modelgates_client.bulk.threads import are_threads_patched, start_thread
from modelgates_client.errors import ConfigurationError
from modelgates_client.transport.credentials import Secret
from modelgates_client.transport.deadline import Deadline
from modelgates_client.transport.engines import Engine
from modelgates_client.transport.exchange import timeout_failure
from modelgates_client.transport.messages import AttemptResult, Failure, Request

_MAX_THREADS: Final = 32  # more threads slow each other down


def limit_to_threads(bulk_options: BulkOptions) -> BulkOptions:
    """Return the options with the concurrency limited to what threads can serve.

    Raises:
        ConfigurationError: gevent or eventlet has replaced threads; its sockets cannot be used
            from other threads.
    """
    if are_threads_patched():
        raise ConfigurationError(
            "get_many with an http_client sends from threads, which gevent or eventlet has "
            "replaced; omit the http_client, or call get"
        )
    return bulk_options._replace(concurrency=min(bulk_options.concurrency, _MAX_THREADS))


class ThreadedSender:
    """Sends by a sync engine from a limited number of threads.

    An abandoned request goes on in its thread until its deadline, and takes up its slot until then.
    """

    def __init__(self, engine: Engine, threads: int) -> None:
        """Create the sender; threads start with the requests."""
        self._engine = engine
        self._slots = asyncio.Semaphore(threads)

    async def send(
        self, request: Request, secret: Secret, deadline: Deadline, limit: int
    ) -> AttemptResult:
        """Make one attempt."""
        try:
            async with asyncio.timeout(deadline.remaining()):
                await self._slots.acquire()
        except TimeoutError:
            return timeout_failure()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[AttemptResult] = loop.create_future()

        def settle(attempt_result: AttemptResult | BaseException) -> None:
            self._slots.release()
            if done.done():  # abandoned
                return
            if isinstance(attempt_result, BaseException):
                done.set_exception(attempt_result)
            else:
                done.set_result(attempt_result)

        def work() -> None:
            attempt_result: AttemptResult | BaseException
            try:
                attempt_result = self._engine.send(request, secret, deadline, limit)
            except BaseException as error:  # noqa: BLE001 - raised where it is awaited
                attempt_result = error
            with contextlib.suppress(RuntimeError):  # the event loop has ended
                loop.call_soon_threadsafe(settle, attempt_result)

        try:
            start_thread(work, "modelgates-request")
        except RuntimeError as error:  # a limit is reached
            self._slots.release()
            return Failure("scarce", f"no thread can be started: {error}")
        return await done

    async def reset(self) -> None:
        """Close the idle connections, if the engine owns them."""
        self._engine.reset()

    async def close(self) -> None:
        """Close the engine."""
        self._engine.close()
