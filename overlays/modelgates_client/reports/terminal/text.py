"""A report on a terminal: figures in words, tables with bars, columns over time; by rich.

It fits the terminal's width as long as that is 40 columns or more.
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Context, Decimal
from typing import Final, TextIO

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from modelgates_client.reports import formatting, reconciliation_text
from modelgates_client.reports.figures import Group, Report, Total
from modelgates_client.reports.terminal.charts import cost_over_time, latency_chart
from modelgates_client.reports.terminal.drawing import DrawingCharacters, bar
from modelgates_client.reports.terminal.tables import Columns, TableRow, table

_LISTED: Final = 20  # groups, unless another number is asked for
_FALLBACKS: Final = 8
_PROVIDERS: Final = 20
_STATUSES: Final = 4
_DIFFERENCES: Final = 20
_BAR: Final = 10  # columns of the terminal
_SHARE: Final = "share"  # columns that are aligned left
_FAILURES: Final = "failures"
_UNKNOWN: Final = "unknown"
_PIPED: Final = 100  # columns, where no terminal says how many
_MIN: Final = 40  # columns that a report fits
_INDENT: Final = 2
_END: Final = re.compile(r"(?: |\x1b\[[0-9;]*m)+$")  # of a line: blanks, among colours
_EXACT: Final = Context(prec=80)  # more digits than sums have


def as_text(
    report: Report,
    stream: TextIO | None,
    limit: int | None = None,
    *,
    exact: bool = False,
    encoding: str = "utf-8",
) -> str:
    """Return a report for people.

    Args:
        report: What to show.
        stream: The terminal to draw for; None if it is none.
        limit: How many groups to list, if not 20.
        exact: Whether to show all digits of amounts, not only those that matter.
        encoding: What the characters that it is drawn with must be in, if it is no terminal.
    """
    plain = stream is None or bool(os.environ.get("NO_COLOR"))
    console = Console(
        file=stream,
        color_system=None if plain else "auto",
        width=_piped_width() if stream is None else None,
    )
    pens = DrawingCharacters.of(encoding if stream is None else stream.encoding)
    with console.capture() as captured:
        console.print(Text(formatting.heading(report), "bold"))
        for part in _parts(report, console, pens, limit or _LISTED, exact=exact):
            console.print(part)
    lines = (_END.sub(_without_blanks, line) for line in captured.get().splitlines())
    return "".join(f"{line}\n" for line in lines)


def _piped_width() -> int:
    """Return the width that the environment asks for, or one that fits most pagers."""
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() and int(columns) >= _MIN else _PIPED


def _without_blanks(end: re.Match[str]) -> str:
    return end[0].replace(" ", "")


def _parts(
    report: Report, console: Console, pens: DrawingCharacters, limit: int, *, exact: bool
) -> Iterator[RenderableType]:
    yield ""
    yield _summary(report, exact=exact)
    width = console.width - _INDENT
    yield from _chart("Cost over time", cost_over_time(report, width, pens))
    if report.groups:
        yield from _title(f"Cost by {', '.join(report.by)}")
        yield _groups(report, console, pens, limit, exact=exact)
        yield from _reasons(report, limit)
        yield from _further(report, limit, exact=exact)
    yield from _chart("Latency", latency_chart(report, width, pens))
    if report.providers:
        yield from _title("Providers, by the attempts that records list")
        yield _providers(report, console, pens)
    yield from _after_providers(report, pens)
    if report.reconciliation is not None:
        yield from _title("Is anything missing? The account's activity says")
        for line in reconciliation_text.lines(report.reconciliation, _DIFFERENCES):
            yield Padding(Text(line), (0, 0, 0, _INDENT))


def _title(text: str) -> Iterator[RenderableType]:
    yield ""
    yield Text(text, "bold")


def _chart(title: str, lines: Sequence[str]) -> Iterator[RenderableType]:
    """Yield a chart beneath its title, if there is one."""
    if lines:
        yield from _title(title)
    for line in lines:
        yield Padding(Text(line), (0, 0, 0, _INDENT))


def _summary(report: Report, *, exact: bool) -> RenderableType:
    """Return the totals, each with what it leaves out."""
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
        ("Latency", [formatting.spread(total.latency_ms)]),
        ("Speed", [formatting.rates(total.tokens_per_second)]),
    ]
    for title, texts in rows:
        style = "yellow" if title == "Left out" else ""
        for number, text in enumerate(texts):
            grid.add_row("" if number else title, Text(text, style))
    return grid


def _groups(
    report: Report, console: Console, pens: DrawingCharacters, limit: int, *, exact: bool
) -> RenderableType:
    total = report.total
    listed, _ = report.listed(limit)
    own_keys = any(group.charged_usd != group.all_in_usd for group in (*listed, total))
    amounts = [each.known for group in listed for each in (group.charged_usd, group.all_in_usd)]
    decimals = None if exact else formatting.decimals_of(amounts)
    rows = list[TableRow]()
    for group in listed:
        share = _share(group.all_in_usd.known, total.all_in_usd.known)
        drawn = f"{bar(min(share, 1), _BAR, pens):<{_BAR}} {formatting.percent(share, 1):>6}"
        cells = {
            "charged": _amount(group.charged_usd, group.records, decimals),
            "all in": _amount(group.all_in_usd, group.records, decimals),
            _UNKNOWN: f"{group.all_in_usd.unknown:,}" if group.all_in_usd.unknown else "",
            _SHARE: drawn if share > 0 else "",
            "records": f"{group.records:,}",
            "p50": formatting.duration(group.latency_ms.p50),
            "p95": formatting.duration(group.latency_ms.p95),
            "p99": formatting.duration(group.latency_ms.p99),
        }
        if not own_keys:
            del cells["charged"]
        if not _has_unknown(listed):
            del cells[_UNKNOWN]
        rows.append(TableRow(group.key, cells))
    columns = Columns(report.by, _SHARE, spare=("p95", "charged", "p99"))
    return table(console, columns, rows, pens.separator)


def _amount(total: Total[Decimal], records: int, decimals: int | None) -> str:
    """Return what is known of a sum; how much is not stands beside it."""
    return _UNKNOWN if records == total.unknown else formatting.rounded(total.known, decimals)


def _has_unknown(groups: Sequence[Group]) -> bool:
    return any(group.all_in_usd.unknown for group in groups)


def _reasons(report: Report, limit: int) -> Iterator[RenderableType]:
    """Yield what the column of the unknown counts, once."""
    if _has_unknown(report.listed(limit)[0]):
        yield Text(f"{_UNKNOWN}: records that do not say what they cost in all; no sum has them")


def _further(report: Report, limit: int, *, exact: bool) -> Iterator[RenderableType]:
    """Yield what the groups that are not listed are, so that the list adds up to the total."""
    left = report.listed(limit)[1]
    others = [*left, *([report.rest] if report.rest is not None else [])]
    number = len(left) + report.groups_left_out
    if not number:
        return
    known = Decimal(0)
    for group in others:
        known = _EXACT.add(known, group.all_in_usd.known)
    unknown = sum(group.all_in_usd.unknown for group in others)
    records = sum(group.records for group in others)
    cost = formatting.money(
        Total(known, unknown), records, None if exact else formatting.decimals_of([known])
    )
    shown = f"{cost} all in, of {formatting.count(records, 'record')}"
    yield Text(f"and {formatting.count(number, 'group')} more: {shown}")


def _providers(report: Report, console: Console, pens: DrawingCharacters) -> RenderableType:
    rows = list[TableRow]()
    for provider in report.providers[:_PROVIDERS]:
        failing = [_status(status) for status, _ in provider.statuses if not _is_success(status)]
        more = ["..."] if len(failing) > _STATUSES else []
        cells = {
            "attempts": f"{provider.attempts:,}",
            "failed": formatting.percent(provider.failures, provider.attempts),
            _FAILURES: ", ".join(failing[:_STATUSES] + more),
            "served": f"{provider.served:,}",
            "p50": formatting.duration(provider.latency_ms.p50),
            "p95": formatting.duration(provider.latency_ms.p95),
            "p99": formatting.duration(provider.latency_ms.p99),
        }
        rows.append(TableRow((provider.name,), cells))
    columns = Columns(("provider",), _FAILURES, spare=("p95", _FAILURES, "served"))
    return table(console, columns, rows, pens.separator)


def _after_providers(report: Report, pens: DrawingCharacters) -> Iterator[RenderableType]:
    """Yield fallbacks, and what providers and records are not in the tables."""
    more = max(0, len(report.providers) - _PROVIDERS) + report.providers_left_out
    if more:
        yield Text(f"and {formatting.count(more, 'provider')} more")
    if report.attempts_unknown:
        yield Text(
            f"the attempts of {formatting.count(report.attempts_unknown, 'record')} are unknown"
        )
    if not report.fallbacks:
        return
    yield from _title("Fallbacks, from the provider that failed to the next")
    for fallback in report.fallbacks[:_FALLBACKS]:
        then = "nobody" if fallback.then is None else formatting.name(fallback.then)
        names = f"{formatting.name(fallback.failed)} {pens.arrow} {then}"
        yield Padding(Text(f"{fallback.count:,} {names}"), (0, 0, 0, _INDENT))
    more = max(0, len(report.fallbacks) - _FALLBACKS) + report.fallbacks_left_out
    if more:
        yield Text(f"and {formatting.count(more, 'fallback')} of other kinds")


def _share(part: Decimal, whole: Decimal) -> float:
    return float(part / whole) if part > 0 and whole > 0 else 0.0


def _is_success(status: int | None) -> bool:
    return status is not None and 200 <= status < 300  # noqa: PLR2004 - 2xx


def _status(status: int | None) -> str:
    return "unknown" if status is None else str(status)
