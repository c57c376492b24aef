"""The findings of a check as a table, drawn by rich."""

from typing import Final, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from modelgates_client.cli.findings import (
    difference,
    place,
    pointer,
    summary,
    unchecked,
    unlisted,
)
from modelgates_client.cli.output import make_console
from modelgates_client.conformance.tally import Finding, Report

_STYLES: Final = {"breaking": "red", "warning": "yellow", "info": ""}
_GAP: Final = 2  # terminal columns between two table columns
_UNLIMITED: Final = 100_000  # columns, if the output is not a terminal


def as_table(report: Report, stream: TextIO | None) -> str:
    """Return the counts, and a table with a row for each finding.

    Args:
        report: The results of the check.
        stream: The terminal to draw for; None if the output is not a terminal.
    """
    console = (
        Console(color_system=None, width=_UNLIMITED) if stream is None else make_console(stream)
    )
    with console.capture() as captured:
        console.print(Text(summary(report)))
        if report.findings:
            console.print(_table(report))
        if unlisted(report):
            console.print(Text(unlisted(report)))
        for source in report.unchecked:
            console.print(Text(unchecked(source)))
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def _table(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
    table.add_column("level", no_wrap=True)
    table.add_column("status", justify="right", no_wrap=True)
    table.add_column("bodies", justify="right", no_wrap=True)
    table.add_column("deviation", overflow="fold")
    for finding in report.findings:
        table.add_row(
            Text(finding.level, _STYLES[finding.level]),
            Text("-" if finding.status is None else str(finding.status)),
            Text(str(finding.bodies)),
            Text("\n".join(_lines(finding))),
        )
    return table


def _lines(finding: Finding) -> list[str]:
    """Return the text of a finding, as lines."""
    lines = [f"{pointer(finding)}: {difference(finding)}", f"{finding.reason}; {_where(finding)}"]
    if finding.example not in {None, finding.found}:
        lines.append(f"like {finding.example}")
    return lines


def _where(finding: Finding) -> str:
    if finding.bodies == 1:
        return f"in {place(finding.first)}"
    return f"from {place(finding.first)} to {place(finding.last)}"
