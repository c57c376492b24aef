"""Gives every enum value a member name that depends only on the value."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any

from normalizing.naming import spelled

NAMES = "x-enum-varnames"  # an extension that other generators support too


def assign(values: Sequence[str | int], names_from_document: Any = None) -> list[str]:
    """Return the member names of an enum's values.

    Args:
        values: The values.
        names_from_document: The names in the document, in the order of the values; they are
            converted to upper case.

    Raises:
        ValueError: Two values have the same name, or a given name is invalid.
    """
    names = (
        _distinct_names(values)
        if names_from_document is None
        else _names_from_document(values, names_from_document)
    )
    value_of_name: dict[str, str | int] = {}
    for name, value in zip(names, values, strict=True):
        if name in value_of_name:
            raise ValueError(
                f"has two values with the name {name}: {value_of_name[name]!r} and {value!r}"
            )
        if isinstance(value, str) and not value.isprintable():
            raise ValueError(f"has the value {value!r}, which is not printable")
        value_of_name[name] = value
    return names


def member_name(value: str | int) -> str:
    """Return the member name of an enum value.

    >>> [member_name(value) for value in ("01.AI", "Together 2", "xAI", "", -1, "+1")]
    ['VALUE_01_AI', 'TOGETHER_2', 'XAI', 'EMPTY', 'VALUE_NEGATIVE_1', 'PLUS_1']
    """
    if isinstance(value, int):
        return f"VALUE_NEGATIVE_{-value}" if value < 0 else f"VALUE_{value}"
    text = re.sub(r"(?<![A-Za-z0-9])\+(?=[0-9])", " PLUS ", str(value))
    name = _identifier(re.sub(r"(?<![A-Za-z0-9])-(?=[0-9])", " NEGATIVE ", text))
    if not name:
        return "EMPTY" if not value else "SYMBOL"
    return name if name.isidentifier() else f"VALUE_{name}"


def _distinct_names(values: Sequence[str | int]) -> list[str]:
    """Return distinct names for values.

    A value that has the name of another is spelled out unless it is a Python name. Where only case
    differs, the name says the case, and where that is not enough, the characters.
    """
    names = [member_name(value) for value in values]
    for spell in (_spelled, _with_case, _with_code):
        counts = Counter(names)
        names = [
            spell(value, name) if isinstance(value, str) and counts[name] > 1 else name
            for name, value in zip(names, values, strict=True)
        ]
    return names


def _with_case(text: str, name: str) -> str:
    """Return the name of a value that differs from others in case only."""
    if text.isupper():
        return name
    return f"{name}_LOWER" if text.islower() else f"{name}_MIXED"


def _with_code(text: str, name: str) -> str:
    return f"{name}_{text.encode().hex().upper()}"


def _spelled(text: str, name: str) -> str:
    return name if text.isidentifier() else member_name(spelled(text) or "EMPTY")


def _identifier(text: str) -> str:
    """Return the part of a text that is valid in a Python name (NFKC, as Python reads names)."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).upper())
    text = "".join(c if f"_{c}".isidentifier() else "_" for c in text)
    return re.sub("_+", "_", text).strip("_")


def _names_from_document(values: Sequence[str | int], names: Any) -> list[str]:
    if not isinstance(names, list) or len(names) != len(values):
        raise ValueError(f"does not give each of its {len(values)} values a `{NAMES}`")
    snake_names = [re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", str(name)) for name in names]
    for name, snake_name in zip(names, snake_names, strict=True):
        if not _identifier(snake_name).isidentifier():
            raise ValueError(f"names a value {name!r}, which is not a Python name")
    return [_identifier(snake_name) for snake_name in snake_names]
