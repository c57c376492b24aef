"""A report as text for a terminal: figures, tables with bars, and charts.

It fits the width of the terminal if that is at least 40 characters.
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TextIO

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from modelgates_client.reports import formatting, reconciliation_text
from modelgates_client.reports.figures import Group, Report, Spread, sum_of_totals
from modelgates_client.reports.terminal.charts import (
    DrawingCharacters,
    bar,
    cost_over_time,
    latency_chart,
)
from modelgates_client.reports.terminal.tables import Columns, TableRow, table

_MAX_GROUPS: Final = 20  # by default
_MAX_FALLBACKS: Final = 8
_MAX_PROVIDERS: Final = 20
_MAX_STATUSES: Final = 4
_MAX_DIFFERENCES: Final = 20
_BAR_WIDTH: Final = 10  # characters
_SHARE: Final = "share"  # this and the next column are aligned left
_FAILURES: Final = "failures"
_UNKNOWN: Final = "unknown"
_DEFAULT_WIDTH: Final = 100  # characters, without a terminal
_MIN_WIDTH: Final = 40  # characters
_INDENT: Final = 2
_LINE_END: Final = re.compile(r"(?: |\x1b\[[0-9;]*m)+$")  # spaces and colour sequences


def as_text(
    report: Report,
    stream: TextIO | None,
    limit: int | None = None,
    *,
    exact: bool = False,
    encoding: str = "utf-8",
) -> str:
    """Return a report as text.

    Args:
        report: The report.
        stream: The terminal to format for; None: the output is no terminal.
        limit: How many groups to list; None: 20.
        exact: Whether to show all digits of amounts instead of rounding them.
        encoding: The encoding of the output, if it is no terminal.
    """
    is_plain = stream is None or bool(os.environ.get("NO_COLOR"))
    console = Console(
        file=stream,
        color_system=None if is_plain else "auto",
        width=_piped_width() if stream is None else None,
    )
    characters = DrawingCharacters.for_encoding(encoding if stream is None else stream.encoding)
    with console.capture() as captured:
        console.print(Text(formatting.heading(report), "bold"))
        for part in _parts(report, console, characters, limit or _MAX_GROUPS, exact=exact):
            console.print(part)
    lines = (_LINE_END.sub(_without_spaces, line) for line in captured.get().splitlines())
    return "".join(f"{line}\n" for line in lines)


def _piped_width() -> int:
    """Return the width of the environment variable COLUMNS, or one that fits most pagers."""
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() and int(columns) >= _MIN_WIDTH else _DEFAULT_WIDTH


def _without_spaces(end: re.Match[str]) -> str:
    return end[0].replace(" ", "")


def _parts(
    report: Report, console: Console, characters: DrawingCharacters, limit: int, *, exact: bool
) -> Iterator[RenderableType]:
    yield ""
    yield _summary(report, exact=exact)
    width = console.width - _INDENT
    yield from _chart("Cost over time", cost_over_time(report, width, characters))
    if report.groups:
        yield from _title(f"Cost by {', '.join(report.by)}")
        yield _groups(report, console, characters, limit, exact=exact)
        yield from _unknown_note(report, limit)
        yield from _other_groups(report, limit, exact=exact)
    yield from _chart("Latency", latency_chart(report, width, characters))
    if report.providers:
        yield from _title("Providers, by the attempts of all records")
        yield _providers(report, console, characters)
    yield from _after_providers(report, characters)
    if report.reconciliation is not None:
        yield from _title("Reconciliation with the account's activity")
        for line in reconciliation_text.lines(report.reconciliation, _MAX_DIFFERENCES):
            yield Padding(Text(line), (0, 0, 0, _INDENT))


def _title(text: str) -> Iterator[RenderableType]:
    yield ""
    yield Text(text, "bold")


def _chart(title: str, lines: Sequence[str]) -> Iterator[RenderableType]:
    """Yield a title and the lines of a chart, if there are any."""
    if lines:
        yield from _title(title)
    for line in lines:
        yield Padding(Text(line), (0, 0, 0, _INDENT))


def _summary(report: Report, *, exact: bool) -> RenderableType:
    """Return the totals, and what they do not include."""
    total = report.total
    amounts = (total.charged_usd.known, total.upstream_usd.known, total.all_in_usd.known)
    decimals = None if exact else formatting.decimals_of(amounts)
    grid = Table.grid(padding=(0, _INDENT, 0, 0))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    rows: list[tuple[str, Iterable[str]]] = [
        ("Cost", [*formatting.cost(total, decimals), f"of {formatting.records(total)}"]),
        ("Left out", formatting.left_out(report)),
        ("Caching", [formatting.saving(total)]),
        ("Tokens", formatting.tokens(total)),
        ("Latency", [formatting.durations(total.latency_ms)]),
        ("Speed", [formatting.rates(total.native_tokens_per_second)]),
    ]
    for title, texts in rows:
        style = "yellow" if title == "Left out" else ""
        for number, text in enumerate(texts):
            grid.add_row("" if number else title, Text(text, style))
    return grid


def _groups(
    report: Report, console: Console, characters: DrawingCharacters, limit: int, *, exact: bool
) -> RenderableType:
    total = report.total
    listed, _ = report.listed(limit)
    has_upstream = any(group.charged_usd != group.all_in_usd for group in (*listed, total))
    amounts = [each.known for group in listed for each in (group.charged_usd, group.all_in_usd)]
    decimals = None if exact else formatting.decimals_of(amounts)
    rows = list[TableRow]()
    for group in listed:
        share = formatting.share(group.all_in_usd.known, total.all_in_usd.known) or 0.0
        share_bar = (
            f"{bar(share, _BAR_WIDTH, characters):<{_BAR_WIDTH}} {formatting.percent(share, 1):>6}"
        )
        cells = {
            "charged": formatting.known_money(group.charged_usd, group.records, decimals),
            "all in": formatting.known_money(group.all_in_usd, group.records, decimals),
            _UNKNOWN: f"{group.all_in_usd.unknown:,}" if group.all_in_usd.unknown else "",
            _SHARE: share_bar if share > 0 else "",
            "records": f"{group.records:,}",
            **_quantiles(group.latency_ms),
        }
        if not has_upstream:
            del cells["charged"]
        if not _has_unknown(listed):
            del cells[_UNKNOWN]
        rows.append(TableRow(group.key, cells))
    columns = Columns(report.by, _SHARE, optional=("p95", "charged", "p99"))
    return table(console, columns, rows, characters.separator)


def _has_unknown(groups: Sequence[Group]) -> bool:
    return any(group.all_in_usd.unknown for group in groups)


def _unknown_note(report: Report, limit: int) -> Iterator[RenderableType]:
    """Yield an explanation of the column of unknown amounts, if there is one."""
    if _has_unknown(report.listed(limit)[0]):
        yield Text(f"{_UNKNOWN}: records whose all-in cost is not known; no sum includes them")


def _other_groups(report: Report, limit: int, *, exact: bool) -> Iterator[RenderableType]:
    """Yield the sum of the groups that are not listed, so that all lines add up to the total."""
    not_listed = report.listed(limit)[1]
    others = [*not_listed, *([report.rest] if report.rest is not None else [])]
    number = len(not_listed) + report.groups_left_out
    if not number:
        return
    total = sum_of_totals(group.all_in_usd for group in others)
    records = sum(group.records for group in others)
    cost = formatting.money(
        total, records, None if exact else formatting.decimals_of([total.known])
    )
    cost = f"{cost} all in, of {formatting.count(records, 'record')}"
    yield Text(f"and {formatting.count(number, 'more group')}: {cost}")


def _providers(report: Report, console: Console, characters: DrawingCharacters) -> RenderableType:
    rows = list[TableRow]()
    for provider in report.providers[:_MAX_PROVIDERS]:
        failing = [_status(status) for status, _ in provider.statuses if not _is_success(status)]
        more = ["..."] if len(failing) > _MAX_STATUSES else []
        cells = {
            "attempts": f"{provider.attempts:,}",
            "failed": formatting.percent(provider.failures, provider.attempts),
            _FAILURES: ", ".join(failing[:_MAX_STATUSES] + more),
            "served": f"{provider.served:,}",
            **_quantiles(provider.latency_ms),
        }
        rows.append(TableRow((provider.name,), cells))
    columns = Columns(("provider",), _FAILURES, optional=("p95", _FAILURES, "served"))
    return table(console, columns, rows, characters.separator)


def _after_providers(report: Report, characters: DrawingCharacters) -> Iterator[RenderableType]:
    """Yield fallbacks, and how many providers and records are not in the tables."""
    more = max(0, len(report.providers) - _MAX_PROVIDERS) + report.providers_left_out
    if more:
        yield Text(f"and {formatting.count(more, 'more provider')}")
    if report.attempts_unknown:
        yield Text(
            f"the attempts of {formatting.count(report.attempts_unknown, 'record')} are unknown"
        )
    if not report.fallbacks:
        return
    yield from _title("Fallbacks, from the failed provider to the next attempt")
    for fallback in report.fallbacks[:_MAX_FALLBACKS]:
        then = formatting.NO_ATTEMPT if fallback.then is None else formatting.name(fallback.then)
        names = f"{formatting.name(fallback.failed)} {characters.arrow} {then}"
        yield Padding(Text(f"{fallback.count:,} {names}"), (0, 0, 0, _INDENT))
    more = max(0, len(report.fallbacks) - _MAX_FALLBACKS) + report.fallbacks_left_out
    if more:
        yield Text(f"and {formatting.count(more, 'more kind')} of fallback")


def _quantiles(spread: Spread) -> dict[str, str]:
    return {title: formatting.duration(value) for title, value in spread.quantiles}


def _is_success(status: int | None) -> bool:
    return status is not None and 200 <= status < 300  # noqa: PLR2004 - 2xx


def _status(status: int | None) -> str:
    return "unknown" if status is None else str(status)
