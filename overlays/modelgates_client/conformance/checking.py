"""Checking one response against the spec: its deviations, and their effects. Pure.

The spec is present as generated code: an operation has the schemas of its bodies by status, and a
decoded body lists its deviations (`drift`). The descriptions of deviations are also built here, and
show nothing that may be private: see `redacted_pointer`, `shape` and `found_text`.
"""

import json
import re
from collections import Counter
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

#: The default operation of a response: its body is a record, or an error.
RECORD: Final[Operation[Any]] = get_generation.OPERATION

#: From the most severe down.
LEVELS: Final[tuple[Level, ...]] = ("breaking", "warning", "info")

#: Placeholders in a pointer, for any array index, and for a name that is not shown.
ANY_INDEX: Final = "*"
SOME_NAME: Final = "?"

_INDEX: Final = re.compile("[0-9]+")
# With five digits or more, it is an id, a number or a date, and not the name of a field.
_FEW_DIGITS: Final = "(?!(?:.*[0-9]){5})"
_NAME: Final = re.compile(rf"{_FEW_DIGITS}[A-Za-z_][A-Za-z0-9_]{{0,39}}")
# Provider names such as `01.AI` and `SF Compute`, but no e-mail address, URL or API key.
_WORD: Final = re.compile(
    rf"(?!.*sk-){_FEW_DIGITS}[A-Za-z0-9](?:[A-Za-z0-9 ._-]{{0,30}}[A-Za-z0-9])?"
)
_NAMES_SHOWN: Final = 8  # of an object
_MAX_FIELDS: Final = 100  # of an object; with more names, it is a map
_DEPTH_SHOWN: Final = 2  # objects inside objects
_ITEMS_READ: Final = 100  # of an array
_SHAPE_LIMIT: Final = 200  # characters


class Fault(NamedTuple):
    """A deviation of a response as a whole, which a decoded body cannot list.

    Attributes:
        kind: The kind of deviation.
        expected: A description of what the spec requires.
        found: A description of what was received.
        pointer: Always empty: the whole body.
        value: Always None: there is no value to show.
    """

    kind: Kind
    expected: str
    found: str
    pointer: str = ""
    value: None = None


class Checked(NamedTuple):
    """The result of checking a response.

    Attributes:
        status: The HTTP status, or None if unknown.
        body: The decoded body; None if it could not be decoded, or there is none.
        deviations: All deviations from the spec, computed during iteration.
    """

    status: int | None
    body: Any
    deviations: Iterable[Drift | Fault]


class Effect(NamedTuple):
    """The effect of a deviation on a program that uses this client.

    Attributes:
        level: The severity.
        reason: A description of the effect.
    """

    level: Level
    reason: str


_READS_NONE: Final = Effect("warning", "it reads as None")
_RAISES: Final = Effect("breaking", "reading it raises FieldError")
_EFFECTS: Final[dict[Kind, Effect]] = {
    "undeclared": Effect("info", "it is kept in additional_properties"),
    "unknown_value": Effect("warning", "it reads as a value whose is_known is false"),
    "undocumented_status": Effect("warning", "the spec does not describe its body"),
    "unreadable_body": Effect("breaking", "none of it can be read"),
    "repeated_name": Effect("warning", "the last value counts, and the others are lost"),
    "unreadable_line": Effect("breaking", "nothing could be checked"),
}


def check(status: int | None, body: Any, operation: Operation[Any] = RECORD) -> Checked:
    """Check a response against the schema for its status.

    Args:
        status: The HTTP status; None for an error whose status is unknown, which is checked against
            the schema of the operation's errors.
        body: Parsed JSON, or the bytes of the body.
        operation: The operation that was called.
    """
    content = _of_errors(operation) if status is None else operation.content(status)
    if content is None:
        expected = f"one of {', '.join(sorted(operation.responses))}"
        return Checked(status, None, [Fault("undocumented_status", expected, str(status))])
    if content.decoder is None:  # a response without a body cannot deviate
        return Checked(status, None, [])
    if not content.is_json:
        return _check_content(status, body, content, content.decoder)
    try:
        source = parse_json(body) if isinstance(body, bytes) else body
    except ValueError:
        return _unreadable(status, content.decoder, "invalid JSON" if body else "nothing")
    try:
        decoded = content.decoder(source, "")
    except (ValueError, RecursionError):
        found = f"an {json_type(source)} that is nested too deeply"
        return _unreadable(status, content.decoder, found)
    if decoded is MISMATCH:
        return _unreadable(status, content.decoder, json_type(source))
    repeated = repeated_names(body) if isinstance(body, bytes) else []
    return Checked(status, decoded, chain(repeated, find_drift(decoded, "")))


def _check_content(status: int | None, body: Any, content: Content, decoder: Decoder) -> Checked:
    """Check a body that is text or binary data."""
    data = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    if not isinstance(data, bytes):
        return _unreadable(status, decoder, json_type(data))
    try:
        decoded = content.decode(status or 0, data)
    except ResponseError:
        return _unreadable(status, decoder, "other text" if data else "nothing")
    return Checked(status, decoded, find_drift(decoded, ""))


def _of_errors(operation: Operation[Any]) -> Content | None:
    """Return the content of an operation's first documented error, or else of its default."""
    statuses = [status for status in sorted(operation.responses) if status[0] in "45"]
    return operation.responses.get(statuses[0] if statuses else "default")


def repeated_names(content: bytes) -> list[Fault]:
    """Return a fault for each object in valid JSON that repeats a name."""
    faults: list[Fault] = []

    def check_object(members: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(members)
        if len(value) < len(members):
            times = Counter(name for name, _ in members)
            repeated = {_shown_name(name) for name, number in times.items() if number > 1}
            listed = sorted(repeated)[:_NAMES_SHOWN] + ["..."] * (len(repeated) > _NAMES_SHOWN)
            found = f"{', '.join(listed)} repeated"
            faults.append(Fault("repeated_name", "each name once", found))
        return value

    with suppress(RecursionError):  # decoding reports that it is nested too deeply
        json.loads(content, object_pairs_hook=check_object)
    return faults


def unreadable_line(found: str) -> Checked:
    """Return the result for a recorded line that is not a response."""
    return Checked(None, None, [Fault("unreadable_line", "a response", found)])


def _unreadable(status: int | None, decoder: Decoder, found: str) -> Checked:
    return Checked(status, None, [Fault("unreadable_body", decoder.expected, found)])


def effect(deviation: Drift | Fault, body: Any) -> Effect:
    """Return the effect of a deviation; whether reading raises is determined by reading."""
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
    """Split a JSON pointer into its keys (RFC 6901, section 4)."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def redacted_pointer(pointer: str, *, is_undeclared: bool) -> str:
    """Return a pointer without indices and without names that may be private.

    Names that the spec declares are shown. The name of an undeclared field, which the maintainer
    needs, is shown if it looks like one: maps may be keyed by e-mail addresses. Keys of maps are
    never shown.

    Args:
        pointer: The pointer of a `Drift`.
        is_undeclared: Whether its last name is that of an undeclared field.
    """
    keys = _keys(pointer)
    shown: list[str] = []
    for index, key in enumerate(keys):
        is_new = is_undeclared and index == len(keys) - 1
        if key in _declared_names() or (is_new and _shown_name(key) == key):
            shown.append(key.replace("~", "~0").replace("/", "~1"))
        else:
            is_index = not is_new and _INDEX.fullmatch(key)
            shown.append(ANY_INDEX if is_index else SOME_NAME)
    return "".join(f"/{key}" for key in shown)


def _shown_name(name: str) -> str:
    """Return a name that is declared or looks like that of a field; `?` for any other."""
    return name if name in _declared_names() or _NAME.fullmatch(name) else SOME_NAME


@cache
def _declared_names() -> frozenset[str]:
    classes = [getattr(models, name) for name in models.__all__]
    return frozenset[str]().union(
        *(cls.__schema__().keys for cls in classes if issubclass(cls, Model))
    )


def found_text(deviation: Drift | Fault) -> str:
    """Describe what was received, by JSON types.

    An unknown enum value is shown itself if it looks like one, as a new provider does: the
    maintainer has to add it, and the values of an enum come from the API, not from users.
    """
    if deviation.kind != "unknown_value":
        return deviation.found
    word = str(deviation.value)
    return f"'{word}'" if _WORD.fullmatch(word) else shape(deviation.value)


def shape(value: Any) -> str:
    """Describe a JSON value without showing its contents.

    The description has types, lengths and the names of fields: at most 8, two levels deep. An
    object with a name that does not look like a field's is a map, whose keys may be private, and
    are not shown.
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
