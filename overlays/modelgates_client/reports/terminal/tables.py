"""Tables that never cut digits: if one is wider than the terminal, its rows become lines."""

from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen
from rich.console import Console, Group as Stack, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from modelgates_client.reports.formatting import elided, name

_GAP: Final = 2  # characters between columns
_MIN_NAME: Final = 24  # characters to which a longer name may be shortened


@frozen
class Columns:
    """The columns of a table.

    Attributes:
        names: The titles of the columns of names, which can be folded.
        bars: The title of the column that is aligned left.
        optional: The titles of columns to drop, in this order, if the table is too wide.
    """

    names: Sequence[str]
    bars: str
    optional: Sequence[str]


@frozen
class TableRow:
    """A row of a table.

    Attributes:
        names: Names from servers and users; None: unknown.
        cells: The cells by title, in the order of the columns; empty ones are left out of lines.
    """

    names: tuple[str | None, ...]
    cells: Mapping[str, str]


def table(
    console: Console,
    columns: Columns,
    rows: Sequence[TableRow],
    separator: str,
) -> RenderableType:
    """Return rows as a table if the console is wide enough, else as lines.

    Args:
        console: The console.
        columns: The columns.
        rows: The rows; all have cells of the same titles.
        separator: The separator of items in a line.
    """
    name_widths = [
        _width(console, [Text(title), *(_name_text(row.names[place]) for row in rows)])
        for place, title in enumerate(columns.names)
    ]
    min_names_width = sum(_GAP + min(_MIN_NAME, width) for width in name_widths) - _GAP
    widths = {
        title: _GAP + _width(console, [Text(title), *(Text(row.cells[title]) for row in rows)])
        for title in (rows[0].cells if rows else ())
    }
    for title in columns.optional:
        if min_names_width + sum(widths.values()) > console.width:
            widths.pop(title, None)
    if min_names_width + sum(widths.values()) > console.width:
        return Stack(*(part for row in rows for part in _lines(row, separator, console.width)))
    grid = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
    max_width = _name_limit(
        name_widths, console.width - sum(widths.values()) - _GAP * (len(name_widths) - 1)
    )
    for title in columns.names:
        grid.add_column(Text(title), overflow="fold")
    for title in widths:
        if title == columns.bars:
            grid.add_column(title, no_wrap=True, style="cyan")
        else:
            grid.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        grid.add_row(
            *(_name_text(each, max_width) for each in row.names),
            *(Text(row.cells[title]) for title in widths),
        )
    return grid


def _name_limit(name_widths: Sequence[int], width: int) -> int:
    """Return the width to which to shorten names so that all of a row fit."""
    room = max(name_widths, default=0)
    while room > _MIN_NAME and sum(min(room, each) for each in name_widths) > width:
        room -= 1
    return room


def _name_text(text: str | None, max_width: int | None = None) -> Text:
    shown = name(text) if max_width is None else elided(name(text), max_width)
    return Text(shown, "dim italic" if text is None else "")


def _width(console: Console, texts: Sequence[Text]) -> int:
    return max(Measurement.get(console, console.options, text).maximum for text in texts)


def _lines(row: TableRow, separator: str, width: int) -> list[RenderableType]:
    """Return a row as a line of names, followed by its cells."""
    gap = f" {separator} "
    max_width = _name_limit(
        [len(name(each)) for each in row.names], width - len(gap) * (len(row.names) - 1)
    )
    cells = gap.join(
        f"{title} {' '.join(cell.split())}" for title, cell in row.cells.items() if cell
    )
    names = (_name_text(each, max_width) for each in row.names)
    return [Text(gap).join(names), Padding(Text(cells), (0, 0, 0, _GAP))]
