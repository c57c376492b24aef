"""Checks that a decoded body yields what was sent, hides nothing and loses nothing.

Based on the annotations of the generated code and the body itself, not on the
decoders, which are under test. Runs where a generated package can be imported, and
uses only what its users have: attributes, `drift`, `to_dict`.
"""

import datetime
import math
import pickle
import types
import typing
import uuid
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import Any

#: What an attribute of a type yields must be of exactly it: neither a bool nor an enum is an int.
_EXACT = (bool, int, float, str)


@dataclass
class FidelityFindings:
    """The faults of a decoded body.

    Attributes:
        wrong_values: Attributes that yield a wrong value, and the value.
        losses: Values that are missing when the body is encoded again.
        unreadable: Pointers of unreadable values, as the errors name them.
        seen: Pointers of visible deviations from the spec.
    """

    wrong_values: list[str] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Runtime:
    """Functions for decoded bodies that are not necessarily models, such as lists of models.

    Attributes:
        drift: Returns the drift entries of a body.
        encode: Returns the JSON value of a body.
    """

    drift: Callable[[Any], list[Any]]
    encode: Callable[[Any], Any]


class AttributeReader:
    """Reads every attribute of decoded bodies.

    Args:
        field_error: The error that reading what has no value of its type raises.
    """

    def __init__(self, field_error: type[Exception]) -> None:
        self.field_error = field_error
        self._hints: dict[type, dict[str, Any]] = {}

    def read(self, value: Any, hint: Any, sent: Any, at: str = "") -> FidelityFindings:
        """Check a decoded value, attribute by attribute.

        Args:
            value: The decoded value.
            hint: Its annotated type.
            sent: The JSON value that it was decoded from.
            at: Its JSON pointer in the body.
        """
        found = FidelityFindings()
        self._check(lambda: value, hint, sent, at, found)
        return found

    def _check(
        self, read: Callable[[], Any], hint: Any, sent: Any, at: str, found: FidelityFindings
    ) -> None:
        try:
            value = read()
        except self.field_error as error:
            pointer = str(getattr(error, "pointer", None))
            found.unreadable.append(pointer)
            if pointer != at:
                found.wrong_values.append(f"{at}: the error names a different place, {pointer}")
            return
        choices = [choice for choice in _choices(hint) if _is(value, choice)]
        if not choices:
            found.wrong_values.append(f"{at}: {_shown(value)} is not of type {_named(hint)}")
            return
        readings = [FidelityFindings() for _ in choices]
        for choice, reading in zip(choices, readings, strict=True):
            self._check_parts(value, choice, sent, at, reading)
        best = min(readings, key=lambda reading: len(reading.wrong_values))
        found.wrong_values.extend(best.wrong_values)
        found.unreadable.extend(best.unreadable)
        found.seen.extend(best.seen)

    def _check_parts(
        self, value: Any, hint: Any, sent: Any, at: str, found: FidelityFindings
    ) -> None:
        if hasattr(type(value), "__attrs_attrs__") and hasattr(value, "to_dict"):
            self._check_model(value, sent, at, found)
        elif isinstance(value, list):
            item = next(iter(typing.get_args(hint)), Any)  # in a place of no type, of any type
            if not isinstance(sent, list) or len(sent) != len(value):
                found.wrong_values.append(
                    f"{at}: {len(value)} items were decoded from {_shown(sent)}"
                )
                return
            for index, part in enumerate(sent):
                read = partial(value.__getitem__, index)
                self._check(read, item, part, f"{at}/{index}", found)
        elif not is_as_sent(value, sent):
            found.wrong_values.append(f"{at}: {_shown(value)} was decoded from {_shown(sent)}")
        elif getattr(value, "is_known", True) is not True:
            found.seen.append(at)

    def _check_model(self, record: Any, sent: Any, at: str, found: FidelityFindings) -> None:
        if not isinstance(sent, dict):
            found.wrong_values.append(f"{at}: an object was decoded from {_shown(sent)}")
            return
        cls = type(record)
        if cls not in self._hints:
            self._hints[cls] = typing.get_type_hints(cls)
        keys = {field.name: field.key for field in cls.__schema__().fields.values()}
        for attribute in cls.__attrs_attrs__:
            key = keys[attribute.name]
            self._check(
                partial(getattr, record, attribute.name),
                self._hints[cls][attribute.name],
                sent.get(key),
                f"{at}/{_segment(key)}",
                found,
            )
        self._check_rest(record, sent.keys() - keys.values(), sent, at, found)

    def _check_rest(
        self, record: Any, expected: Any, sent: Any, at: str, found: FidelityFindings
    ) -> None:
        """Check the fields that the model has no attributes for."""
        extras = record.additional_properties
        if extras.keys() != expected:
            found.wrong_values.append(f"{at}: additional_properties has {sorted(extras)}")
        declared = type(record).__schema__().extra is not None
        for key in sorted(extras.keys() & expected):
            place = f"{at}/{_segment(key)}"
            if not declared:
                found.seen.append(place)
            self._check(partial(extras.__getitem__, key), Any, sent[key], place, found)


def examine(
    record: Any, hint: Any, sent: Any, reader: AttributeReader, runtime: Runtime
) -> tuple[FidelityFindings, list[Any]]:
    """Return the faults of a decoded body, and its drift entries.

    Raises:
        Exception: The generated code raised an undocumented error.
    """
    found = reader.read(record, hint, sent)
    drift = runtime.drift(record)
    listed = [entry.pointer for entry in drift]
    if len(set(listed)) != len(listed):
        found.wrong_values.append(": a deviation is listed twice")
    for pointer in sorted({*found.unreadable, *found.seen} - {*listed}):
        found.wrong_values.append(f"{pointer}: deviates from the spec, but is not listed as drift")
    found.losses += [f"{lost} in to_dict()" for lost in differences(runtime.encode(record), sent)]
    for way, twin in (
        ("pickling", pickle.loads(pickle.dumps(record))),  # noqa: S301 - our own, made just now
        ("copying", deepcopy(record)),
    ):
        if type(twin) is not type(record) or runtime.drift(twin) != drift:
            found.losses.append(f": it changes with {way}")
        found.losses += [f"{lost} after {way}" for lost in differences(runtime.encode(twin), sent)]
    if not repr(record):
        found.losses.append(": it has no repr")
    return found, drift


def is_as_sent(value: Any, sent: Any) -> bool:
    """Whether a typed value equals what was sent: the same JSON value, instant or id."""
    if hasattr(value, "to_dict"):  # in a place of no type, a model stands for its object
        return not any(differences(value.to_dict(), sent))
    if isinstance(sent, str):
        if isinstance(value, datetime.datetime):
            return value == datetime.datetime.fromisoformat(sent.upper())
        if isinstance(value, datetime.date):
            return value.isoformat() == sent
        if isinstance(value, uuid.UUID):
            return value == uuid.UUID(sent)
    if isinstance(value, list) and isinstance(sent, list):
        return len(value) == len(sent) and all(map(is_as_sent, value, sent))
    return not any(differences(value, sent))


def differences(one: Any, other: Any, at: str = "") -> Iterator[str]:
    """Yield the places where two JSON values differ; true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            place = f"{at}/{_segment(key)}"
            if key not in one or key not in other:
                yield f"{place}: {'added' if key in one else 'gone'}"
            else:
                yield from differences(one[key], other[key], place)
    elif isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            yield f"{at}: {len(other)} items became {len(one)}"
        for index, (here, there) in enumerate(zip(one, other, strict=False)):
            yield from differences(here, there, f"{at}/{index}")
    elif isinstance(one, bool) is not isinstance(other, bool) or one != other:
        yield f"{at}: {_shown(other)} became {_shown(one)}"


def _choices(hint: Any) -> tuple[Any, ...]:
    union = typing.get_origin(hint) in {typing.Union, types.UnionType}
    return typing.get_args(hint) if union else (hint,)


def _is(value: Any, hint: Any) -> bool:
    """Whether a value has an annotated type; the types of its parts are not checked."""
    if hint is Any or hint is object:
        return True
    if hint is None or hint is type(None):
        return value is None
    if typing.get_origin(hint) is typing.Literal:
        return any(type(value) is type(one) and value == one for one in typing.get_args(hint))
    kind = typing.get_origin(hint) or hint
    if isinstance(value, float) and not math.isfinite(value):
        return False
    return type(value) is kind if kind in _EXACT else isinstance(value, kind)


def _named(hint: Any) -> str:
    return getattr(hint, "__name__", None) or str(hint)


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:60]}…"  # noqa: PLR2004 - what fits a line


def _segment(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
