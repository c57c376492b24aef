"""What single keywords of a schema say of a value.

Source: JSON Schema Validation 2020-12, section 6.
"""

from typing import Any


def same(one: Any, other: Any) -> bool:
    """Whether two JSON scalars, arrays or objects are equal; true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)


def is_of(kind: Any, value: Any) -> bool:
    """Whether a value is of a JSON type; 64.0 is an integer, and None stands for any type."""
    if kind is None:
        return True
    if isinstance(value, bool):
        return bool(kind == "boolean")
    if isinstance(value, int | float):
        return kind == "number" or (kind == "integer" and float(value).is_integer())
    names = {str: "string", list: "array", dict: "object"}
    return bool(kind == next((names[base] for base in names if isinstance(value, base)), "null"))


def in_range(keywords: dict[str, Any], value: Any) -> bool:
    """Whether the bounds of a schema allow a value; those of numbers bind numbers only."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    low, high = keywords.get("minimum"), keywords.get("maximum")
    above, below = keywords.get("exclusiveMinimum"), keywords.get("exclusiveMaximum")
    if isinstance(above, bool) or isinstance(below, bool):  # OpenAPI 3.0
        above, below = (low if above is True else None), (high if below is True else None)
    if (low is not None and value < low) or (high is not None and value > high):
        return False
    return not (above is not None and value <= above) and not (below is not None and value >= below)


def within(keywords: dict[str, Any], what: str, size: int) -> bool:
    """Whether a size is between the bounds for `Items`, `Length` or `Properties`."""
    return bool(keywords.get(f"min{what}", 0) <= size <= keywords.get(f"max{what}", size))
