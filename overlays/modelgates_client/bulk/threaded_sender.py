"""An engine that blocks, awaited: each request in a thread."""

import asyncio
import contextlib
from typing import Final

from modelgates_client.bulk.options import BulkOptions
from modelgates_client.bulk.threads import are_replaced, start_thread
from modelgates_client.errors import ConfigurationError
from modelgates_client.transport.credentials import Secret
from modelgates_client.transport.deadline import Deadline
from modelgates_client.transport.engines import Engine
from modelgates_client.transport.exchange import timeout_failure
from modelgates_client.transport.messages import AttemptResult, Failure, Request

_MAX_THREADS: Final = 32  # more slow each other down


def in_threads(plan: BulkOptions) -> BulkOptions:
    """Return a plan for requests that are sent in threads.

    Raises:
        ConfigurationError: There are none: gevent or eventlet has replaced them, and its sockets
            are for one thread each.
    """
    if are_replaced():
        raise ConfigurationError(
            "get_many over an http_client sends from threads, which are replaced here by gevent or "
            "eventlet; leave the http_client out, or call get"
        )
    return plan._replace(concurrency=min(plan.concurrency, _MAX_THREADS))


class ThreadedSender:
    """Sends by an engine that blocks, from so many threads at most.

    A request that is given up goes on in its thread, as long as its deadline lets it; its place is
    taken until then.
    """

    def __init__(self, engine: Engine, threads: int) -> None:
        """Start no thread yet."""
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
            if done.done():  # given up
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
            with contextlib.suppress(RuntimeError):  # the event loop has ended: nobody waits
                loop.call_soon_threadsafe(settle, attempt_result)

        try:
            start_thread(work, "modelgates-request")
        except RuntimeError as error:  # a limit is reached
            self._slots.release()
            return Failure("scarce", f"no thread can be started: {error}")
        return await done

    async def reset(self) -> None:
        """Close the idle connections, if they are the engine's own."""
        self._engine.reset()

    async def close(self) -> None:
        """Send no more."""
        self._engine.close()
