"""The tables of the page: every figure that a chart shows, and more."""

import datetime
from collections.abc import Callable, Sequence
from decimal import Decimal

from modelgates_client.records.money import format_usd
from modelgates_client.reports import formatting, reconciliation_text
from modelgates_client.reports.figures import Group, Reconciliation, Report, Spread, Total
from modelgates_client.reports.page import charts, naming
from modelgates_client.reports.page.fallbacks import NOBODY
from modelgates_client.reports.page.markup import (
    Html,
    HtmlCell,
    HtmlColumn,
    HtmlTable,
    name,
    number,
)

_UNKNOWN = "unknown"
_DIFFERENCES = 200  # days and models that are listed


def groups(report: Report) -> HtmlTable:
    """Return what each group cost."""
    split = naming.has_own_keys(report)
    titles = ["records", "all in", _UNKNOWN, "share", "cache saving"]
    if report.total.provisional:
        titles.append("not final")
    if split:
        titles[1:1] = ["charged", "own keys (BYOK)"]
    total = report.total
    amounts = (
        *((("charged", total.charged_usd), ("own keys", total.upstream_usd)) if split else ()),
        ("all in", total.all_in_usd),
        ("cache saving", total.cache_saving_usd),
    )
    return HtmlTable(
        caption=f"Cost by {', '.join(report.by)}",
        columns=[*_by(report), *map(HtmlColumn, titles)],
        rows=[_costs(report, group, _keys(group)) for group in report.groups],
        last=_last(report, _costs),
        note=_unknown(
            amounts, total.records, "Unknown: the records that do not say what they cost all in. "
        ),
    )


def _unknown(
    totals: Sequence[tuple[str, Total[Decimal] | Total[int]]], records: int, meaning: str = ""
) -> str:
    """Return of how many records what is not known, once for a table; no sum has them."""
    parts = [f"{title} of {total.unknown:,}" for title, total in totals if total.unknown]
    if not parts:
        return ""
    of = formatting.count(records, "record")
    return f"{meaning}Left out of sums, because it is not known: {', '.join(parts)}, of {of}."


def _costs(report: Report, group: Group, keys: Sequence[HtmlCell]) -> list[HtmlCell]:
    share = naming.share(group.all_in_usd.known, report.total.all_in_usd.known)
    cells = [
        *keys,
        _count(group.records),
        _money(group.charged_usd, group),
        _money(group.upstream_usd, group),
        _money(group.all_in_usd, group),
        _count(group.all_in_usd.unknown),
        HtmlCell("-" if share is None else formatting.percent(share, 1), share, share),
        _money(group.cache_saving_usd, group),
        *([_count(group.provisional)] if report.total.provisional else ()),
    ]
    if not naming.has_own_keys(report):
        del cells[len(keys) + 1 : len(keys) + 3]
    return cells


def speeds(report: Report) -> HtmlTable:
    """Return how fast each group was, and its tokens."""
    titles = ["latency p50", "p95", "p99", "tokens/s p50", "p95", "tokens in", "cached", "out"]
    total = report.total
    tokens = (
        ("tokens in", total.tokens_prompt),
        ("cached", total.tokens_cached),
        ("out", total.tokens_completion),
        ("reasoning", total.tokens_reasoning),
    )
    return HtmlTable(
        caption=f"Speed and tokens by {', '.join(report.by)}",
        columns=[*_by(report), *map(HtmlColumn, [*titles, "reasoning"])],
        rows=[_speeds(report, group, _keys(group)) for group in report.groups],
        last=_last(report, _speeds),
        note=_unknown(tokens, total.records),
    )


def _speeds(_: Report, group: Group, keys: Sequence[HtmlCell]) -> list[HtmlCell]:
    rate = group.tokens_per_second
    tokens = (
        group.tokens_prompt,
        group.tokens_cached,
        group.tokens_completion,
        group.tokens_reasoning,
    )
    return [
        *keys,
        *_spread(group.latency_ms),
        *(HtmlCell(formatting.rate(value), value) for value in (rate.p50, rate.p95)),
        *(_tokens(total, group) for total in tokens),
    ]


def timeline(report: Report) -> HtmlTable:
    """Return what each hour, day or year cost, of all models."""
    return HtmlTable(
        caption=f"Cost by {report.step}",
        columns=[
            HtmlColumn(report.step, is_text=True),
            *map(HtmlColumn, ("records", "all in", _UNKNOWN)),
        ],
        rows=[
            [
                HtmlCell(
                    naming.when(part, report.step), part.start.astimezone(datetime.UTC).isoformat()
                ),
                _count(part.records),
                _amount(part.all_in_usd, part.records),
                _count(part.all_in_usd.unknown),
            ]
            for part in charts.by_time(report)
        ],
    )


def latencies(report: Report) -> HtmlTable:
    """Return the bars of the histogram."""
    most = max((part.count for part in report.latencies), default=0)
    return HtmlTable(
        caption="Records by latency",
        columns=[HtmlColumn("from"), HtmlColumn("to"), HtmlColumn("records"), HtmlColumn("share")],
        rows=[
            [
                HtmlCell(formatting.duration(part.lower), part.lower),
                HtmlCell(formatting.duration(part.upper), part.upper),
                _count(part.count),
                HtmlCell(
                    formatting.percent(part.count, report.total.latency_ms.count),
                    part.count,
                    part.count / most if most else None,
                ),
            ]
            for part in report.latencies
        ],
        is_sortable=False,
    )


def providers(report: Report) -> HtmlTable:
    """Return how each provider did."""
    titles = ["attempts", "failed", "failures", "served", "latency p50", "p95", "p99"]
    more = report.providers_left_out
    rest = [HtmlCell(formatting.count(more, "more provider")), *[HtmlCell("") for _ in range(8)]]
    return HtmlTable(
        caption="Attempts by provider",
        columns=[
            HtmlColumn("provider", is_text=True),
            *map(HtmlColumn, titles),
            HtmlColumn("statuses", is_text=True),
        ],
        rows=[
            [
                HtmlCell(name(one.name), formatting.name(one.name)),
                _count(one.attempts),
                HtmlCell(
                    formatting.percent(one.failures, one.attempts),
                    one.failures / one.attempts if one.attempts else None,
                ),
                _count(one.failures),
                _count(one.served),
                *_spread(one.latency_ms),
                HtmlCell(
                    ", ".join(
                        f"{'unknown' if status is None else status} \N{MULTIPLICATION SIGN} {n:,}"
                        for status, n in one.statuses
                    )
                ),
            ]
            for one in report.providers
        ],
        last=[rest] if more else (),
    )


def fallbacks(report: Report) -> HtmlTable:
    """Return which provider was asked after which had failed."""
    more = report.fallbacks_left_out
    rest = [HtmlCell(formatting.count(more, "more pair")), HtmlCell(""), HtmlCell("")]
    return HtmlTable(
        caption="Fallbacks",
        columns=[
            HtmlColumn("failed", is_text=True),
            HtmlColumn("asked next", is_text=True),
            HtmlColumn("times"),
        ],
        rows=[
            [
                HtmlCell(name(flow.failed), formatting.name(flow.failed)),
                HtmlCell(Html(f"<em>{NOBODY}</em>"), NOBODY)
                if flow.then is None
                else HtmlCell(name(flow.then), formatting.name(flow.then)),
                _count(flow.count),
            ]
            for flow in report.fallbacks
        ],
        last=[rest] if more else (),
    )


def reconciliation(found: Reconciliation) -> HtmlTable:
    """Return the days and models of which the ledger is not what the account says."""
    titles = ["requests there", "here", "charged there", "here", "own keys there", "here"]
    different = reconciliation_text.differing(found)
    more = len(different) - _DIFFERENCES
    rest = [HtmlCell(formatting.count(more, "more difference")), *[HtmlCell("") for _ in range(8)]]
    return HtmlTable(
        caption="What differs from the account's activity",
        columns=[
            HtmlColumn("day", is_text=True),
            HtmlColumn("model", is_text=True),
            HtmlColumn("finding", is_text=True),
            *map(HtmlColumn, titles),
        ],
        rows=[
            [
                HtmlCell(line.place.day.isoformat(), line.place.day.isoformat()),
                HtmlCell(name(line.place.model), formatting.name(line.place.model)),
                HtmlCell(line.finding, line.finding),
                *(_count(side.requests) for side in (line.there, line.here)),
                *(_usd(side.charged_usd) for side in (line.there, line.here)),
                *(_usd(side.own_keys_usd) for side in (line.there, line.here)),
            ]
            for line in different[:_DIFFERENCES]
        ],
        last=[rest] if more > 0 else (),
    )


def _usd(amount: Decimal) -> HtmlCell:
    return HtmlCell(reconciliation_text.usd(amount), number(amount))


def _by(report: Report) -> list[HtmlColumn]:
    return [HtmlColumn(by, is_text=True) for by in report.by]


def _keys(group: Group) -> list[HtmlCell]:
    return [HtmlCell(name(key), None if key is None else formatting.name(key)) for key in group.key]


def _last(
    report: Report, cells: Callable[[Report, Group, Sequence[HtmlCell]], list[HtmlCell]]
) -> list[list[HtmlCell]]:
    """Return rows of what is not listed, so that the rows add up, and of all."""
    empty = [HtmlCell("") for _ in report.by[1:]]
    total = cells(report, report.total, [HtmlCell("Total"), *empty])
    if report.rest is None:
        return [total]
    return [cells(report, report.rest, [HtmlCell(naming.rest(report)), *empty]), total]


def _count(value: int) -> HtmlCell:
    return HtmlCell(f"{value:,}", value)


def _money(total: Total[Decimal], group: Group) -> HtmlCell:
    return _amount(total, group.records)


def _amount(total: Total[Decimal], records: int) -> HtmlCell:
    """Return what is known of a sum; the column and the note of the table say what is not."""
    if total.unknown >= records > 0:
        return HtmlCell(_UNKNOWN)
    return HtmlCell(format_usd(total.known), number(total.known))


def _tokens(total: Total[int], group: Group) -> HtmlCell:
    if total.unknown >= group.records > 0:
        return HtmlCell(_UNKNOWN)
    return HtmlCell(f"{total.known:,}", total.known)


def _spread(spread: Spread) -> list[HtmlCell]:
    return [
        HtmlCell(formatting.duration(value), number(value))
        for value in (spread.p50, spread.p95, spread.p99)
    ]
