"""Gives every enum value a member name that depends on nothing but the value.

The generator names a value that does not begin with a letter by its index, which moves when the
spec adds a value, and lets two values that make the same name overwrite each other.
"""

import re
from collections.abc import Iterator
from typing import Any

from codegen.failure import Failure

NAMES = "x-enum-varnames"  # the generator's extension for names of one's own


def assign(document: dict[str, Any]) -> None:
    """Put the member names into every enum of `document`, in place.

    Names that the document already gives are kept.

    Raises:
        Failure: Two values of an enum make the same name.
    """
    for place, schema in _enums(document, "#"):
        values = [value for value in schema["enum"] if value is not None]
        names = schema.get(NAMES) or [member_name(value) for value in values]
        taken: dict[str, Any] = {}
        for name, value in zip(names, values, strict=False):
            if name in taken:
                raise Failure(
                    f"the enum at {place} has two values that make the name {name}: "
                    f"{taken[name]!r} and {value!r}; name them with `{NAMES}` in the spec overlay"
                )
            taken[name] = value
        schema[NAMES] = list(names)


def member_name(value: str | int) -> str:
    """Return the member name of an enum value.

    >>> [member_name(value) for value in ("01.AI", "Together 2", "xAI", "", -1, 404)]
    ['VALUE_01_AI', 'TOGETHER_2', 'XAI', 'EMPTY', 'VALUE_NEGATIVE_1', 'VALUE_404']
    """
    if isinstance(value, int):
        return f"VALUE_NEGATIVE_{-value}" if value < 0 else f"VALUE_{value}"
    name = re.sub(r"\W+|_+", "_", str(value)).strip("_").upper()
    if not name:
        return "EMPTY" if not value else "SYMBOL"
    return name if name.isidentifier() else f"VALUE_{name}"


def _enums(node: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        values = node.get("enum")
        if isinstance(values, list) and all(isinstance(v, str | int | None) for v in values):
            yield place, node
        for key, part in node.items():
            yield from _enums(part, f"{place}/{key}")
    elif isinstance(node, list):
        for index, part in enumerate(node):
            yield from _enums(part, f"{place}/{index}")
