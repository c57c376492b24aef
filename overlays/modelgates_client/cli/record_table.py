"""Records as a table with a row for each id, drawn by rich."""

from typing import TextIO

from rich.console import Console
from rich.measure import measure_renderables
from rich.table import Table
from rich.text import Text

from modelgates_client.cli.output import make_console
from modelgates_client.records.generation import Generation
from modelgates_client.records.money import Cost, format_usd
from modelgates_client.records.sanitize import sanitize
from modelgates_runtime.errors import FieldError

_NOTHING = "-"  # for a record that could not be fetched
_GAP = 2  # terminal columns between two table columns
_MIN_WIDTH = 8  # terminal columns for text that can be folded


class RecordTable:
    """A table that is shown at the end, when the widths of its columns are known."""

    def __init__(self, stream: TextIO) -> None:
        """Create a table for the terminal `stream`."""
        self._stream = stream
        self._table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
        for title in ("id", "model", "provider"):
            self._table.add_column(title, overflow="fold")
        for title in ("cost", "tokens\nin", "tokens\nout", "latency"):
            self._table.add_column(title, justify="right", no_wrap=True)
        self._table.add_column("state", no_wrap=True)

    def record(self, record: Generation) -> str:
        """Add a row, and return nothing to write yet."""
        state = Text("final") if record.is_final else Text("not final", "yellow")
        self._table.add_row(
            _cell(record, "id"),
            _cell(record, "model"),
            _cell(record, "provider_name"),
            Text(_cost(record.cost)),
            _cell(record, "native_tokens_prompt"),
            _cell(record, "native_tokens_completion"),
            _cell(record, "latency", " ms"),
            state,
        )
        return ""

    def failure(self, generation_id: str) -> None:
        """Add a row for a failed id."""
        nothing = [_NOTHING] * 6
        self._table.add_row(Text(sanitize(generation_id)), *nothing, Text("error", "red"))

    def rest(self) -> str:
        """Return the table."""
        if not self._table.row_count:
            return ""
        console = make_console(self._stream)
        console.width = max(console.width, self._min_width(console))
        with console.capture() as captured:
            console.print(self._table)
        return captured.get()

    def _min_width(self, console: Console) -> int:
        """Return the width below which rich would truncate digits; the terminal may fold lines."""
        return sum(
            _GAP + measure_renderables(console, console.options, [column.header, *column.cells])[1]
            if column.no_wrap
            else _GAP + _MIN_WIDTH
            for column in self._table.columns
        )


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
