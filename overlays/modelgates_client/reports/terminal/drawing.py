"""Bars and columns made of characters. Pure: texts are returned."""

import math
from collections.abc import Sequence
from typing import Final

from attrs import astuple, frozen


@frozen
class DrawingCharacters:
    """The characters to draw with.

    Attributes:
        bar: What a bar is made of, from its thinnest end to a full character.
        column: What a column is made of, from its lowest top to a full character.
        arrow: What points from one name to the next.
        separator: What stands between things in a line.
    """

    bar: str
    column: str
    arrow: str
    separator: str

    @classmethod
    def of(cls, encoding: str | None) -> "DrawingCharacters":
        """Return those that an encoding has."""
        try:
            "".join(astuple(_FINE)).encode(encoding or "ascii")
        except (UnicodeEncodeError, LookupError):
            return _COARSE
        return _FINE


_FINE: Final = DrawingCharacters(
    bar="\N{LEFT ONE EIGHTH BLOCK}\N{LEFT ONE QUARTER BLOCK}\N{LEFT THREE EIGHTHS BLOCK}"
    "\N{LEFT HALF BLOCK}\N{LEFT FIVE EIGHTHS BLOCK}\N{LEFT THREE QUARTERS BLOCK}"
    "\N{LEFT SEVEN EIGHTHS BLOCK}\N{FULL BLOCK}",
    column="\N{LOWER ONE EIGHTH BLOCK}\N{LOWER ONE QUARTER BLOCK}\N{LOWER THREE EIGHTHS BLOCK}"
    "\N{LOWER HALF BLOCK}\N{LOWER FIVE EIGHTHS BLOCK}\N{LOWER THREE QUARTERS BLOCK}"
    "\N{LOWER SEVEN EIGHTHS BLOCK}\N{FULL BLOCK}",
    arrow="\N{RIGHTWARDS ARROW}",
    separator="\N{MIDDLE DOT}",
)
_COARSE: Final = DrawingCharacters(bar="#", column=".:#", arrow="->", separator="-")


def bar(share: float, width: int, pens: DrawingCharacters) -> str:
    """Return a bar of a share of a width; what is above 0 shows."""
    return _line(share * width, pens.bar) if share > 0 else ""


def columns(values: Sequence[float], height: int, pens: DrawingCharacters) -> list[str]:
    """Return lines, the highest first, of a column for each value; what is above 0 shows."""
    most = max(values, default=0.0)
    if most <= 0:
        return []
    drawn = [_line(value / most * height, pens.column) if value > 0 else "" for value in values]
    return [
        "".join(line[row] if row < len(line) else " " for line in drawn)
        for row in reversed(range(height))
    ]


def _line(length: float, steps: str) -> str:
    """Return a length in full characters and one that is a part; the least part at least."""
    parts = max(1, math.floor(length * len(steps) + 0.5))
    full, rest = divmod(parts, len(steps))
    return steps[-1] * full + (steps[rest - 1] if rest else "")
