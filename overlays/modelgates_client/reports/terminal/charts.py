"""Columns over time and over latencies, as lines of text. Pure."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from modelgates_client.reports.figures import Report, TimeSlice
from modelgates_client.reports.formatting import count, decimals_of, duration, rounded
from modelgates_client.reports.periods import moment
from modelgates_client.reports.terminal.drawing import DrawingCharacters, columns

_HEIGHT: Final = 4  # lines
_WIDEST: Final = 4  # characters of a column
_HOUR_S: Final = 3600


def cost_over_time(report: Report, width: int, pens: DrawingCharacters) -> list[str]:
    """Return a chart of what was paid in all; nothing if nothing was, or there is no time."""
    if not report.timeline:
        return []
    steps = [_number(part, report.step) for part in report.timeline]
    first, span = steps[0], steps[-1] - steps[0] + 1
    each = -(-span // width)  # steps in a column
    sums = [Decimal(0)] * -(-span // each)
    starts: dict[int, TimeSlice] = {}
    for step, part in zip(steps, report.timeline, strict=True):
        column = (step - first) // each
        sums[column] += part.all_in_usd.known
        starts.setdefault(column, part)
    drawn = _chart([float(amount) for amount in sums], width, pens)
    if not drawn:
        return []
    highest = max(starts, key=lambda column: sums[column])
    unit = count(each, report.step) if each > 1 else report.step
    most = rounded(sums[highest], decimals_of([sums[highest]]))
    about = f"highest {unit}: {most}, {_label(starts[highest], report.step)}"
    ends = (_label(report.timeline[0], report.step), _label(report.timeline[-1], report.step))
    return [*drawn, *_axis(*ends, max(map(len, drawn)), width), about]


def latency_chart(report: Report, width: int, pens: DrawingCharacters) -> list[str]:
    """Return a chart of how many records had which latency; nothing if none is known."""
    if not report.latencies:
        return []
    each = -(-len(report.latencies) // width)
    counts = [
        float(sum(part.count for part in report.latencies[start : start + each]))
        for start in range(0, len(report.latencies), each)
    ]
    drawn = _chart(counts, width, pens)
    ends = (duration(report.latencies[0].lower), duration(report.latencies[-1].upper))
    return [*drawn, *_axis(*ends, max(map(len, drawn)), width)]


def _chart(values: Sequence[float], width: int, pens: DrawingCharacters) -> list[str]:
    """Return lines of columns as wide as there is room for, with gaps where there is."""
    room = max(1, min(_WIDEST, width // len(values)))
    lines = columns(values, _HEIGHT, pens)
    if room == 1:
        return lines
    return ["".join(f"{part * (room - 1)} " for part in line)[:-1] for line in lines]


def _axis(first: str, last: str, length: int, width: int) -> list[str]:
    """Return a line with the ends of an axis beneath a chart, or two if they are too long."""
    gap = length - len(first) - len(last)
    if gap > 0:
        return [f"{first}{' ' * gap}{last}"]
    line = f"{first} to {last}"
    return [line] if len(line) <= width else [f"{first} to", last]


def _number(part: TimeSlice, step: str) -> int:
    """Return the number of a slice's hour or day, of all hours or days."""
    if step == "hour":
        return int(part.start.timestamp()) // _HOUR_S
    return part.start.year if step == "year" else part.start.toordinal()


def _label(part: TimeSlice, step: str) -> str:
    if step == "hour":
        return moment(part.start)
    day = part.start.date().isoformat()
    return day[:4] if step == "year" else day
