"""Formats results: as text for a terminal, Markdown for a page, JSON for a program."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

FORMATS = ("text", "markdown", "json")


@dataclass(frozen=True)
class Table:
    """Rows under a title.

    Attributes:
        title: What is compared, in which unit.
        columns: Their names; the first column names the row.
        rows: As many texts each as there are columns.
        notes: Additional notes, one line each.
    """

    title: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def render(self, layout: str) -> str:
        """Return it in one of `FORMATS`; JSON is one line."""
        return {"text": self._text, "markdown": self._markdown, "json": self._json}[layout]()

    def _text(self) -> str:
        lines = [self.columns, *self.rows]
        widths = [max(len(line[at]) for line in lines) for at in range(len(self.columns))]
        table = []
        for first, *values in lines:
            cells = [f"{cell:>{width}}" for cell, width in zip(values, widths[1:], strict=True)]
            table.append("  ".join(["", f"{first:{widths[0]}}", *cells]).rstrip())
        return "\n".join(["", self.title, *table, *(f"  {note}" for note in self.notes)])

    def _markdown(self) -> str:
        lines = [self.columns, ["---", *["--:" for _ in self.columns[1:]]], *self.rows]
        table = [f"| {' | '.join(line)} |" for line in lines]
        notes = ["", *(f"{note}  " for note in self.notes)] if self.notes else []
        return "\n".join([f"### {self.title}", "", *table, *notes, ""])

    def _json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)
