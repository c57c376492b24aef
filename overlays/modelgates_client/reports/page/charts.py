"""The data of the charts for `figures.js`: texts to show unchanged, and numbers to draw as lengths.

The browser decides on the width and the colours.
"""

import bisect
import math
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from modelgates_client.reports import formatting
from modelgates_client.reports.figures import (
    Group,
    HistogramBin,
    Provider,
    Report,
    Spread,
    TimeSlice,
    Total,
    sum_of_totals,
)

_MAX_MODELS: Final = 6  # colours that the colour-blind can tell apart, too
_MAX_GROUPS: Final = 15
_MAX_PROVIDERS: Final = 15
_MAX_FALLBACKS: Final = 15
_TOO_MANY_REQUESTS: Final = 429
_FAILURES: Final = ("429", "other 4xx", "5xx", "other")


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
    parts_of = {model: list[TimeSlice]() for model in _ranked(report.timeline)[:_MAX_MODELS]}
    others: list[TimeSlice] = []
    for part in report.timeline:
        (others if part.others else parts_of.get(part.model, others)).append(part)
    series: list[tuple[str, int | None, Sequence[TimeSlice]]] = [
        (formatting.name(model), index, parts)
        for index, (model, parts) in enumerate(parts_of.items())
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


def costs(report: Report) -> dict[str, Any] | None:
    """Return the cost of groups, as bars."""
    groups, _ = report.listed(_MAX_GROUPS)  # the table lists all
    if not groups:
        return None
    has_upstream = formatting.has_upstream(report)
    kinds = ["charged", "upstream (BYOK)"] if has_upstream else ["all in"]
    return {"unit": "usd", "kinds": kinds, "rows": [_cost(group, has_upstream) for group in groups]}


def _cost(group: Group, has_upstream: bool) -> dict[str, Any]:  # noqa: FBT001 - private, one caller
    amounts = {"all in": group.all_in_usd}
    if has_upstream:
        amounts = {"charged": group.charged_usd, "upstream": group.upstream_usd}
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
            for title, total in amounts.items()
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
    rows = [_failures(provider) for provider in listed]
    return {"unit": "percent", "kinds": _FAILURES, "rows": rows}


def _failures(provider: Provider) -> dict[str, Any]:
    counts: Counter[str] = Counter(dict.fromkeys(_FAILURES, 0))
    for status, times in provider.statuses:
        if kind := _kind_of_failure(status):
            counts[kind] += times
    counts["other"] = max(0, provider.failures - counts.total())
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
            for title, times in counts.items()
        ],
    }


def _kind_of_failure(status: int | None) -> str:
    """Return the kind of failure that a status states; "" if it states none."""
    if status == _TOO_MANY_REQUESTS:
        return "429"
    return {4: "other 4xx", 5: "5xx"}.get((status or 0) // 100, "")


def fallbacks(report: Report) -> dict[str, Any] | None:
    """Return the flows of the fallback map.

    On the left are the providers that failed, on the right those of the next attempt: a provider
    may be on both sides.
    """
    flows = report.fallbacks[:_MAX_FALLBACKS]  # the table lists all
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


def number(value: float | Decimal | None) -> float | None:
    """Return a number to draw or to sort by, never to show as text; None if it is not finite."""
    if value is None or not math.isfinite(value):
        return None
    return float(value)
