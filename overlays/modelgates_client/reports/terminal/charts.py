"""Charts in characters: bars, columns over time, and columns over latencies, as lines of text."""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from attrs import astuple, frozen

from modelgates_client.reports.figures import Report, TimeSlice
from modelgates_client.reports.formatting import count, decimals_of, duration, rounded, slice_time

_HEIGHT: Final = 4  # lines of a chart
_MAX_COLUMN_WIDTH: Final = 4  # characters
_HOUR_S: Final = 3600


@frozen
class DrawingCharacters:
    """The characters to draw with.

    Attributes:
        bar: The characters of a bar, from the narrowest to a full one.
        column: The characters of a column, from the lowest to a full one.
        arrow: An arrow from one name to the next.
        separator: The separator of items in a line.
    """

    bar: str
    column: str
    arrow: str
    separator: str

    @classmethod
    def for_encoding(cls, encoding: str | None) -> "DrawingCharacters":
        """Return the characters that an encoding can express."""
        try:
            "".join(astuple(_FINE)).encode(encoding or "ascii")
        except (UnicodeEncodeError, LookupError):
            return _COARSE
        return _FINE


_FINE: Final = DrawingCharacters(
    bar="▏▎▍▌▋▊▉█", column="▁▂▃▄▅▆▇█", arrow="→", separator="\N{MIDDLE DOT}"
)
_COARSE: Final = DrawingCharacters(bar="#", column=".:#", arrow="->", separator="-")


def bar(share: float, width: int, characters: DrawingCharacters) -> str:
    """Return a bar for a fraction of a width; any fraction above 0 is visible."""
    return _line(share * width, characters.bar) if share > 0 else ""


def columns(values: Sequence[float], height: int, characters: DrawingCharacters) -> list[str]:
    """Return the lines of columns, top line first; any value above 0 is visible."""
    highest = max(values, default=0.0)
    if highest <= 0:
        return []
    drawn = [
        _line(value / highest * height, characters.column) if value > 0 else "" for value in values
    ]
    return [
        "".join(line[row] if row < len(line) else " " for line in drawn)
        for row in reversed(range(height))
    ]


def cost_over_time(report: Report, width: int, characters: DrawingCharacters) -> list[str]:
    """Return a chart of the all-in cost over time; nothing if there is no cost or no time."""
    if not report.timeline:
        return []
    steps = [_number(part, report.step) for part in report.timeline]
    first, span = steps[0], steps[-1] - steps[0] + 1
    steps_per_column = -(-span // width)
    sums = [Decimal(0)] * -(-span // steps_per_column)
    starts: dict[int, TimeSlice] = {}
    for step, part in zip(steps, report.timeline, strict=True):
        column = (step - first) // steps_per_column
        sums[column] += part.all_in_usd.known
        starts.setdefault(column, part)
    chart = _chart([float(amount) for amount in sums], width, characters)
    if not chart:
        return []
    highest = max(starts, key=lambda column: sums[column])
    unit = count(steps_per_column, report.step) if steps_per_column > 1 else report.step
    amount = rounded(sums[highest], decimals_of([sums[highest]]))
    caption = f"highest {unit}: {amount}, {slice_time(starts[highest], report.step)}"
    first_time, last_time = (slice_time(report.timeline[index], report.step) for index in (0, -1))
    return [*chart, *_axis(first_time, last_time, max(map(len, chart)), width), caption]


def latency_chart(report: Report, width: int, characters: DrawingCharacters) -> list[str]:
    """Return a chart of the number of records by latency; nothing if no latency is known."""
    if not report.latencies:
        return []
    bins_per_column = -(-len(report.latencies) // width)
    counts = [
        float(sum(part.count for part in report.latencies[start : start + bins_per_column]))
        for start in range(0, len(report.latencies), bins_per_column)
    ]
    chart = _chart(counts, width, characters)
    ends = (duration(report.latencies[0].lower), duration(report.latencies[-1].upper))
    return [*chart, *_axis(*ends, max(map(len, chart)), width)]


def _line(length: float, steps: str) -> str:
    """Return a length as full characters and a partial one, of at least the smallest part."""
    parts = max(1, math.floor(length * len(steps) + 0.5))
    full, rest = divmod(parts, len(steps))
    return steps[-1] * full + (steps[rest - 1] if rest else "")


def _chart(values: Sequence[float], width: int, characters: DrawingCharacters) -> list[str]:
    """Return the lines of columns, as wide as they fit, with gaps if they fit."""
    column_width = max(1, min(_MAX_COLUMN_WIDTH, width // len(values)))
    lines = columns(values, _HEIGHT, characters)
    if column_width == 1:
        return lines
    return ["".join(f"{part * (column_width - 1)} " for part in line)[:-1] for line in lines]


def _axis(first: str, last: str, length: int, width: int) -> list[str]:
    """Return the labels of both ends of an axis, in two lines if they do not fit in one."""
    gap = length - len(first) - len(last)
    if gap > 0:
        return [f"{first}{' ' * gap}{last}"]
    line = f"{first} to {last}"
    return [line] if len(line) <= width else [f"{first} to", last]


def _number(part: TimeSlice, step: str) -> int:
    """Return the number of a slice's hour, day or year, counted from a fixed start."""
    if step == "hour":
        return int(part.start.timestamp()) // _HOUR_S
    return part.start.year if step == "year" else part.start.toordinal()
