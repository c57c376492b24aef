"""What the charts draw, as data for `figures.js`: texts to show as they are, numbers as lengths.

How it is drawn, at which width and in which colours, is decided in the browser.
"""

import bisect
import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from modelgates_client.records.money import format_usd
from modelgates_client.reports import formatting
from modelgates_client.reports.figures import (
    Group,
    HistogramBin,
    Provider,
    Report,
    Spread,
    TimeSlice,
    Total,
)
from modelgates_client.reports.page import fallbacks, naming
from modelgates_client.reports.page.markup import number

_MODELS: Final = 6  # colours that differ for everybody
_GROUPS: Final = 15
_PROVIDERS: Final = 15
_TOO_MANY: Final = 429


def charts(report: Report) -> dict[str, Any]:
    """Return the data of all charts, by the id of their place; None where nothing is to draw."""
    return {
        "time": timeline(report),
        "costs": costs(report),
        "latencies": latencies(report),
        "providers": providers(report),
        "fallbacks": fallbacks.fallback_map(report),
    }


def timeline(report: Report) -> dict[str, Any] | None:
    """Return cost over time: the models that cost most, and all others."""
    if not report.timeline:
        return None
    ranked = _ranked(report.timeline)
    named = ranked[:_MODELS]
    series = [
        _series(
            formatting.name(model), [part for part in report.timeline if _is_of(part, model)], index
        )
        for index, model in enumerate(named)
    ]
    others = [
        part for part in report.timeline if part.others or all(not _is_of(part, m) for m in named)
    ]
    if others:
        series.append(_series("other models", _together(others), None))
    whole = {part.start: part for part in by_time(report)}
    for line in series:
        parts: list[TimeSlice] = line.pop("parts")
        line["points"] = [
            {
                "x": part.start.replace(tzinfo=None).isoformat(),
                "y": number(part.all_in_usd.known),
                "text": [
                    naming.when(part, report.step),
                    f"{formatting.money(part.all_in_usd, part.records)} all in",
                    f"of {formatting.count(part.records, 'record')}",
                    *(_in_all(whole[part.start], report.step) if len(series) > 1 else ()),
                ],
            }
            for part in parts
        ]
    return {"step": report.step, "series": series}


def _in_all(whole: TimeSlice, step: str) -> tuple[str]:
    paid = formatting.money(whole.all_in_usd, whole.records)
    return (f"the {step}, all models: {paid}, of {formatting.count(whole.records, 'record')}",)


def _is_of(part: TimeSlice, model: str | None) -> bool:
    return not part.others and part.model == model


def _ranked(parts: Sequence[TimeSlice]) -> list[str | None]:
    """Return the models, the one that cost most first."""
    amounts = dict[str | None, list[Total[Decimal]]]()
    for part in parts:
        if not part.others:
            amounts.setdefault(part.model, []).append(part.all_in_usd)
    sums = {model: naming.added(totals).known for model, totals in amounts.items()}
    return sorted(sums, key=lambda model: sums[model].copy_abs(), reverse=True)


def _series(title: str, parts: Sequence[TimeSlice], colour: int | None) -> dict[str, Any]:
    return {"name": title, "colour": colour, "parts": parts}


def _together(parts: Sequence[TimeSlice]) -> list[TimeSlice]:
    """Return one slice of all models for each time."""
    by_time = dict[Any, list[TimeSlice]]()
    for part in parts:
        by_time.setdefault(part.start, []).append(part)
    return [
        TimeSlice(
            start=start,
            model=None,
            records=sum(part.records for part in same),
            all_in_usd=naming.added([part.all_in_usd for part in same]),
            others=True,
        )
        for start, same in by_time.items()
    ]


def shown(report: Report) -> tuple[Group, ...]:
    """Return the groups that the chart shows; the table has all."""
    return report.listed(_GROUPS)[0]


def costs(report: Report) -> dict[str, Any] | None:
    """Return what groups cost, as bars."""
    groups = shown(report)
    if not groups:
        return None
    split = naming.has_own_keys(report)
    kinds = ["charged", "billed to own keys (BYOK)"] if split else ["all in"]
    return {"unit": "usd", "kinds": kinds, "rows": [_cost(group, split) for group in groups]}


def _cost(group: Group, split: bool) -> dict[str, Any]:  # noqa: FBT001 - private, one caller
    amounts = [group.charged_usd, group.upstream_usd] if split else [group.all_in_usd]
    titles = ["charged", "billed to own keys"] if split else ["all in"]
    paid = formatting.money(group.all_in_usd, group.records)
    return {
        "name": naming.group(group),
        "note": paid,
        "parts": [
            {
                "value": number(total.known),
                "text": [
                    f"{formatting.money(total, group.records)} {title}",
                    *([f"{paid} all in"] if split else []),
                    f"of {formatting.records(group)}",
                ],
            }
            for total, title in zip(amounts, titles, strict=True)
        ],
    }


def latencies(report: Report) -> dict[str, Any] | None:
    """Return a histogram with its quantiles; all bars are drawn equally wide."""
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
    quantiles = (("p50", spread.p50), ("p95", spread.p95), ("p99", spread.p99))
    return [
        {"at": position(value, bins), "text": f"{title} {formatting.duration(value)}"}
        for title, value in quantiles
        if value is not None and math.isfinite(value)
    ]


def position(value: float, bins: Sequence[HistogramBin]) -> float:
    """Return where a latency is among bins: 0 at the lower edge of the first, 1 a bin."""
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
    """Return the share of failures of the providers that were asked most."""
    asked = [one for one in report.providers if one.attempts][:_PROVIDERS]
    if not any(one.failures for one in asked):
        return None
    kinds = ["429", "other 4xx", "5xx", "other"]
    return {"unit": "percent", "kinds": kinds, "rows": [_failures(one) for one in asked]}


def _failures(provider: Provider) -> dict[str, Any]:
    counts = [0, 0, 0]
    for status, times in provider.statuses:
        kind = _kind(status)
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
                    + f" of {provider.attempts:,} attempts",
                ],
            }
            for title, times in zip(("429", "other 4xx", "5xx", "other"), counts, strict=True)
        ],
    }


def _kind(status: int | None) -> int | None:
    if status is None:
        return None
    if status == _TOO_MANY:
        return 0
    return {4: 1, 5: 2}.get(status // 100)


def highest(report: Report) -> str:
    """Return when most was paid, in words; nothing if nothing was."""
    sums = _together(report.timeline)
    most = max(sums, key=lambda part: part.all_in_usd.known, default=None)
    if most is None or most.all_in_usd.known <= 0:
        return ""
    amount = format_usd(most.all_in_usd.known)
    return f"Most in one {report.step}: {amount}, {naming.when(most, report.step)}"


def by_time(report: Report) -> list[TimeSlice]:
    """Return what was paid at each time, for all models."""
    return _together(report.timeline)
