"""Sample reports, for tests of their presentation."""

import datetime
from decimal import Decimal

from modelgates_client.reports.figures import (
    Fallback,
    Group,
    HistogramBin,
    Provider,
    Report,
    Spread,
    TimeSlice,
    Total,
    UnresolvedCounts,
)

from .sample_rows import NOON

NO_SPREAD = Spread(0, None, None, None)


def group(key=(), records=1, cost="0", unknown=0, **changes):
    """Return a group without upstream costs."""
    amount = Total(Decimal(cost), unknown)
    tokens = Total(0, records)
    figures = {
        "provisional": 0,
        "never_final": 0,
        "charged_usd": amount,
        "upstream_usd": Total(Decimal(0), 0),
        "all_in_usd": amount,
        "cache_saving_usd": Total(Decimal(0), records),
        "native_tokens_prompt": tokens,
        "native_tokens_completion": tokens,
        "native_tokens_cached": tokens,
        "native_tokens_reasoning": tokens,
        "latency_ms": NO_SPREAD,
        "generation_time_ms": NO_SPREAD,
        "native_tokens_per_second": NO_SPREAD,
    }
    return Group(key, records, **{**figures, **changes})


def report(**changes):
    """Return an empty report, with changes."""
    figures = {
        "source": "spend.db",
        "by": ("model",),
        "since": None,
        "until": None,
        "timezone": "UTC",
        "generated_at": NOON,
        "total": group(records=0),
        "groups": (),
        "unresolved": UnresolvedCounts(0, 0, ()),
        "undated": 0,
        "timeline": (),
        "step": "day",
        "latencies": (),
        "providers": (),
        "fallbacks": (),
        "attempts_unknown": 0,
    }
    return Report(**{**figures, **changes})


def full(name="openai/gpt-5-mini", provider="DeepInfra"):
    """Return a report with figures in each part, and names as from a server."""
    spread = Spread(9, 898.0, 2839.25, 64575.5)
    amounts = {
        "charged_usd": Total(Decimal("1.00000000000000000000003"), 2),
        "upstream_usd": Total(Decimal("1200.5"), 1),
        "all_in_usd": Total(Decimal("1201.50000000000000000000003"), 3),
        "cache_saving_usd": Total(Decimal("-0.25"), 1),
        "native_tokens_prompt": Total(1_798_904_818, 4),
        "native_tokens_completion": Total(402_027_524, 0),
        "latency_ms": spread,
        "native_tokens_per_second": Spread(9, 73.25, 487.6, 1102.1),
        "provisional": 5,
        "never_final": 4,
    }
    days = [NOON + datetime.timedelta(days=day) for day in (0, 1, 2, 5)]
    return report(
        source=f"{name}.db",
        since=NOON,
        timezone="Europe/Berlin",
        total=group(records=1_234_567, **amounts),
        groups=(
            group((name,), 1_234_500, **amounts),
            group((None,), 60, "0.5", 60),
            group(("",), 7, "-0.5", 1),
        ),
        rest=group((), 3, "0.125"),
        groups_left_out=2,
        unresolved=UnresolvedCounts(1200, 3, ((f"NotFoundError{name}", 3),)),
        undated=12,
        timeline=tuple(
            TimeSlice(day, name, 1, Total(Decimal(n + 1), 0)) for n, day in enumerate(days)
        ),
        latencies=(
            HistogramBin(80.0, 100.0, 3),
            HistogramBin(100.0, 120.0, 0),
            HistogramBin(120.0, 150.0, 40),
        ),
        providers=(
            Provider(provider, 132_284, 7474, 124_810, ((200, 124_810), (429, 7474)), spread),
            Provider(None, 2, 0, 0, ((None, 2),), NO_SPREAD),
        ),
        providers_left_out=4,
        fallbacks=(Fallback(provider, name, 9), Fallback(name, None, 1)),
        fallbacks_left_out=1,
        attempts_unknown=8,
    )
