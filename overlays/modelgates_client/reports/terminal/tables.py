"""Tables that lose no digit: where one is wider than the terminal, its rows become lines."""

from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen
from rich.console import Console, RenderableType
from rich.console import Group as Stack
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from modelgates_client.reports.formatting import elided, name

_GAP: Final = 2  # columns of the terminal between two of the table
_NAME: Final = 24  # columns of the terminal that a name needs, if it is as long


@frozen
class Columns:
    """What the columns of a table are.

    Attributes:
        names: The titles of those that names are in, which can be folded.
        bars: The title of the one that is aligned left.
        spare: The titles of those to leave out, in this order, before there is no table.
    """

    names: Sequence[str]
    bars: str
    spare: Sequence[str]


@frozen
class TableRow:
    """A row: what it is of, and what is said of it.

    Attributes:
        names: From servers and strangers; None is not known.
        cells: By title, in the order of the columns. An empty one is not shown in a line.
    """

    names: tuple[str | None, ...]
    cells: Mapping[str, str]


def table(
    console: Console,
    columns: Columns,
    rows: Sequence[TableRow],
    separator: str,
) -> RenderableType:
    """Return rows as a table if the console is wide enough for it, else as some lines for each.

    Args:
        console: What it is for.
        columns: What the columns are.
        rows: What is in them; all have the same titles.
        separator: What stands between two things in a line.
    """
    longest = [
        _width(console, [Text(title), *(_name(row.names[place]) for row in rows)])
        for place, title in enumerate(columns.names)
    ]
    least = sum(_GAP + min(_NAME, width) for width in longest) - _GAP
    widths = {
        title: _GAP + _width(console, [Text(title), *(Text(row.cells[title]) for row in rows)])
        for title in (rows[0].cells if rows else ())
    }
    for title in columns.spare:
        if least + sum(widths.values()) > console.width:
            widths.pop(title, None)
    if least + sum(widths.values()) > console.width:
        return Stack(*(part for row in rows for part in _lines(row, separator, console.width)))
    drawn = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
    room = _room(longest, console.width - sum(widths.values()) - _GAP * (len(longest) - 1))
    for title in columns.names:
        drawn.add_column(Text(title), overflow="fold")
    for title in widths:
        if title == columns.bars:
            drawn.add_column(title, no_wrap=True, style="cyan")
        else:
            drawn.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        drawn.add_row(
            *(_name(each, room) for each in row.names),
            *(Text(row.cells[title]) for title in widths),
        )
    return drawn


def _room(longest: Sequence[int], width: int) -> int:
    """Return how many columns of the terminal the longest names can have for all to fit."""
    room = max(longest, default=0)
    while room > _NAME and sum(min(room, each) for each in longest) > width:
        room -= 1
    return room


def _name(text: str | None, room: int | None = None) -> Text:
    shown = name(text) if room is None else elided(name(text), room)
    return Text(shown, "dim italic" if text is None else "")


def _width(console: Console, texts: Sequence[Text]) -> int:
    return max(Measurement.get(console, console.options, text).maximum for text in texts)


def _lines(row: TableRow, separator: str, width: int) -> list[RenderableType]:
    """Return a row as a line of names, and its cells beneath."""
    gap = f" {separator} "
    room = _room([len(name(each)) for each in row.names], width - len(gap) * (len(row.names) - 1))
    cells = gap.join(
        f"{title} {' '.join(cell.split())}" for title, cell in row.cells.items() if cell
    )
    names = (_name(each, room) for each in row.names)
    return [Text(gap).join(names), Padding(Text(cells), (0, 0, 0, _GAP))]
