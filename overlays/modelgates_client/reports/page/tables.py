"""The tables of the page: every figure that a chart shows, and more."""

import datetime
from collections.abc import Callable, Sequence
from decimal import Decimal

from modelgates_client.records.money import format_usd
from modelgates_client.reports import reconciled, words
from modelgates_client.reports.figures import Group, Reconciliation, Report, Spread, Total
from modelgates_client.reports.page import charts, naming
from modelgates_client.reports.page.fallbacks import NOBODY
from modelgates_client.reports.page.markup import Cell, Column, Html, Table, name, number

_UNKNOWN = "unknown"
_DIFFERENCES = 200  # days and models that are listed


def groups(report: Report) -> Table:
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
    return Table(
        caption=f"Cost by {', '.join(report.by)}",
        columns=[*_by(report), *map(Column, titles)],
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
    of = words.count(records, "record")
    return f"{meaning}Left out of sums, because it is not known: {', '.join(parts)}, of {of}."


def _costs(report: Report, group: Group, keys: Sequence[Cell]) -> list[Cell]:
    share = naming.share(group.all_in_usd.known, report.total.all_in_usd.known)
    cells = [
        *keys,
        _count(group.records),
        _money(group.charged_usd, group),
        _money(group.upstream_usd, group),
        _money(group.all_in_usd, group),
        _count(group.all_in_usd.unknown),
        Cell("-" if share is None else words.percent(share, 1), share, share),
        _money(group.cache_saving_usd, group),
        *([_count(group.provisional)] if report.total.provisional else ()),
    ]
    if not naming.has_own_keys(report):
        del cells[len(keys) + 1 : len(keys) + 3]
    return cells


def speeds(report: Report) -> Table:
    """Return how fast each group was, and its tokens."""
    titles = ["latency p50", "p95", "p99", "tokens/s p50", "p95", "tokens in", "cached", "out"]
    total = report.total
    tokens = (
        ("tokens in", total.tokens_prompt),
        ("cached", total.tokens_cached),
        ("out", total.tokens_completion),
        ("reasoning", total.tokens_reasoning),
    )
    return Table(
        caption=f"Speed and tokens by {', '.join(report.by)}",
        columns=[*_by(report), *map(Column, [*titles, "reasoning"])],
        rows=[_speeds(report, group, _keys(group)) for group in report.groups],
        last=_last(report, _speeds),
        note=_unknown(tokens, total.records),
    )


def _speeds(_: Report, group: Group, keys: Sequence[Cell]) -> list[Cell]:
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
        *(Cell(words.rate(value), value) for value in (rate.p50, rate.p95)),
        *(_tokens(total, group) for total in tokens),
    ]


def timeline(report: Report) -> Table:
    """Return what each hour, day or year cost, of all models."""
    return Table(
        caption=f"Cost by {report.step}",
        columns=[
            Column(report.step, is_text=True),
            *map(Column, ("records", "all in", _UNKNOWN)),
        ],
        rows=[
            [
                Cell(
                    naming.when(part, report.step), part.start.astimezone(datetime.UTC).isoformat()
                ),
                _count(part.records),
                _amount(part.all_in_usd, part.records),
                _count(part.all_in_usd.unknown),
            ]
            for part in charts.by_time(report)
        ],
    )


def latencies(report: Report) -> Table:
    """Return the bars of the histogram."""
    most = max((part.count for part in report.latencies), default=0)
    return Table(
        caption="Records by latency",
        columns=[Column("from"), Column("to"), Column("records"), Column("share")],
        rows=[
            [
                Cell(words.duration(part.lower), part.lower),
                Cell(words.duration(part.upper), part.upper),
                _count(part.count),
                Cell(
                    words.percent(part.count, report.total.latency_ms.count),
                    part.count,
                    part.count / most if most else None,
                ),
            ]
            for part in report.latencies
        ],
        is_sortable=False,
    )


def providers(report: Report) -> Table:
    """Return how each provider did."""
    titles = ["attempts", "failed", "failures", "served", "latency p50", "p95", "p99"]
    more = report.providers_left_out
    rest = [Cell(words.count(more, "more provider")), *[Cell("") for _ in range(8)]]
    return Table(
        caption="Attempts by provider",
        columns=[
            Column("provider", is_text=True),
            *map(Column, titles),
            Column("statuses", is_text=True),
        ],
        rows=[
            [
                Cell(name(one.name), words.name(one.name)),
                _count(one.attempts),
                Cell(
                    words.percent(one.failures, one.attempts),
                    one.failures / one.attempts if one.attempts else None,
                ),
                _count(one.failures),
                _count(one.served),
                *_spread(one.latency_ms),
                Cell(
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


def fallbacks(report: Report) -> Table:
    """Return which provider was asked after which had failed."""
    more = report.fallbacks_left_out
    rest = [Cell(words.count(more, "more pair")), Cell(""), Cell("")]
    return Table(
        caption="Fallbacks",
        columns=[
            Column("failed", is_text=True),
            Column("asked next", is_text=True),
            Column("times"),
        ],
        rows=[
            [
                Cell(name(flow.failed), words.name(flow.failed)),
                Cell(Html(f"<em>{NOBODY}</em>"), NOBODY)
                if flow.then is None
                else Cell(name(flow.then), words.name(flow.then)),
                _count(flow.count),
            ]
            for flow in report.fallbacks
        ],
        last=[rest] if more else (),
    )


def reconciliation(found: Reconciliation) -> Table:
    """Return the days and models of which the ledger is not what the account says."""
    titles = ["requests there", "here", "charged there", "here", "own keys there", "here"]
    different = reconciled.differing(found)
    more = len(different) - _DIFFERENCES
    rest = [Cell(words.count(more, "more difference")), *[Cell("") for _ in range(8)]]
    return Table(
        caption="What differs from the account's activity",
        columns=[
            Column("day", is_text=True),
            Column("model", is_text=True),
            Column("finding", is_text=True),
            *map(Column, titles),
        ],
        rows=[
            [
                Cell(line.place.day.isoformat(), line.place.day.isoformat()),
                Cell(name(line.place.model), words.name(line.place.model)),
                Cell(line.finding, line.finding),
                *(_count(side.requests) for side in (line.there, line.here)),
                *(_usd(side.charged_usd) for side in (line.there, line.here)),
                *(_usd(side.own_keys_usd) for side in (line.there, line.here)),
            ]
            for line in different[:_DIFFERENCES]
        ],
        last=[rest] if more > 0 else (),
    )


def _usd(amount: Decimal) -> Cell:
    return Cell(reconciled.usd(amount), number(amount))


def _by(report: Report) -> list[Column]:
    return [Column(by, is_text=True) for by in report.by]


def _keys(group: Group) -> list[Cell]:
    return [Cell(name(key), None if key is None else words.name(key)) for key in group.key]


def _last(
    report: Report, cells: Callable[[Report, Group, Sequence[Cell]], list[Cell]]
) -> list[list[Cell]]:
    """Return rows of what is not listed, so that the rows add up, and of all."""
    empty = [Cell("") for _ in report.by[1:]]
    total = cells(report, report.total, [Cell("Total"), *empty])
    if report.rest is None:
        return [total]
    return [cells(report, report.rest, [Cell(naming.rest(report)), *empty]), total]


def _count(value: int) -> Cell:
    return Cell(f"{value:,}", value)


def _money(total: Total[Decimal], group: Group) -> Cell:
    return _amount(total, group.records)


def _amount(total: Total[Decimal], records: int) -> Cell:
    """Return what is known of a sum; the column and the note of the table say what is not."""
    if total.unknown >= records > 0:
        return Cell(_UNKNOWN)
    return Cell(format_usd(total.known), number(total.known))


def _tokens(total: Total[int], group: Group) -> Cell:
    if total.unknown >= group.records > 0:
        return Cell(_UNKNOWN)
    return Cell(f"{total.known:,}", total.known)


def _spread(spread: Spread) -> list[Cell]:
    return [
        Cell(words.duration(value), number(value)) for value in (spread.p50, spread.p95, spread.p99)
    ]
