"""Response bodies that together cover everything that a document lets a server send.

For each status that an operation documents: one body with everything in it, and variants of it;
among them are

- each optional property left out, and all of them;
- each nullable property null, and all of them;
- every value of every enum, every alternative of every union, every boundary value;
- arrays and free-form objects with nothing, one thing and several in them;
- as many random combinations of these as requested.

The same document and seed yield the same bodies. Places where no valid value can be generated are
listed.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from normalizing.normal import NormalForm, normalize
from normalizing.operations import NormalOperation, NormalResponse
from normalizing.wire import codes_of

from backtesting.scalars import Note
from backtesting.schema_oracle import SchemaOracle
from backtesting.values import Holder, ValueMaker

_BYTES = 4_000_000  # of the bodies of one status


@dataclass(frozen=True)
class ResponseBody:
    """One response.

    Attributes:
        number: Its place among all that the document lets be sent.
        operation: The id of its operation, or the route if that has none.
        route: The method and path of its operation.
        status: The status that the document has it under: `200`, `4XX` or `default`.
        code: The HTTP status that it is sent with.
        kind: `json`, `text` or `empty`.
        content: What is sent.
        value: What `content` says.
    """

    number: int
    operation: str
    route: str
    status: str
    code: int
    kind: str
    content: str
    value: Any = field(repr=False, default=None)


@dataclass(frozen=True)
class ResponseBodies:
    """The responses that a document lets a server send.

    Attributes:
        uncovered: Places (`OPERATION STATUS POINTER: why`) where that is not all of it.
        unmade: Places (operation, status, pointer) for which there is a choice without any value;
            most are of schemas inside themselves, which have to end somewhere.
    """

    bodies: Sequence[ResponseBody]
    uncovered: Sequence[str]
    unmade: Sequence[tuple[str, str, str]] = ()


def generate(
    document: dict[str, Any] | NormalForm,
    seed: int = 0,
    combinations: int = 20,
    *,
    separate_statuses: Collection[str] = (),
    without: Collection[str] = (),
) -> ResponseBodies:
    """Generate response bodies that a document allows.

    Args:
        document: An OpenAPI document, or its normal form.
        seed: The seed of the random combinations.
        combinations: The number of random combinations per status.
        separate_statuses: Statuses that a client may read differently: every body of a range
            that includes them, or of `default`, is sent once with each.
        without: The operations to skip, as bodies name them.
    """
    normal = document if isinstance(document, NormalForm) else normalize(document)
    oracle = SchemaOracle(normal.document)
    notes: dict[str, None] = {}
    unmade: list[tuple[str, str, str]] = []

    def note(at: str, why: str) -> None:
        notes[f"{at.strip()}: {why}"] = None

    def note_in(place: str, at: str, why: str) -> None:
        note(place + at, why)

    result: list[ResponseBody] = []
    for operation, response in _responses(normal, note):
        if operation.key in without:
            continue
        place, media = f"{operation.key} {response.status} ", response.media
        maker = ValueMaker(normal, oracle, partial(note_in, place))
        random = Random(f"{seed} {place}")  # noqa: S311 - reproducible, not secret
        size = 0
        codes = codes_of(response.status, operation.statuses)
        leaders = _leaders(codes, separate_statuses)
        for code, value in maker.values_of(media, codes, leaders, random, combinations):
            if media and media.source and not oracle.allows(f"{media.pointer}/schema", value):
                note(place, "some bodies of its normal form are not of the document")
                continue
            kind = str(media.kind) if media else "empty"
            content = _content(kind, value)
            size += len(content)
            if size > _BYTES:
                note(place, f"only the first {_BYTES // 10**6} MB of its bodies are sent")
                break
            number, key, route = len(result) + 1, operation.key, operation.route
            result.append(
                ResponseBody(number, key, route, response.status, code, kind, content, value)
            )
        unmade += [(operation.key, response.status, at) for at in maker.unmade]
    return ResponseBodies(result, list(notes), unmade)


def _responses(normal: NormalForm, note: Note) -> Iterator[tuple[NormalOperation, NormalResponse]]:
    """Yield the responses whose bodies can be made, each with its operation; note the others."""
    for omitted in normal.omitted:
        for problem in omitted.problems:
            note(omitted.name, f"it cannot be read: {problem.pointer} {problem.reason}")
    for line in normal.left_out:
        note(*line.split(": ", 1))
    for operation in normal.operations:
        for response in operation.responses:
            if response.media and response.media.kind == "bytes":
                why = f"bodies of {response.media.type} are not made"
                note(f"{operation.key} {response.status}", why)
            else:
                yield operation, response


def _leaders(codes: Sequence[int], separate_statuses: Collection[str]) -> list[int]:
    """Return the first of the codes that a client reads alike, the first of all in front."""
    leaders: dict[str, int] = {}
    for code in codes:
        names = (str(code), f"{code // 100}XX")
        leaders.setdefault(next((name for name in names if name in separate_statuses), ""), code)
    return list(leaders.values())


def _content(kind: str, value: Any) -> str:
    if kind == "json":
        return json.dumps(value, allow_nan=False)
    return "" if kind == "empty" else str(value)


def pattern(value: Any, pointer: str) -> str:
    """Return the place that a pointer into a body stands for.

    Items of arrays, and keys that the document leaves to the server, become `*`.

    Source: RFC 6901.
    """
    parts = [""]
    for segment in pointer.split("/")[1:]:
        key = segment.replace("~1", "/").replace("~0", "~")
        free = isinstance(value, list) or (isinstance(value, Holder) and key in value.free)
        parts.append("*" if free else segment)
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            value = None
    return "/".join(parts)
