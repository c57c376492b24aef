"""Decodes recorded responses from `tests/records` and other folders with generated clients.

A recorded response shows what the server really sends. A field that a version calls
required and not nullable, but that is null or missing in it, suggests that the document is wrong.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path

from common.project import Project
from common.tool_errors import ToolError

from backtesting import workers
from backtesting.bodies import ResponseBody
from backtesting.clients import GeneratedClient
from backtesting.observations import Backtest

_OPERATION = "get-generation"
_ROUTE = "GET /generation"  # where a version has another id, or none
_OWN = Path("tests", "records")
_DOCUMENTS, _LINES = (".json",), (".jsonl", ".ndjson")


def files(project: Project, folders: Iterable[Path] = ()) -> list[Path]:
    """Return the files of recorded responses: bodies of successful responses.

    Args:
        project: The project, whose own are in `tests/records`.
        folders: Others. In one of the name of an operation are answers of that operation; the
            others are of `get-generation`.

    Raises:
        ToolError: There are none in one of them.
    """
    own = project.root / _OWN
    result: list[Path] = []
    for folder in (own, *folders):
        matching = sorted(p for p in folder.rglob("*") if p.suffix in {*_DOCUMENTS, *_LINES})
        if not matching and folder == own:
            what = "restore it (git checkout -- tests/records)"
            raise ToolError(f"tests/records holds no record; {what}")
        if not matching:
            raise ToolError(f"{folder} holds no recorded response (.json, .jsonl, .ndjson)")
        result += matching
    return result


def decoded(client: GeneratedClient, records: Sequence[Path]) -> dict[str, Backtest]:
    """Decode each recorded response; return the results by file name and line.

    Raises:
        ToolError: A response is not JSON.
    """
    answers = [answer for file in records for answer in _answers(client, file)]
    bodies = [
        ResponseBody(
            number, operation, _ROUTE, "200", HTTPStatus.OK, "json", json.dumps(value), value
        )
        for number, (_, operation, value) in enumerate(answers, start=1)
    ]
    results: dict[str, Backtest] = {}
    decoded = workers.decode(client, bodies)
    for (name, *_), body, answer in zip(answers, bodies, decoded, strict=True):
        results[name] = Backtest(client.version, name)
        results[name].add(body, answer)
    return results


def _answers(client: GeneratedClient, file: Path) -> Iterator[tuple[str, str, object]]:
    """Yield the responses of a file, each with its name and operation."""
    folder = file.parent.name
    operation = folder if folder in client.modules else _OPERATION
    content = file.read_bytes()
    several = file.suffix in _LINES
    for number, line in enumerate(content.splitlines() if several else [content], start=1):
        if not line.strip():
            continue
        name = file.name if folder == _OWN.name else f"{folder}/{file.name}"
        name += f":{number}" if several else ""
        try:
            yield name, operation, json.loads(line)
        except (ValueError, RecursionError):
            raise ToolError(f"{folder}/{file.name} is not JSON; restore it") from None


def contradicted(results: Mapping[str, Backtest]) -> list[str]:
    """Return the places that a version calls required and not nullable, but a response contradicts.

    They are null or missing in the response.
    """
    return sorted(
        {
            f"{deviation.place} (required by {result.old}, {_WITHOUT[deviation.kind]} {result.new})"
            for result in results.values()
            for deviation in result.drift
            if deviation.kind in _WITHOUT
            and (deviation.operation, deviation.status, deviation.place) in result.broken
        }
    )


_WITHOUT = {"missing": "not in", "null": "null in"}
