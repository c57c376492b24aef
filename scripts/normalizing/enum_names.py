"""Gives every enum value a member name that depends on nothing but the value."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

NAMES = "x-enum-varnames"  # the extension that other generators know, too


def assign(values: Sequence[str | int], given: Any = None) -> list[str]:
    """Return the member names of an enum's values.

    Args:
        values: The values.
        given: Names that the document gives, in the order of the values; they are kept, in
            capitals.

    Raises:
        ValueError: Two values make the same name, or names are given and are wrong.
    """
    names = [member_name(value) for value in values] if given is None else _given(values, given)
    taken: dict[str, str | int] = {}
    for name, value in zip(names, values, strict=True):
        if name in taken:
            raise ValueError(
                f"has two values that make the name {name}: {taken[name]!r} and {value!r}"
            )
        if isinstance(value, str) and not value.isprintable():
            raise ValueError(f"has the value {value!r}, which is not printable")
        taken[name] = value
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


def told_apart(values: Sequence[str | int]) -> list[str]:
    """Return names for values of which some make the same: those say each character."""
    plain = [member_name(value) for value in values]
    return [
        _spelled(value) if isinstance(value, str) and plain.count(name) > 1 else name
        for name, value in zip(plain, values, strict=True)
    ]


def _spelled(text: str) -> str:
    words = [
        c if f"_{c}".isidentifier() and c != "_" else f"_{unicodedata.name(c, f'U{ord(c):X}')}_"
        for c in text
    ]
    return member_name("".join(words) or "EMPTY")


def _identifier(text: str) -> str:
    """Return what of a text can stand in a Python name (NFKC, as Python reads names)."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).upper())
    text = "".join(c if f"_{c}".isidentifier() else "_" for c in text)
    return re.sub("_+", "_", text).strip("_")


def _given(values: Sequence[str | int], names: Any) -> list[str]:
    if not isinstance(names, list) or len(names) != len(values):
        raise ValueError(f"does not give each of its {len(values)} values a `{NAMES}`")
    words = [re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", str(name)) for name in names]
    for name, word in zip(names, words, strict=True):
        if not _identifier(word).isidentifier():
            raise ValueError(f"names a value {name!r}, which is not a Python name")
    return [_identifier(word) for word in words]
