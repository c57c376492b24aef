"""`get_many` itself, on an event loop whose time is not real, against a server that is a function.

An outage of a minute takes milliseconds, and nothing depends on the machine.
"""

import asyncio
import json
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


#: What records have besides their id: everything, as reading one that lacks much takes longer.
COMPLETE = make_record("gen-1", finish_reason="stop")


def record(generation_id):
    """Answer with the record of an id."""
    body = {"data": {**COMPLETE, "id": generation_id}}
    return HTTPResponse(200, {}, json.dumps(body).encode())


def error(status, after=None):
    """Answer with an error, and a Retry-After."""
    headers = {} if after is None else {"retry-after": str(after)}
    body = json.dumps({"error": {"code": status, "message": "no"}}).encode()
    return HTTPResponse(status, headers, body)


class _Jump(selectors.DefaultSelector):
    """Waits for nothing: where there is a time-out, that is when it is."""

    def __init__(self):
        super().__init__()
        self.now = 0.0
        self.late = lambda: 0.0

    def select(self, timeout=None):
        found = super().select(0)
        if not found and timeout is None:
            raise RuntimeError("it waits for ever")
        self.now += timeout + self.late() if timeout and not found else 0.0
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on which waiting takes no time."""

    def __init__(self, late=lambda: 0.0):
        self._jump = _Jump()
        self._jump.late = late
        super().__init__(self._jump)
        self._clock_resolution = 1e-9

    def time(self):
        return self._jump.now


class Engine:
    """Asks the function; see `simulate`."""

    def __init__(self, server, done):
        self._server, self._done = server, done

    async def send(self, request, _secret, deadline, _limit):
        loop = asyncio.get_running_loop()
        generation_id = request.target
        self._done.requests.append((loop.time(), generation_id))
        self._done.in_flight += 1
        try:
            latency_s, attempt_result = self._server(loop.time(), generation_id)
            if attempt_result is HANG or latency_s >= deadline.remaining():
                await asyncio.sleep(deadline.remaining())
                return Failure("timeout", "no complete response before the deadline")
            await asyncio.sleep(latency_s)
            return attempt_result
        finally:
            self._done.in_flight -= 1

    async def reset(self):
        pass

    async def close(self):
        pass


@dataclass
class Done:
    """What a run came to.

    Attributes:
        requests: When each was sent, and for which id.
        outcomes: What came of the ids, and when.
        told: What was told of outages, and when.
        error: The `OutageError`, if it ended with one.
        ended_at: When it was over.
        taken: How many ids were taken from the iterator.
    """

    requests: list[tuple[float, str]] = field(default_factory=list)
    outcomes: list[tuple[float, Any]] = field(default_factory=list)
    told: list[tuple[float, Any]] = field(default_factory=list)
    error: OutageError | None = None
    ended_at: float = 0.0
    taken: int = 0
    in_flight: int = 0

    @property
    def prepared(self):
        """How often each id was asked for."""
        return Counter(generation_id for _, generation_id in self.requests)

    @property
    def kinds(self):
        """How many outcomes there are of each kind."""
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
    """Ask for ids `gen-0`, `gen-1`…; `server(now, id)` returns a latency and an ending."""
    done = Done()

    def names():
        for number in range(ids):
            done.taken += 1
            yield f"gen-{number}"

    async def main():
        loop = asyncio.get_running_loop()
        policy = RetryPolicy(max_retries, RetryBudget())

        def execute(call, clock):
            request = Request("GET", call.subject)
            return Execution(call, request, "lenient", policy, timeout_s, clock)

        engine, key = Engine(server, done), Secret("sk-mg-of-nobody")
        means = RunContext(engine, lambda _: engine, key, lambda: None, 2**20, execute)
        bulk_options = BulkOptions(
            concurrency,
            ordered,
            max_rate,
            outage_timeout_s,
            lambda outage: done.told.append((loop.time(), outage)),
        )
        try:
            async with aclosing(
                completed_batches(
                    names(), _call_factory(wait_s, final=final), lambda: means, bulk_options
                )
            ) as batches:
                async for batch in batches:
                    done.outcomes += [(loop.time(), outcome_of(one)) for one in batch]
        except OutageError as caught:
            done.error = caught
        done.ended_at = loop.time()

    with asyncio.Runner(loop_factory=lambda: VirtualLoop(late)) as runner:
        runner.run(main())
    return done
