"""The real records in `tests/records`, decoded by every client.

A record is evidence too: of the server, whichever version it follows. What a version calls
required and not nullable, and a real record lacks, is a sign that the version's document lies.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from common.failure import Failure
from common.project import Project

from backtesting import workers
from backtesting.bodies import Body
from backtesting.clients import Client
from backtesting.observations import Backtest
from backtesting.operations import Operation

_OPERATION = Operation("get-generation", "GET /generation")
_STATUS = 200


def files(project: Project) -> list[Path]:
    """Return the records of a project: bodies of successful responses of `get-generation`.

    Raises:
        Failure: There are none.
    """
    found = sorted((project.root / "tests" / "records").glob("*.json"))
    if not found:
        raise Failure("tests/records holds no record; restore it (git checkout -- tests/records)")
    return found


def decoded(client: Client, records: Sequence[Path]) -> dict[str, Backtest]:
    """Return what a client makes of each record, by the record's file name.

    Raises:
        Failure: A record is not JSON.
    """
    bodies: list[Body] = []
    for number, file in enumerate(records, start=1):
        try:
            value = json.loads(file.read_bytes())
        except ValueError:
            raise Failure(f"tests/records/{file.name} is not JSON; restore it") from None
        content = json.dumps(value)
        bodies.append(Body(number, _OPERATION, str(_STATUS), _STATUS, "json", content, value))
    found: dict[str, Backtest] = {}
    for file, body, answer in zip(records, bodies, workers.decode(client, bodies), strict=True):
        found[file.name] = Backtest(client.version, file.name)
        found[file.name].add(body, answer)
    return found


def contradicted(found: Mapping[str, Backtest]) -> list[str]:
    """Return the places that a version calls required and not nullable, and a record lacks."""
    return sorted(
        {
            f"{deviation.place} (required by {result.old}, not in {result.new})"
            for result in found.values()
            for deviation in result.drift
            if deviation.kind in {"missing", "null"}
            and (deviation.operation, deviation.status, deviation.place) in result.broken
        }
    )
