"""Calls of either client under a fault, and after it."""

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
from .clients import AWAITED, GIVEN, opened, opened_awaited
from .faults import Fault, good, play, tunnel
from .known_weaknesses import BEYOND_ANSWERS
from .servers import FaultServer
from .wire import ID, NEXT_ID

#: The time-out of calls that meet no fault, in seconds; they share the client's connections.
PATIENT_S = 30.0
#: The same, where the right answer may never come.
IMPATIENT_S = 0.3


@dataclass
class Outcome:
    """What came out of a call.

    Attributes:
        record: The record, if that was it.
        error: What was raised, if that was it.
        elapsed_s: Seconds that it took.
    """

    record: Generation | None = None
    error: BaseException | None = None
    elapsed_s: float = 0.0

    @property
    def what(self) -> str:
        """Say it in a line, for failures of tests."""
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
    """Return a client's arguments, the key not among them."""
    url = {
        "http": f"http://127.0.0.1:{server.port}/api/v1",
        "https": f"https://localhost:{server.port}/api/v1",
        "proxy": "https://localhost:9/api/v1",
    }[fault.scheme]
    via = f"http://127.0.0.1:{server.port}" if fault.scheme == "proxy" else None
    return {
        "base_url": url,
        "proxy": via,
        "trust_env": False,
        "max_retries": 1,
        "timeout": fault.timeout_s,
        "ssl_context": tls.trusting(),
        **fault.options,
    }


def got(client: Any, generation_id: str) -> Any:
    """Call as most do."""
    return client.generations.get(generation_id)


def posted(client: Any, generation_id: str) -> Any:
    """Call an operation that is a POST with a body, and else the same."""
    operation = GET_GENERATION._replace(method="POST", bodies=(Body("application/json"),))
    call = operation.call({"id": generation_id}, {"name": "x" * 100})
    answered = client.send(call.about(generation_id, call_for(generation_id).problem))

    async def record() -> Generation:
        return (await answered).data

    return record() if inspect.isawaitable(answered) else answered.data


def outcomes(
    flavour: str, fault: Fault, server: FaultServer, call: Callable[[Any, str], Any] = got
) -> tuple[Outcome, Outcome]:
    """Return what came out of a call under the fault, and of the next one after it."""
    if flavour in AWAITED:
        return asyncio.run(_async(flavour, fault, server, call))
    with opened(flavour, **settings(fault, server)) as client:
        first = _call(client, ID, call)
        _heal(server)
        if fault.rests:
            server.rest()
        return first, _call(client.with_options(timeout=_patience_s(flavour, fault)), NEXT_ID, call)


def _patience_s(flavour: str, fault: Fault) -> float:
    return IMPATIENT_S if flavour in GIVEN and fault.id in BEYOND_ANSWERS else PATIENT_S


async def _async(
    flavour: str, fault: Fault, server: FaultServer, call: Callable[[Any, str], Any]
) -> tuple[Outcome, Outcome]:
    async with opened_awaited(flavour, **settings(fault, server)) as client:
        first = await _acall(client, ID, call)
        _heal(server)
        if fault.rests:
            await asyncio.to_thread(server.rest)
        patient = client.with_options(timeout=_patience_s(flavour, fault))
        return first, await _acall(patient, NEXT_ID, call)


def _heal(server: FaultServer) -> None:
    server.asked = len(server.requests)
    server.heal()


def _call(client: ModelGates, generation_id: str, call: Callable[[Any, str], Any]) -> Outcome:
    began = time.monotonic()
    try:
        record = call(client, generation_id)
    except Exception as error:  # noqa: BLE001 - which one it is, the test asserts
        return Outcome(error=error, elapsed_s=time.monotonic() - began)
    return Outcome(record=record, elapsed_s=time.monotonic() - began)


async def _acall(
    client: AsyncModelGates, generation_id: str, call: Callable[[Any, str], Any]
) -> Outcome:
    began = time.monotonic()
    try:
        answer = call(client, generation_id)
        assert inspect.isawaitable(answer)
        record = await answer
    except Exception as error:  # noqa: BLE001 - which one it is, the test asserts
        return Outcome(error=error, elapsed_s=time.monotonic() - began)
    return Outcome(record=record, elapsed_s=time.monotonic() - began)
