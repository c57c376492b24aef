"""Records as a table with a row for each id, drawn by rich."""

from collections.abc import Iterable
from typing import TextIO

from rich.measure import measure_renderables
from rich.table import Table
from rich.text import Text

from modelgates_client.cli.output import make_console
from modelgates_client.records.generation import Generation
from modelgates_client.records.money import Cost, format_usd
from modelgates_client.records.sanitize import sanitize
from modelgates_runtime.errors import FieldError

#: The cells of a row.
Row = tuple[Text, ...]

_NOTHING = "-"  # for a record that could not be fetched
_GAP = 2  # terminal columns between two table columns
_MIN_WIDTH = 8  # terminal columns for text that can be folded


def row(record: Generation) -> Row:
    """Return the row of a record."""
    return (
        _cell(record, "id"),
        _cell(record, "model"),
        _cell(record, "provider_name"),
        Text(_cost(record.cost)),
        _cell(record, "native_tokens_prompt"),
        _cell(record, "native_tokens_completion"),
        _cell(record, "latency", " ms"),
        Text("final") if record.is_final else Text("not final", "yellow"),
    )


def failed_row(generation_id: str) -> Row:
    """Return the row of an id without a record."""
    return (Text(sanitize(generation_id)), *[Text(_NOTHING)] * 6, Text("error", "red"))


def as_table(rows: Iterable[Row], stream: TextIO) -> str:
    """Return a table of rows for a terminal, wide enough for all digits."""
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
    for title in ("id", "model", "provider"):
        table.add_column(title, overflow="fold")
    for title in ("cost", "tokens\nin", "tokens\nout", "latency"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for each in rows:
        table.add_row(*each)
    console = make_console(stream)
    # Below this width, rich would truncate digits; the terminal may fold lines.
    min_width = sum(
        _GAP + measure_renderables(console, console.options, [column.header, *column.cells])[1]
        if column.no_wrap
        else _GAP + _MIN_WIDTH
        for column in table.columns
    )
    console.width = max(console.width, min_width)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def _cost(cost: Cost) -> str:
    """Return the charge and, with an own key, the total, which may be unknown."""
    charged = format_usd(cost.charged)
    if cost.upstream is not None and cost.all_in == cost.charged:
        return charged
    return f"{charged}\n{format_usd(cost.all_in)} all in"


def _cell(record: Generation, name: str, unit: str = "") -> Text:
    """Return a field as a cell, without interpreting its text as markup."""
    try:
        value = getattr(record, name, None)
    except FieldError:
        return Text("unreadable")
    if value is None:
        return Text("unknown")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return Text(sanitize(f"{value}{unit}"))
