"""The data of the charts for `figures.js`: texts to show unchanged, and numbers to draw as lengths.

The browser decides on the width and the colours.
"""

import bisect
import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from modelgates_client.reports import formatting
from modelgates_client.reports.figures import (
    Fallback,
    Group,
    HistogramBin,
    Provider,
    Report,
    Spread,
    TimeSlice,
    Total,
    sum_of_totals,
)
from modelgates_client.reports.page.markup import number

_MAX_MODELS: Final = 6  # colours that the colour-blind can tell apart, too
_MAX_GROUPS: Final = 15
_MAX_PROVIDERS: Final = 15
_MAX_FALLBACKS: Final = 15
_TOO_MANY_REQUESTS: Final = 429


def charts(report: Report) -> dict[str, Any]:
    """Return the data of all charts by element id; None if there is nothing to draw."""
    return {
        "time": timeline(report),
        "costs": costs(report),
        "latencies": latencies(report),
        "providers": providers(report),
        "fallbacks": fallbacks(report),
    }


def timeline(report: Report) -> dict[str, Any] | None:
    """Return the cost over time of the models that cost most, and of all others combined."""
    if not report.timeline:
        return None
    ranked = _ranked(report.timeline)
    top_models = ranked[:_MAX_MODELS]
    series: list[tuple[str, int | None, Sequence[TimeSlice]]] = [
        (formatting.name(model), index, [part for part in report.timeline if _is_of(part, model)])
        for index, model in enumerate(top_models)
    ]
    others = [
        part
        for part in report.timeline
        if part.others or all(not _is_of(part, m) for m in top_models)
    ]
    if others:
        series.append(("other models", None, _combined(others)))
    of_all_models = {part.start: part for part in by_time(report)} if len(series) > 1 else {}
    return {
        "step": report.step,
        "series": [
            {
                "name": title,
                "colour": colour,
                "points": [
                    _point(part, of_all_models.get(part.start), report.step) for part in parts
                ],
            }
            for title, colour, parts in series
        ],
    }


def _point(part: TimeSlice, of_all_models: TimeSlice | None, step: str) -> dict[str, Any]:
    text = [
        formatting.slice_time(part, step),
        f"{formatting.money(part.all_in_usd, part.records)} all in",
        f"of {formatting.count(part.records, 'record')}",
    ]
    if of_all_models is not None:
        cost = formatting.money(of_all_models.all_in_usd, of_all_models.records)
        records = formatting.count(of_all_models.records, "record")
        text.append(f"the {step}, all models: {cost}, of {records}")
    return {
        "x": part.start.replace(tzinfo=None).isoformat(),
        "y": number(part.all_in_usd.known),
        "text": text,
    }


def _is_of(part: TimeSlice, model: str | None) -> bool:
    return not part.others and part.model == model


def _ranked(parts: Sequence[TimeSlice]) -> list[str | None]:
    """Return the models, the most expensive first."""
    amounts = dict[str | None, list[Total[Decimal]]]()
    for part in parts:
        if not part.others:
            amounts.setdefault(part.model, []).append(part.all_in_usd)
    sums = {model: sum_of_totals(totals).known for model, totals in amounts.items()}
    return sorted(sums, key=lambda model: sums[model].copy_abs(), reverse=True)


def _combined(parts: Sequence[TimeSlice]) -> list[TimeSlice]:
    """Return one slice per time, which combines all models."""
    parts_by_start = dict[Any, list[TimeSlice]]()
    for part in parts:
        parts_by_start.setdefault(part.start, []).append(part)
    return [
        TimeSlice(
            start=start,
            model=None,
            records=sum(part.records for part in same),
            all_in_usd=sum_of_totals([part.all_in_usd for part in same]),
            others=True,
        )
        for start, same in parts_by_start.items()
    ]


def groups_shown(report: Report) -> tuple[Group, ...]:
    """Return the groups that the chart shows; the table lists all."""
    return report.listed(_MAX_GROUPS)[0]


def costs(report: Report) -> dict[str, Any] | None:
    """Return the cost of groups, as bars."""
    groups = groups_shown(report)
    if not groups:
        return None
    has_upstream = formatting.has_upstream(report)
    kinds = ["charged", "upstream (BYOK)"] if has_upstream else ["all in"]
    return {"unit": "usd", "kinds": kinds, "rows": [_cost(group, has_upstream) for group in groups]}


def _cost(group: Group, has_upstream: bool) -> dict[str, Any]:  # noqa: FBT001 - private, one caller
    amounts = [group.charged_usd, group.upstream_usd] if has_upstream else [group.all_in_usd]
    titles = ["charged", "upstream"] if has_upstream else ["all in"]
    cost = formatting.money(group.all_in_usd, group.records)
    return {
        "name": formatting.group_title(group),
        "note": cost,
        "parts": [
            {
                "value": number(total.known),
                "text": [
                    f"{formatting.money(total, group.records)} {title}",
                    *([f"{cost} all in"] if has_upstream else []),
                    f"of {formatting.records(group)}",
                ],
            }
            for total, title in zip(amounts, titles, strict=True)
        ],
    }


def latencies(report: Report) -> dict[str, Any] | None:
    """Return a histogram with its quantiles; all bars are equally wide."""
    bins = report.latencies
    if not bins:
        return None
    edges = [part.lower for part in bins] + [bins[-1].upper]
    return {
        "edges": [formatting.duration(edge) for edge in edges],
        "bars": [
            {
                "value": part.count,
                "text": [
                    f"{formatting.duration(part.lower)} to {formatting.duration(part.upper)}",
                    formatting.count(part.count, "record"),
                ],
            }
            for part in bins
        ],
        "marks": _marks(report.total.latency_ms, bins),
    }


def _marks(spread: Spread, bins: Sequence[HistogramBin]) -> list[dict[str, Any]]:
    return [
        {"at": position(value, bins), "text": f"{title} {formatting.duration(value)}"}
        for title, value in spread.quantiles
        if value is not None and math.isfinite(value)
    ]


def position(value: float, bins: Sequence[HistogramBin]) -> float:
    """Return the position of a latency on an axis on which each bin has the width 1."""
    index = bisect.bisect_right([part.lower for part in bins], value) - 1
    if index < 0:
        return 0.0
    part = bins[index]
    if value >= part.upper:
        return float(index + 1)
    if part.lower > 0:
        return index + math.log(value / part.lower) / math.log(part.upper / part.lower)
    return index + (value - part.lower) / (part.upper - part.lower)


def providers(report: Report) -> dict[str, Any] | None:
    """Return the rate of failures of the providers with the most attempts."""
    listed = [provider for provider in report.providers if provider.attempts][:_MAX_PROVIDERS]
    if not any(provider.failures for provider in listed):
        return None
    kinds = ["429", "other 4xx", "5xx", "other"]
    return {"unit": "percent", "kinds": kinds, "rows": [_failures(provider) for provider in listed]}


def _failures(provider: Provider) -> dict[str, Any]:
    counts = [0, 0, 0]
    for status, times in provider.statuses:
        kind = _status_kind(status)
        if kind is not None:
            counts[kind] += times
    counts.append(max(0, provider.failures - sum(counts)))
    failed = formatting.percent(provider.failures, provider.attempts)
    return {
        "name": formatting.name(provider.name),
        "note": f"{failed} of {provider.attempts:,}",
        "parts": [
            {
                "value": 100 * times / provider.attempts,
                "text": [
                    f"{title}: {formatting.count(times, 'failure')}",
                    formatting.percent(times, provider.attempts)
                    + f" of {formatting.count(provider.attempts, 'attempt')}",
                ],
            }
            for title, times in zip(("429", "other 4xx", "5xx", "other"), counts, strict=True)
        ],
    }


def _status_kind(status: int | None) -> int | None:
    if status is None:
        return None
    if status == _TOO_MANY_REQUESTS:
        return 0
    return {4: 1, 5: 2}.get(status // 100)


def fallbacks_shown(report: Report) -> tuple[Fallback, ...]:
    """Return the fallbacks that the map shows; the table lists all."""
    return report.fallbacks[:_MAX_FALLBACKS]


def fallbacks(report: Report) -> dict[str, Any] | None:
    """Return the flows of the fallback map.

    On the left are the providers that failed, on the right those of the next attempt: a provider
    may be on both sides.
    """
    flows = fallbacks_shown(report)
    if not flows:
        return None
    lefts = list(dict.fromkeys(flow.failed for flow in flows))
    rights = list(dict.fromkeys(flow.then for flow in flows))
    return {
        "lefts": [formatting.name(failed) for failed in lefts],
        "rights": [
            formatting.NO_ATTEMPT if then is None else formatting.name(then) for then in rights
        ],
        "no_attempt": rights.index(None) if None in rights else None,
        "flows": [
            {
                "from": lefts.index(flow.failed),
                "to": rights.index(flow.then),
                "count": flow.count,
                "text": formatting.count(flow.count, "time"),
            }
            for flow in flows
        ],
    }


def highest(report: Report) -> str:
    """Return the most expensive slice in words; "" if nothing was paid."""
    top = max(by_time(report), key=lambda part: part.all_in_usd.known, default=None)
    if top is None or top.all_in_usd.known <= 0:
        return ""
    amount = formatting.exact_usd(top.all_in_usd.known)
    return f"Highest {report.step}: {amount}, {formatting.slice_time(top, report.step)}"


def by_time(report: Report) -> list[TimeSlice]:
    """Return the cost of each slice, for all models combined."""
    return _combined(report.timeline)
