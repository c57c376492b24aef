"""Gives every enum value a member name that depends on nothing but the value.

The generator names a value that does not begin with a letter by its index, which moves when the
spec adds a value, and lets two values that make the same name overwrite each other.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from common.failure import Failure

NAMES = "x-enum-varnames"  # the generator's extension for names of one's own


def assign(document: dict[str, Any]) -> None:
    """Put the member names into every enum of `document`, in place.

    Names that the document already gives are kept, in capitals.

    Raises:
        Failure: Two values of an enum make the same name, or names are given and are wrong.
    """
    for place, schema in _enums(document, "#"):
        if None in schema["enum"]:
            _say_null_once(schema)
        values = [value for value in schema["enum"] if value is not None]
        if NAMES in schema:
            names = _given(place, schema)
        else:
            values = list(dict.fromkeys(values))
            schema["enum"] = values + [None] * (None in schema["enum"])
            names = [member_name(value) for value in values]
        taken: dict[str, Any] = {}
        for name, value in zip(names, values, strict=True):
            if name in taken:
                raise Failure(
                    f"the enum at {place} has two values that make the name {name}: "
                    f"{taken[name]!r} and {value!r}; name them with `{NAMES}` in the spec overlay"
                )
            if isinstance(value, str) and not value.isprintable():
                raise Failure(
                    f"the enum at {place} has the value {value!r}, of which the generator would "
                    "drop a character; correct it in the spec overlay"
                )
            taken[name] = value
        schema[NAMES] = names


def _say_null_once(schema: dict[str, Any]) -> None:
    """Leave it to the enum to say that null is allowed; of each further time a class is made."""
    schema.pop("nullable", None)
    if isinstance(kinds := schema.get("type"), list):
        kinds = [kind for kind in kinds if kind != "null"]
        schema["type"] = kinds[0] if len(kinds) == 1 else kinds or "null"


def member_name(value: str | int) -> str:
    """Return the member name of an enum value.

    >>> [member_name(value) for value in ("01.AI", "Together 2", "xAI", "", -1, 404)]
    ['VALUE_01_AI', 'TOGETHER_2', 'XAI', 'EMPTY', 'VALUE_NEGATIVE_1', 'VALUE_404']
    """
    if isinstance(value, int):
        return f"VALUE_NEGATIVE_{-value}" if value < 0 else f"VALUE_{value}"
    name = _identifier(str(value))
    if not name:
        return "EMPTY" if not value else "SYMBOL"
    return name if name.isidentifier() else f"VALUE_{name}"


def _identifier(text: str) -> str:
    """Return what of a text can stand in a Python name (NFKC, as Python reads names)."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).upper())
    text = "".join(c if f"_{c}".isidentifier() else "_" for c in text)
    return re.sub("_+", "_", text).strip("_")


def _given(place: str, schema: dict[str, Any]) -> list[str]:
    """Return the names that the document gives, one for each value but null."""
    names, values = schema[NAMES], schema["enum"]
    if isinstance(names, list) and len(names) == len(values):
        names = [name for name, value in zip(names, values, strict=True) if value is not None]
    count = sum(value is not None for value in values)
    if not isinstance(names, list) or len(names) != count:
        raise Failure(f"the enum at {place} does not give each of its {count} values a `{NAMES}`")
    words = [re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", str(name)) for name in names]
    for name, word in zip(names, words, strict=True):
        if not _identifier(word).isidentifier():
            raise Failure(f"the enum at {place} names a value {name!r}, which is no Python name")
    return [_identifier(word) for word in words]


def _enums(node: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        values = node.get("enum")
        if isinstance(values, list) and all(_can_be_named(value) for value in values):
            yield place, node
        for key, part in node.items():
            yield from _enums(part, f"{place}/{key}")
    elif isinstance(node, list):
        for index, part in enumerate(node):
            yield from _enums(part, f"{place}/{index}")


def _can_be_named(value: Any) -> bool:
    return isinstance(value, str | int | None) and not isinstance(value, bool)
