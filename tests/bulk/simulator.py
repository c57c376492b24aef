"""`get_many` itself on an event loop with virtual time, against a server that is a function.

An outage of a minute takes milliseconds, and results do not depend on the machine.
"""

import asyncio
import json
import random
import selectors
from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from modelgates_client import OutageError
from modelgates_client.bulk.async_iteration import completed_batches
from modelgates_client.bulk.bulk_run import RunContext
from modelgates_client.bulk.options import BulkOptions
from modelgates_client.bulk.outcomes import outcome_of
from modelgates_client.calls.execution import Execution
from modelgates_client.calls.retry import RetryBudget, RetryPolicy
from modelgates_client.resources.generations import _call_factory
from modelgates_client.testing import make_record
from modelgates_client.transport.credentials import Secret
from modelgates_client.transport.messages import Failure, HTTPResponse, Request

REFUSED = Failure("connection", "no connection: refused")
HANG = None
LATENCY_S = 0.02
MAX_RETRIES = 4


#: The body of a complete record: reading one with many missing fields takes longer.
COMPLETE = json.dumps({"data": make_record("gen-1", finish_reason="stop")}).encode()


def record(generation_id):
    """Return a response with the record of an id."""
    return HTTPResponse(200, {}, COMPLETE.replace(b'"gen-1"', f'"{generation_id}"'.encode()))


def error(status, after=None):
    """Return an error response, optionally with a Retry-After."""
    headers = {} if after is None else {"retry-after": str(after)}
    body = json.dumps({"error": {"code": status, "message": "no"}}).encode()
    return HTTPResponse(status, headers, body)


def error_in_success(status):
    """Return an error response that was sent with status 200."""
    return error(status)._replace(status=200)


class _JumpingSelector(selectors.DefaultSelector):
    """A selector that never waits: it advances the clock to the timeout instead.

    Nothing is ready to be read, since nothing is sent.
    """

    def __init__(self):
        super().__init__()
        self.now = 0.0
        self.late = lambda: 0.0

    def select(self, timeout=None):
        if timeout is None:
            raise RuntimeError("the loop would wait forever")
        if timeout:
            self.now += timeout + self.late()
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on which waiting takes no real time."""

    def __init__(self, late=lambda: 0.0):
        self._selector = _JumpingSelector()
        self._selector.late = late
        super().__init__(self._selector)
        self._clock_resolution = 1e-9

    def time(self):
        return self._selector.now


class Engine:
    """An engine that calls the server function; see `simulate`."""

    def __init__(self, server, result):
        self._server, self._result = server, result

    async def send(self, request, _secret, deadline, _limit):
        loop = asyncio.get_running_loop()
        generation_id = request.target
        self._result.requests.append((loop.time(), generation_id))
        self._result.in_flight += 1
        try:
            latency_s, attempt_result = self._server(loop.time(), generation_id)
            if attempt_result is HANG or latency_s >= deadline.remaining():
                await asyncio.sleep(deadline.remaining())
                return Failure("timeout", "no complete response before the deadline")
            await asyncio.sleep(latency_s)
            return attempt_result
        finally:
            self._result.in_flight -= 1

    async def reset(self):
        pass

    async def close(self):
        pass


@dataclass
class SimulationResult:
    """The result of a simulated run.

    Attributes:
        requests: The time and id of each request.
        outcomes: The time and value of each outcome.
        outages: The time and value of each outage notification.
        error: The `OutageError` that ended the run, if any.
        ended_at: The time of the end.
        taken: The number of ids taken from the iterator.
    """

    requests: list[tuple[float, str]] = field(default_factory=list)
    outcomes: list[tuple[float, Any]] = field(default_factory=list)
    outages: list[tuple[float, Any]] = field(default_factory=list)
    error: OutageError | None = None
    ended_at: float = 0.0
    taken: int = 0
    in_flight: int = 0

    @property
    def request_counts(self):
        """The number of requests for each id."""
        return Counter(generation_id for _, generation_id in self.requests)

    @property
    def kinds(self):
        """The number of outcomes of each kind."""
        return Counter(type(outcome).__name__ for _, outcome in self.outcomes)


def simulate(  # noqa: PLR0913 - all that a run depends on
    server,
    ids=1000,
    *,
    concurrency=32,
    wait_s=0.0,
    ordered=False,
    max_rate=None,
    max_retries=MAX_RETRIES,
    timeout_s=30.0,
    outage_timeout_s=300.0,
    final=False,
    late=lambda: 0.0,
):
    """Fetch `gen-0`, `gen-1`, …; `server(now, id)` returns a latency and an attempt result."""
    result = SimulationResult()

    def generation_ids():
        for number in range(ids):
            result.taken += 1
            yield f"gen-{number}"

    async def main():
        loop = asyncio.get_running_loop()
        policy = RetryPolicy(max_retries, RetryBudget(), random.random).for_bulk()

        def execute(call, clock):
            request = Request("GET", call.subject)
            return Execution(call, request, "lenient", policy, timeout_s, clock)

        engine, key = Engine(server, result), Secret("sk-mg-of-nobody")
        run_context = RunContext(engine, lambda _: engine, key, lambda: None, 2**20, execute)
        bulk_options = BulkOptions(
            concurrency,
            ordered,
            max_rate,
            outage_timeout_s,
            lambda outage: result.outages.append((loop.time(), outage)),
        )
        try:
            async with aclosing(
                completed_batches(
                    generation_ids(),
                    _call_factory(wait_s, final=final),
                    lambda: run_context,
                    bulk_options,
                )
            ) as batches:
                async for batch in batches:
                    result.outcomes += [(loop.time(), outcome_of(completed)) for completed in batch]
        except OutageError as outage_error:
            result.error = outage_error
        result.ended_at = loop.time()

    with asyncio.Runner(loop_factory=lambda: VirtualLoop(late)) as runner:
        runner.run(main())
    return result
