"""Calls of sync and async clients, during a fault and after it."""

import asyncio
import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from modelgates_client import AsyncModelGates, Generation, ModelGates
from modelgates_client.resources.generations import GET_GENERATION, call_for
from modelgates_runtime.requests import Body

from . import tls
from .clients import ASYNC_FLAVOURS, BORROWED_FLAVOURS, async_client, sync_client
from .faults import Fault, good, play, tunnel
from .known_weaknesses import EXCESS_DATA
from .servers import FaultServer
from .wire import ID, NEXT_ID

#: The timeout of calls after the fault, in seconds; they share the client's connections.
PATIENT_S = 30.0
#: The same, if the right response may never come.
IMPATIENT_S = 0.3


@dataclass
class Outcome:
    """The outcome of a call.

    Attributes:
        record: The record, if the call returned one.
        error: The exception, if the call raised one.
        elapsed_s: The duration of the call in seconds.
    """

    record: Generation | None = None
    error: BaseException | None = None
    elapsed_s: float = 0.0

    @property
    def summary(self) -> str:
        """One line for assertion messages."""
        return repr(self.error if self.record is None else self.record.id)[:300]


@contextmanager
def serving(fault: Fault, elsewhere: str = "") -> Iterator[FaultServer]:
    """Serve a fault."""
    with FaultServer(
        fault.serve,
        healthy=tunnel(tls.valid) if fault.scheme == "proxy" else play(good),
        context=fault.context() if fault.context else None,
        healthy_context=tls.valid() if fault.scheme == "https" else None,
        listening=fault.listening,
        accepting=fault.accepting,
        elsewhere=elsewhere,
    ) as server:
        yield server


def settings(fault: Fault, server: FaultServer) -> dict[str, Any]:
    """Return a client's arguments, except the API key."""
    url = {
        "http": f"http://127.0.0.1:{server.port}/api/v1",
        "https": f"https://localhost:{server.port}/api/v1",
        "proxy": "https://localhost:9/api/v1",
    }[fault.scheme]
    proxy_url = f"http://127.0.0.1:{server.port}" if fault.scheme == "proxy" else None
    return {
        "base_url": url,
        "proxy": proxy_url,
        "trust_env": False,
        "max_retries": 1,
        "timeout": fault.timeout_s,
        "ssl_context": tls.trusting(),
        **fault.options,
    }


def get_record(client: Any, generation_id: str) -> Any:
    """Fetch a record with `get`."""
    return client.generations.get(generation_id)


def post_record(client: Any, generation_id: str) -> Any:
    """Fetch a record with the same operation, changed to a POST with a body."""
    operation = GET_GENERATION._replace(method="POST", bodies=(Body("application/json"),))
    problem = call_for(generation_id).problem
    call = operation.call({"id": generation_id}, {"name": "x" * 100}, generation_id, problem)
    result = client.send(call)

    async def record() -> Generation:
        return (await result).data

    return record() if inspect.isawaitable(result) else result.data


def run_calls(
    flavour: str, fault: Fault, server: FaultServer, call: Callable[[Any, str], Any] = get_record
) -> tuple[Outcome, Outcome]:
    """Return the outcomes of a call during the fault, and of the next call after it."""
    if flavour in ASYNC_FLAVOURS:
        return asyncio.run(_async(flavour, fault, server, call))
    with sync_client(flavour, **settings(fault, server)) as client:
        first = _call(client, ID, call)
        _heal(server)
        if fault.awaits_server:
            server.rest()
        return first, _call(client.with_options(timeout=_patience_s(flavour, fault)), NEXT_ID, call)


def _patience_s(flavour: str, fault: Fault) -> float:
    return IMPATIENT_S if flavour in BORROWED_FLAVOURS and fault.id in EXCESS_DATA else PATIENT_S


async def _async(
    flavour: str, fault: Fault, server: FaultServer, call: Callable[[Any, str], Any]
) -> tuple[Outcome, Outcome]:
    async with async_client(flavour, **settings(fault, server)) as client:
        first = await _call_async(client, ID, call)
        _heal(server)
        if fault.awaits_server:
            await asyncio.to_thread(server.rest)
        patient = client.with_options(timeout=_patience_s(flavour, fault))
        return first, await _call_async(patient, NEXT_ID, call)


def _heal(server: FaultServer) -> None:
    server.request_count_at_end = len(server.requests)
    server.heal()


def _call(client: ModelGates, generation_id: str, call: Callable[[Any, str], Any]) -> Outcome:
    started = time.monotonic()
    try:
        record = call(client, generation_id)
    except Exception as error:  # noqa: BLE001 - the test checks the error
        return Outcome(error=error, elapsed_s=time.monotonic() - started)
    return Outcome(record=record, elapsed_s=time.monotonic() - started)


async def _call_async(
    client: AsyncModelGates, generation_id: str, call: Callable[[Any, str], Any]
) -> Outcome:
    started = time.monotonic()
    try:
        result = call(client, generation_id)
        assert inspect.isawaitable(result)
        record = await result
    except Exception as error:  # noqa: BLE001 - the test checks the error
        return Outcome(error=error, elapsed_s=time.monotonic() - started)
    return Outcome(record=record, elapsed_s=time.monotonic() - started)
