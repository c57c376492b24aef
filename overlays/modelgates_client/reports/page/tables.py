"""The tables of the page, with all figures of the charts and more."""

import datetime
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TypeAlias

from attrs import field, frozen

from modelgates_client.reports import formatting, reconciliation_text
from modelgates_client.reports.figures import Group, Reconciliation, Report, Spread, Total
from modelgates_client.reports.page import charts
from modelgates_client.reports.page.charts import number
from modelgates_client.reports.selection import TIMES

_MAX_DIFFERENCES = 200  # days and models


@frozen
class Cell:
    """A cell of a table.

    Attributes:
        text: The text to show.
        value: The value to sort the column by, text or a number; None: unknown, which is last in
            either order.
        bar: The length of a bar below the text, from 0 to 1; None: no bar.
        is_name: Whether the text is a name from a server or a user.
        unknown: How many records a sum does not include.
    """

    text: str
    value: float | str | None = None
    bar: float | None = None
    is_name: bool = False
    unknown: int = 0

    @property
    def is_text(self) -> bool:
        """Whether the column is aligned and sorted as text."""
        return self.is_name or isinstance(self.value, str)


#: The cells by the titles of their columns. The first one is the heading of the row.
Row: TypeAlias = Mapping[str, Cell]


@frozen
class Table:
    """A table.

    Attributes:
        caption: The caption.
        rows: The rows; all have the same columns.
        footer: Rows that stay below the others, however those are sorted.
        note: A note below the table.
        is_sortable: Whether the reader can sort the table.
    """

    caption: str
    rows: Sequence[Row]
    footer: Sequence[Row] = field(default=())
    note: str = ""
    is_sortable: bool = True


def groups(report: Report) -> Table:
    """Return the cost of each group."""
    return _by_group(report, "Cost", _costs, "unknown: records whose all-in cost is not known. ")


def _costs(report: Report, group: Group) -> Row:
    share = formatting.share(group.all_in_usd.known, report.total.all_in_usd.known)
    cells = {
        "records": _count(group.records),
        "charged": _amount(group.charged_usd, group.records),
        "upstream (BYOK)": _amount(group.upstream_usd, group.records),
        "all in": _amount(group.all_in_usd, group.records),
        "unknown": _count(group.all_in_usd.unknown),
        "share": Cell("-" if share is None else formatting.percent(share, 1), share, share),
        "cache saving": _amount(group.cache_saving_usd, group.records),
        "not final": _count(group.provisional),
    }
    if not formatting.has_upstream(report):
        del cells["charged"], cells["upstream (BYOK)"]
    if not report.total.provisional:
        del cells["not final"]
    return cells


def speeds(report: Report) -> Table:
    """Return the speed and the tokens of each group."""
    return _by_group(report, "Speed and tokens", _speeds)


def _speeds(_: Report, group: Group) -> Row:
    rate = group.native_tokens_per_second
    return {
        **_latencies(group.latency_ms),
        "tokens/s p50": Cell(formatting.rate(rate.p50), rate.p50),
        "tokens/s p95": Cell(formatting.rate(rate.p95), rate.p95),
        "tokens in": _tokens(group.native_tokens_prompt, group),
        "cached": _tokens(group.native_tokens_cached, group),
        "out": _tokens(group.native_tokens_completion, group),
        "reasoning": _tokens(group.native_tokens_reasoning, group),
    }


def _by_group(
    report: Report, title: str, cells: Callable[[Report, Group], Row], meaning: str = ""
) -> Table:
    """Return a table with a row per group, the groups that are not listed, and the total.

    Args:
        report: The report.
        title: What the table shows of each group.
        cells: Returns the figures of a group.
        meaning: An explanation of a column, for the note on what the sums do not include.
    """
    total = cells(report, report.total)
    footer = [{**_label("Total", report.by), **total}]
    if report.rest is not None:
        others = formatting.count(report.groups_left_out, "more group")
        footer.insert(0, {**_label(others, report.by), **cells(report, report.rest)})
    unknown = [f"{name} of {cell.unknown:,}" for name, cell in total.items() if cell.unknown]
    records = formatting.count(report.total.records, "record")
    note = f"{meaning}Not in the sums, because unknown: {', '.join(unknown)}, of {records}."
    return Table(
        caption=f"{title} by {', '.join(report.by)}",
        rows=[{**_keys(report, group), **cells(report, group)} for group in report.groups],
        footer=footer,
        note=note if unknown else "",
    )


def _keys(report: Report, group: Group) -> Row:
    return {
        kind: _text(key) if key is not None and kind in TIMES else _name(key)
        for kind, key in zip(report.by, group.key, strict=True)
    }


def timeline(report: Report) -> Table:
    """Return the cost of each hour, day or year, of all models."""
    return Table(
        caption=f"Cost by {report.step}",
        rows=[
            {
                report.step: Cell(
                    formatting.slice_time(part, report.step),
                    part.start.astimezone(datetime.UTC).isoformat(),
                ),
                "records": _count(part.records),
                "all in": _amount(part.all_in_usd, part.records),
                "unknown": _count(part.all_in_usd.unknown),
            }
            for part in charts.by_time(report)
        ],
    )


def latencies(report: Report) -> Table:
    """Return the bins of the histogram."""
    highest = max((part.count for part in report.latencies), default=0)
    return Table(
        caption="Records by latency",
        rows=[
            {
                "from": Cell(formatting.duration(part.lower), part.lower),
                "to": Cell(formatting.duration(part.upper), part.upper),
                "records": _count(part.count),
                "share": Cell(
                    formatting.percent(part.count, report.total.latency_ms.count),
                    part.count,
                    part.count / highest if highest else None,
                ),
            }
            for part in report.latencies
        ],
        is_sortable=False,
    )


def providers(report: Report) -> Table:
    """Return the attempts of each provider."""
    rows = [
        {
            "provider": _name(provider.name),
            "attempts": _count(provider.attempts),
            "failed": Cell(
                formatting.percent(provider.failures, provider.attempts),
                provider.failures / provider.attempts if provider.attempts else None,
            ),
            "failures": _count(provider.failures),
            "served": _count(provider.served),
            **_latencies(provider.latency_ms),
            "statuses": _text(
                ", ".join(
                    f"{'unknown' if status is None else status} \N{MULTIPLICATION SIGN} {n:,}"
                    for status, n in provider.statuses
                )
            ),
        }
        for provider in report.providers
    ]
    return _listed("Attempts by provider", rows, report.providers_left_out, "more provider")


def fallbacks(report: Report) -> Table:
    """Return how often each provider's failure was followed by which next attempt."""
    rows = [
        {
            "failed": _name(flow.failed),
            "next attempt": _name(flow.then, formatting.NO_ATTEMPT),
            "times": _count(flow.count),
        }
        for flow in report.fallbacks
    ]
    return _listed("Fallbacks", rows, report.fallbacks_left_out, "more pair")


def reconciliation(compared: Reconciliation) -> Table:
    """Return the days and models for which the ledger and the account differ."""
    different = reconciliation_text.differing(compared)
    rows = [
        {
            "day": _text(line.key.day.isoformat()),
            "model": _name(line.key.model),
            "finding": _text(line.finding),
            "requests, account": _count(line.account.requests),
            "requests, ledger": _count(line.ledger.requests),
            "charged, account": _usd(line.account.charged_usd),
            "charged, ledger": _usd(line.ledger.charged_usd),
            "upstream, account": _usd(line.account.upstream_usd),
            "upstream, ledger": _usd(line.ledger.upstream_usd),
        }
        for line in different[:_MAX_DIFFERENCES]
    ]
    caption = "What differs from the account's activity"
    return _listed(caption, rows, len(different) - _MAX_DIFFERENCES, "more difference")


def _listed(caption: str, rows: Sequence[Row], left_out: int, title: str) -> Table:
    """Return a table that states how many rows are not listed."""
    is_cut = bool(rows) and left_out > 0
    footer = [_label(formatting.count(left_out, title), [*rows[0]])] if is_cut else []
    return Table(caption, rows, footer)


def _label(text: str, columns: Sequence[str]) -> Row:
    """Return a text in the first of some columns."""
    return {**dict.fromkeys(columns, Cell("")), columns[0]: _text(text)}


def _text(text: str) -> Cell:
    return Cell(text, text)


def _name(text: str | None, of_none: str = "unknown") -> Cell:
    if text is None:
        return Cell(of_none, is_name=True)
    name = formatting.name(text)
    return Cell(name, name, is_name=True)


def _count(value: int) -> Cell:
    return Cell(f"{value:,}", value)


def _usd(amount: Decimal) -> Cell:
    return Cell(reconciliation_text.usd(amount), number(amount))


def _amount(total: Total[Decimal], records: int) -> Cell:
    """Return the known part of a sum; a column and the note have the number of unknown amounts."""
    is_known = total.unknown < records or not records
    value = number(total.known) if is_known else None
    return Cell(formatting.known_money(total, records), value, unknown=total.unknown)


def _tokens(total: Total[int], group: Group) -> Cell:
    if total.unknown >= group.records > 0:
        return Cell("unknown", unknown=total.unknown)
    return Cell(f"{total.known:,}", total.known, unknown=total.unknown)


def _latencies(spread: Spread) -> Row:
    return {
        f"latency {title}": Cell(formatting.duration(value), number(value))
        for title, value in spread.quantiles
    }
