"""The tables of the page, with all figures of the charts and more."""

import datetime
from collections.abc import Callable, Sequence
from decimal import Decimal

from modelgates_client.reports import formatting, reconciliation_text
from modelgates_client.reports.figures import Group, Reconciliation, Report, Spread, Total
from modelgates_client.reports.page import charts
from modelgates_client.reports.page.markup import (
    Html,
    HtmlCell,
    HtmlTable,
    name,
    number,
)
from modelgates_client.reports.selection import TIMES

_UNKNOWN = "unknown"
_MAX_DIFFERENCES = 200  # days and models


def groups(report: Report) -> HtmlTable:
    """Return the cost of each group."""
    has_upstream = formatting.has_upstream(report)
    titles = ["records", "all in", _UNKNOWN, "share", "cache saving"]
    if report.total.provisional:
        titles.append("not final")
    if has_upstream:
        titles[1:1] = ["charged", "upstream (BYOK)"]
    total = report.total
    amounts = (
        *(
            (("charged", total.charged_usd), ("upstream", total.upstream_usd))
            if has_upstream
            else ()
        ),
        ("all in", total.all_in_usd),
        ("cache saving", total.cache_saving_usd),
    )
    return HtmlTable(
        caption=f"Cost by {', '.join(report.by)}",
        columns=[*report.by, *titles],
        text_columns=report.by,
        rows=[_costs(report, group, _keys(report, group)) for group in report.groups],
        footer=_footer(report, _costs),
        note=_unknown_note(
            amounts, total.records, "unknown: records whose all-in cost is not known. "
        ),
    )


def _unknown_note(
    totals: Sequence[tuple[str, Total[Decimal] | Total[int]]], records: int, meaning: str = ""
) -> str:
    """Return a note on how many records the sums of a table do not include."""
    parts = [f"{title} of {total.unknown:,}" for title, total in totals if total.unknown]
    if not parts:
        return ""
    of = formatting.count(records, "record")
    return f"{meaning}Not in the sums, because unknown: {', '.join(parts)}, of {of}."


def _costs(report: Report, group: Group, keys: Sequence[HtmlCell]) -> list[HtmlCell]:
    share = formatting.share(group.all_in_usd.known, report.total.all_in_usd.known)
    cells = [
        *keys,
        _count(group.records),
        _amount(group.charged_usd, group.records),
        _amount(group.upstream_usd, group.records),
        _amount(group.all_in_usd, group.records),
        _count(group.all_in_usd.unknown),
        HtmlCell("-" if share is None else formatting.percent(share, 1), share, share),
        _amount(group.cache_saving_usd, group.records),
        *([_count(group.provisional)] if report.total.provisional else ()),
    ]
    if not formatting.has_upstream(report):
        del cells[len(keys) + 1 : len(keys) + 3]
    return cells


def speeds(report: Report) -> HtmlTable:
    """Return the speed and the tokens of each group."""
    tokens = ("tokens in", "cached", "out", "reasoning")
    titles = ["latency p50", "p95", "p99", "tokens/s p50", "p95", *tokens]
    total = report.total
    return HtmlTable(
        caption=f"Speed and tokens by {', '.join(report.by)}",
        columns=[*report.by, *titles],
        text_columns=report.by,
        rows=[_speeds(report, group, _keys(report, group)) for group in report.groups],
        footer=_footer(report, _speeds),
        note=_unknown_note([*zip(tokens, _tokens_of(total), strict=True)], total.records),
    )


def _speeds(_: Report, group: Group, keys: Sequence[HtmlCell]) -> list[HtmlCell]:
    rate = group.native_tokens_per_second
    return [
        *keys,
        *_spread(group.latency_ms),
        *(HtmlCell(formatting.rate(value), value) for value in (rate.p50, rate.p95)),
        *(_tokens(total, group) for total in _tokens_of(group)),
    ]


def _tokens_of(group: Group) -> tuple[Total[int], ...]:
    return (
        group.native_tokens_prompt,
        group.native_tokens_cached,
        group.native_tokens_completion,
        group.native_tokens_reasoning,
    )


def timeline(report: Report) -> HtmlTable:
    """Return the cost of each hour, day or year, of all models."""
    return HtmlTable(
        caption=f"Cost by {report.step}",
        columns=[report.step, "records", "all in", _UNKNOWN],
        text_columns=[report.step],
        rows=[
            [
                HtmlCell(
                    formatting.slice_time(part, report.step),
                    part.start.astimezone(datetime.UTC).isoformat(),
                ),
                _count(part.records),
                _amount(part.all_in_usd, part.records),
                _count(part.all_in_usd.unknown),
            ]
            for part in charts.by_time(report)
        ],
    )


def latencies(report: Report) -> HtmlTable:
    """Return the bins of the histogram."""
    highest = max((part.count for part in report.latencies), default=0)
    return HtmlTable(
        caption="Records by latency",
        columns=["from", "to", "records", "share"],
        text_columns=[],
        rows=[
            [
                HtmlCell(formatting.duration(part.lower), part.lower),
                HtmlCell(formatting.duration(part.upper), part.upper),
                _count(part.count),
                HtmlCell(
                    formatting.percent(part.count, report.total.latency_ms.count),
                    part.count,
                    part.count / highest if highest else None,
                ),
            ]
            for part in report.latencies
        ],
        is_sortable=False,
    )


def providers(report: Report) -> HtmlTable:
    """Return the attempts of each provider."""
    figures = ["attempts", "failed", "failures", "served", "latency p50", "p95", "p99"]
    columns = ["provider", *figures, "statuses"]
    return HtmlTable(
        caption="Attempts by provider",
        columns=columns,
        text_columns=["provider", "statuses"],
        rows=[
            [
                HtmlCell(name(provider.name), formatting.name(provider.name)),
                _count(provider.attempts),
                HtmlCell(
                    formatting.percent(provider.failures, provider.attempts),
                    provider.failures / provider.attempts if provider.attempts else None,
                ),
                _count(provider.failures),
                _count(provider.served),
                *_spread(provider.latency_ms),
                HtmlCell(
                    ", ".join(
                        f"{'unknown' if status is None else status} \N{MULTIPLICATION SIGN} {n:,}"
                        for status, n in provider.statuses
                    )
                ),
            ]
            for provider in report.providers
        ],
        footer=_not_listed(report.providers_left_out, "more provider", columns),
    )


def fallbacks(report: Report) -> HtmlTable:
    """Return how often each provider's failure was followed by which next attempt."""
    columns = ["failed", "next attempt", "times"]
    return HtmlTable(
        caption="Fallbacks",
        columns=columns,
        text_columns=columns[:2],
        rows=[
            [
                HtmlCell(name(flow.failed), formatting.name(flow.failed)),
                HtmlCell(Html(f"<em>{formatting.NO_ATTEMPT}</em>"), formatting.NO_ATTEMPT)
                if flow.then is None
                else HtmlCell(name(flow.then), formatting.name(flow.then)),
                _count(flow.count),
            ]
            for flow in report.fallbacks
        ],
        footer=_not_listed(report.fallbacks_left_out, "more pair", columns),
    )


def reconciliation(compared: Reconciliation) -> HtmlTable:
    """Return the days and models for which the ledger and the account differ."""
    titles = [
        f"{figure}, {side}"
        for figure in ("requests", "charged", "upstream")
        for side in ("account", "ledger")
    ]
    columns = ["day", "model", "finding", *titles]
    different = reconciliation_text.differing(compared)
    return HtmlTable(
        caption="What differs from the account's activity",
        columns=columns,
        text_columns=columns[:3],
        rows=[
            [
                HtmlCell(line.key.day.isoformat(), line.key.day.isoformat()),
                HtmlCell(name(line.key.model), formatting.name(line.key.model)),
                HtmlCell(line.finding, line.finding),
                *(_count(side.requests) for side in (line.account, line.ledger)),
                *(_usd(side.charged_usd) for side in (line.account, line.ledger)),
                *(_usd(side.upstream_usd) for side in (line.account, line.ledger)),
            ]
            for line in different[:_MAX_DIFFERENCES]
        ],
        footer=_not_listed(len(different) - _MAX_DIFFERENCES, "more difference", columns),
    )


def _not_listed(number: int, title: str, columns: Sequence[str]) -> list[list[HtmlCell]]:
    """Return a row with the number of rows that are not listed; no row if all are."""
    if number <= 0:
        return []
    return [[HtmlCell(formatting.count(number, title)), *(HtmlCell("") for _ in columns[1:])]]


def _usd(amount: Decimal) -> HtmlCell:
    return HtmlCell(reconciliation_text.usd(amount), number(amount))


def _keys(report: Report, group: Group) -> list[HtmlCell]:
    return [
        HtmlCell(key, key)
        if key is not None and kind in TIMES
        else HtmlCell(name(key), None if key is None else formatting.name(key))
        for kind, key in zip(report.by, group.key, strict=True)
    ]


def _footer(
    report: Report, cells: Callable[[Report, Group, Sequence[HtmlCell]], list[HtmlCell]]
) -> list[list[HtmlCell]]:
    """Return a row of all groups that are not listed, if there are any, and one of the total."""
    empty = [HtmlCell("") for _ in report.by[1:]]
    total = cells(report, report.total, [HtmlCell("Total"), *empty])
    if report.rest is None:
        return [total]
    return [
        cells(
            report,
            report.rest,
            [HtmlCell(formatting.count(report.groups_left_out, "more group")), *empty],
        ),
        total,
    ]


def _count(value: int) -> HtmlCell:
    return HtmlCell(f"{value:,}", value)


def _amount(total: Total[Decimal], records: int) -> HtmlCell:
    """Return the known part of a sum; a column and the note have the number of unknown amounts."""
    is_known = total.unknown < records or not records
    return HtmlCell(
        formatting.known_money(total, records), number(total.known) if is_known else None
    )


def _tokens(total: Total[int], group: Group) -> HtmlCell:
    if total.unknown >= group.records > 0:
        return HtmlCell(_UNKNOWN)
    return HtmlCell(f"{total.known:,}", total.known)


def _spread(spread: Spread) -> list[HtmlCell]:
    return [HtmlCell(formatting.duration(value), number(value)) for _, value in spread.quantiles]
