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
        findings = FidelityFindings()
        self._check(lambda: value, hint, sent, at, findings)
        return findings

    def _check(
        self, read: Callable[[], Any], hint: Any, sent: Any, at: str, findings: FidelityFindings
    ) -> None:
        try:
            value = read()
        except self.field_error as error:
            pointer = str(getattr(error, "pointer", None))
            findings.unreadable.append(pointer)
            if pointer != at:
                findings.wrong_values.append(f"{at}: the error names a different place, {pointer}")
            return
        choices = [choice for choice in _choices(hint) if _is(value, choice)]
        if not choices:
            findings.wrong_values.append(
                f"{at}: {_shorten(value)} is not of type {_type_name(hint)}"
            )
            return
        readings = [FidelityFindings() for _ in choices]
        for choice, reading in zip(choices, readings, strict=True):
            self._check_parts(value, choice, sent, at, reading)
        best = min(readings, key=lambda reading: len(reading.wrong_values))
        findings.wrong_values.extend(best.wrong_values)
        findings.unreadable.extend(best.unreadable)
        findings.seen.extend(best.seen)

    def _check_parts(
        self, value: Any, hint: Any, sent: Any, at: str, findings: FidelityFindings
    ) -> None:
        if hasattr(type(value), "__attrs_attrs__") and hasattr(value, "to_dict"):
            self._check_model(value, sent, at, findings)
        elif isinstance(value, list):
            item = next(iter(typing.get_args(hint)), Any)  # in a place of no type, of any type
            if not isinstance(sent, list) or len(sent) != len(value):
                findings.wrong_values.append(
                    f"{at}: {len(value)} items were decoded from {_shorten(sent)}"
                )
                return
            for index, part in enumerate(sent):
                read = partial(value.__getitem__, index)
                self._check(read, item, part, f"{at}/{index}", findings)
        elif not is_as_sent(value, sent):
            findings.wrong_values.append(
                f"{at}: {_shorten(value)} was decoded from {_shorten(sent)}"
            )
        elif getattr(value, "is_known", True) is not True:
            findings.seen.append(at)

    def _check_model(self, record: Any, sent: Any, at: str, findings: FidelityFindings) -> None:
        if not isinstance(sent, dict):
            findings.wrong_values.append(f"{at}: an object was decoded from {_shorten(sent)}")
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
                findings,
            )
        self._check_rest(record, sent.keys() - keys.values(), sent, at, findings)

    def _check_rest(
        self, record: Any, expected: Any, sent: Any, at: str, findings: FidelityFindings
    ) -> None:
        """Check the fields that the model has no attributes for."""
        extras = record.additional_properties
        if extras.keys() != expected:
            findings.wrong_values.append(f"{at}: additional_properties has {sorted(extras)}")
        declared = type(record).__schema__().extra is not None
        for key in sorted(extras.keys() & expected):
            place = f"{at}/{_segment(key)}"
            if not declared:
                findings.seen.append(place)
            self._check(partial(extras.__getitem__, key), Any, sent[key], place, findings)


def examine(
    record: Any, hint: Any, sent: Any, reader: AttributeReader, runtime: Runtime
) -> tuple[FidelityFindings, list[Any]]:
    """Return the faults of a decoded body, and its drift entries.

    Raises:
        Exception: The generated code raised an undocumented error.
    """
    findings = reader.read(record, hint, sent)
    drift = runtime.drift(record)
    listed = [entry.pointer for entry in drift]
    if len(set(listed)) != len(listed):
        findings.wrong_values.append(": a deviation is listed twice")
    for pointer in sorted({*findings.unreadable, *findings.seen} - {*listed}):
        findings.wrong_values.append(
            f"{pointer}: deviates from the spec, but is not listed as drift"
        )
    findings.losses += [
        f"{lost} in to_dict()" for lost in differences(runtime.encode(record), sent)
    ]
    for operation, copy in (
        ("pickling", pickle.loads(pickle.dumps(record))),  # noqa: S301 - our own, made just now
        ("copying", deepcopy(record)),
    ):
        if type(copy) is not type(record) or runtime.drift(copy) != drift:
            findings.losses.append(f": it changes with {operation}")
        findings.losses += [
            f"{lost} after {operation}" for lost in differences(runtime.encode(copy), sent)
        ]
    if not repr(record):
        findings.losses.append(": it has no repr")
    return findings, drift


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


def differences(value: Any, sent: Any, at: str = "") -> Iterator[str]:
    """Yield the places where two JSON values differ; true is not 1."""
    if isinstance(value, dict) and isinstance(sent, dict):
        for key in sorted(value.keys() | sent.keys()):
            place = f"{at}/{_segment(key)}"
            if key not in value or key not in sent:
                yield f"{place}: {'added' if key in value else 'gone'}"
            else:
                yield from differences(value[key], sent[key], place)
    elif isinstance(value, list) and isinstance(sent, list):
        if len(value) != len(sent):
            yield f"{at}: {len(sent)} items became {len(value)}"
        for index, (value_item, sent_item) in enumerate(zip(value, sent, strict=False)):
            yield from differences(value_item, sent_item, f"{at}/{index}")
    elif isinstance(value, bool) is not isinstance(sent, bool) or value != sent:
        yield f"{at}: {_shorten(sent)} became {_shorten(value)}"


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
        return any(
            type(value) is type(literal) and value == literal for literal in typing.get_args(hint)
        )
    kind = typing.get_origin(hint) or hint
    if isinstance(value, float) and not math.isfinite(value):
        return False
    return type(value) is kind if kind in _EXACT else isinstance(value, kind)


def _type_name(hint: Any) -> str:
    return getattr(hint, "__name__", None) or str(hint)


def _shorten(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:60]}…"  # noqa: PLR2004 - what fits a line


def _segment(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
