"""Responses held against the spec: every deviation, with what it does to a program. Pure.

The spec is the generated code: an operation knows what the bodies of each status are, and what
they are decoded to lists how it deviates (`drift`). What a person reads of a deviation is made
here, too, and it shows nothing that may be private: see `pattern`, `shape` and `found`.
"""

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from itertools import chain
from typing import Any, Final, Literal, NamedTuple

from modelgates_api import models
from modelgates_api.api.generations import get_generation
from modelgates_runtime.decoded import find_drift
from modelgates_runtime.decoder import Decoder
from modelgates_runtime.drift import Drift, DriftKind, json_type
from modelgates_runtime.errors import FieldError, ResponseError
from modelgates_runtime.model import Model
from modelgates_runtime.operation import Content, Operation
from modelgates_runtime.parsing import parse_json
from modelgates_runtime.scalars import MISMATCH
from modelgates_runtime.values import is_array, is_object

Kind = (
    DriftKind
    | Literal["undocumented_status", "unreadable_body", "unreadable_line", "repeated_name"]
)
Level = Literal["breaking", "warning", "info"]

#: What a response is one of, where nothing else is said: a record, or an error in its place.
RECORD: Final[Operation[Any]] = get_generation.OPERATION

#: From the worst down.
LEVELS: Final[tuple[Level, ...]] = ("breaking", "warning", "info")

#: What stands in a pointer for any index of an array, and for a name that is not shown.
ANY_INDEX: Final = "*"
SOME_NAME: Final = "?"

_INDEX: Final = re.compile("[0-9]+")
# With five digits or more it is an id, a number or a date. A field's name has fewer.
_FEW_DIGITS: Final = "(?!(?:.*[0-9]){5})"
_NAME: Final = re.compile(rf"{_FEW_DIGITS}[A-Za-z_][A-Za-z0-9_]{{0,39}}")
# As providers are called: `01.AI`, `SF Compute`. No e-mail address, no URL, and no API key.
_WORD: Final = re.compile(
    rf"(?!.*sk-){_FEW_DIGITS}[A-Za-z0-9](?:[A-Za-z0-9 ._-]{{0,30}}[A-Za-z0-9])?"
)
_NAMES_SHOWN: Final = 8  # of an object
_MAX_FIELDS: Final = 100  # of an object; with more names it is a map
_DEPTH_SHOWN: Final = 2  # objects inside objects
_ITEMS_READ: Final = 100  # of an array
_SHAPE_LIMIT: Final = 200  # characters


class Fault(NamedTuple):
    """What no decoded body can list: one deviation of the response as a whole.

    Attributes:
        kind: Which.
        expected: What the spec asks for, in words.
        found: What came, in words.
        pointer: The whole body.
        value: Nothing that could be shown.
    """

    kind: Kind
    expected: str
    found: str
    pointer: str = ""
    value: None = None


class Checked(NamedTuple):
    """A response that was held against the spec.

    Attributes:
        status: Its HTTP status, if that is known.
        body: What the body was decoded to; None if it could not be, or there is none.
        deviations: Everything that is not as the spec says, found while they are iterated over.
    """

    status: int | None
    body: Any
    deviations: Iterable[Drift | Fault]


class Effect(NamedTuple):
    """What a deviation does to a program that uses this client.

    Attributes:
        level: How bad that is.
        reason: Why, in words.
    """

    level: Level
    reason: str


_READS_NONE: Final = Effect("warning", "it reads as None")
_RAISES: Final = Effect("breaking", "reading it raises FieldError")
_EFFECTS: Final[dict[Kind, Effect]] = {
    "undeclared": Effect("info", "it is kept in additional_properties"),
    "unknown_value": Effect("warning", "it reads as a value whose is_known is false"),
    "undocumented_status": Effect("warning", "the spec does not say what its body is"),
    "unreadable_body": Effect("breaking", "nothing can be read of it"),
    "repeated_name": Effect("warning", "the last value counts, and the others are lost"),
    "unreadable_line": Effect("breaking", "nothing could be checked"),
}


def check(status: int | None, body: Any, operation: Operation[Any] = RECORD) -> Checked:
    """Hold a response against what the spec says for its status.

    Args:
        status: The HTTP status; None if it is not known, of an error: it is held against the
            schema of the operation's errors, whatever status that has.
        body: As JSON parsing left it, or bytes as they came.
        operation: What was called.
    """
    content = _of_errors(operation) if status is None else operation.content(status)
    if content is None:
        words = f"one of {', '.join(sorted(operation.responses))}"
        return Checked(status, None, [Fault("undocumented_status", words, str(status))])
    if content.decoder is None:  # there is no body that could deviate
        return Checked(status, None, [])
    if not content.is_json:
        return _check_content(status, body, content, content.decoder)
    try:
        source = parse_json(body) if isinstance(body, bytes) else body
    except ValueError:
        return _unreadable(status, content.decoder, "no readable JSON" if body else "nothing")
    try:
        decoded = content.decoder(source, "")
    except (ValueError, RecursionError):
        found = f"an {json_type(source)} that is nested too deeply"
        return _unreadable(status, content.decoder, found)
    if decoded is MISMATCH:
        return _unreadable(status, content.decoder, json_type(source))
    repeated = repeats(body) if isinstance(body, bytes) else []
    return Checked(status, decoded, chain(repeated, find_drift(decoded, "")))


def _check_content(status: int | None, body: Any, content: Content, decoder: Decoder) -> Checked:
    """Hold a text or a binary body against what the spec says of it."""
    given = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    if not isinstance(given, bytes):
        return _unreadable(status, decoder, json_type(given))
    try:
        decoded = content.decode(status or 0, given)
    except ResponseError:
        return _unreadable(status, decoder, "another text" if given else "nothing")
    return Checked(status, decoded, find_drift(decoded, ""))


def _of_errors(operation: Operation[Any]) -> Content | None:
    """Return what an operation's errors are: what is documented for the first, or as default."""
    statuses = [status for status in sorted(operation.responses) if status[0] in "45"]
    return operation.responses.get(statuses[0] if statuses else "default")


def repeats(content: bytes) -> list[Fault]:
    """Return a fault for each object of readable JSON in which a name stands more than once."""
    faults: list[Fault] = []

    def note(members: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(members)
        if len(value) < len(members):
            more = len(members) - len(value)
            faults.append(Fault("repeated_name", "each name once", f"{more} repeated"))
        return value

    with suppress(RecursionError):  # nested too deeply is said elsewhere
        json.loads(content, object_pairs_hook=note)
    return faults


def unreadable_line(found: str) -> Checked:
    """Return what a recorded line comes to that is no response."""
    return Checked(None, None, [Fault("unreadable_line", "a response", found)])


def _unreadable(status: int | None, decoder: Decoder, found: str) -> Checked:
    return Checked(status, None, [Fault("unreadable_body", decoder.expected, found)])


def effect(deviation: Drift | Fault, body: Any) -> Effect:
    """Return what a deviation does; whether reading raises is found out by reading."""
    if deviation.kind in _EFFECTS:
        return _EFFECTS[deviation.kind]
    return _READS_NONE if _is_readable(body, deviation.pointer) else _RAISES


def _is_readable(body: Any, pointer: str) -> bool:
    value = body
    try:
        for key in _keys(pointer):
            if is_array(value):
                value = value[int(key)]
                continue
            field = value.__schema__().fields.get(key)
            value = getattr(value, field.name) if field else value.additional_properties[key]
    except FieldError:
        return False
    return True


def _keys(pointer: str) -> list[str]:
    """Return the keys that a JSON pointer goes along (RFC 6901, section 4)."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def pattern(pointer: str, *, undeclared: bool) -> str:
    """Return a pointer as it is shown: without indices, and without names that may be private.

    Names that the spec declares are shown. So is that of an undeclared field, which is what the
    maintainer needs, if it looks like one: maps may be keyed by e-mail addresses. Keys of maps
    are never shown.

    Args:
        pointer: As `drift` has it.
        undeclared: Whether its last name is that of an undeclared field.
    """
    keys = _keys(pointer)
    shown: list[str] = []
    for index, key in enumerate(keys):
        is_new = undeclared and index == len(keys) - 1
        if key in _declared() or (is_new and _NAME.fullmatch(key)):
            shown.append(key.replace("~", "~0").replace("/", "~1"))
        else:
            is_index = not is_new and _INDEX.fullmatch(key)
            shown.append(ANY_INDEX if is_index else SOME_NAME)
    return "".join(f"/{key}" for key in shown)


@cache
def _declared() -> frozenset[str]:
    kinds = [getattr(models, name) for name in models.__all__]
    return frozenset[str]().union(
        *(kind.__schema__().keys for kind in kinds if issubclass(kind, Model))
    )


def found(deviation: Drift | Fault) -> str:
    """Return what came, in words: JSON types.

    Of an unknown enum value it is the value itself if that looks like a word of an enum, as a new
    provider does: it is what the maintainer has to add, and the spec has this field from a list
    of the API's own words, not from what users write.
    """
    if deviation.kind != "unknown_value":
        return deviation.found
    word = str(deviation.value)
    return f"'{word}'" if _WORD.fullmatch(word) else shape(deviation.value)


def shape(value: Any) -> str:
    """Return what a JSON value is like, without anything that stands in it.

    Types, lengths and, of objects, the names of fields: at most 8, two deep. An object with a name
    that does not look like a field's is a map, whose keys may be private: it shows none.
    """
    text = _shape(value, _DEPTH_SHOWN)
    return text if len(text) <= _SHAPE_LIMIT else f"{text[: _SHAPE_LIMIT - 1]}…"


def _shape(value: Any, depth: int) -> str:
    if isinstance(value, str):
        return f"string (len {len(value)})"
    if is_array(value):
        kinds = sorted({json_type(item) for item in value[:_ITEMS_READ]})
        items = _shape(value[0], depth) if kinds == ["object"] else " or ".join(kinds)
        return f"array (len {len(value)})" + (f" of {items}" if items else "")
    if not is_object(value):
        return json_type(value)
    names = list(value)[:_NAMES_SHOWN] if depth and not _is_map(value) else []
    parts = [f"{name}: {_shape(value[name], depth - 1)}" for name in names]
    if len(names) < len(value):
        parts.append(f"{len(value) - len(names)} {'more' if names else 'names'}")
    return f"{{{', '.join(parts)}}}"


def _is_map(value: dict[str, Any]) -> bool:
    return len(value) > _MAX_FIELDS or not all(map(_NAME.fullmatch, value))
