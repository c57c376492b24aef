"""The figures of a report by plain Python, one record after the other: slow, and easy to check."""

import collections
import datetime
from fractions import Fraction

RECORDS = ("final", "provisional")
FIGURES = {
    "charged_usd": "charged_usd",
    "upstream_usd": "upstream_usd",
    "all_in_usd": "all_in_usd",
    "cache_saving_usd": "cache_saving_usd",
    "tokens_prompt": "native_tokens_prompt",
    "tokens_completion": "native_tokens_completion",
    "tokens_cached": "native_tokens_cached",
    "tokens_reasoning": "native_tokens_reasoning",
}
SPREADS = {
    "latency_ms": "latency_ms",
    "generation_ms": "generation_time_ms",
    "tokens_per_second": "tokens_per_second",
}
COLUMNS = {
    "model": "model",
    "provider": "served_by",
    "user": "external_user",
    "session": "session_id",
    "app": "app_id",
    "tier": "service_tier",
    "byok": "is_byok",
}


TIMES = {
    "hour": lambda at: at.replace(minute=0, second=0, microsecond=0).isoformat(timespec="minutes"),
    "day": lambda at: at.strftime("%Y-%m-%d"),
    "week": lambda at: at.strftime("%G-W%V"),
    "month": lambda at: at.strftime("%Y-%m"),
}


def chosen(rows, since=None, until=None):
    """Return the records that count."""
    records = [row for row in rows if row["state"] in RECORDS]
    if since is None and until is None:
        return records
    return [
        row
        for row in records
        if row["created_at"] is not None
        and (since is None or row["created_at"] >= since)
        and (until is None or row["created_at"] < until)
    ]


def key_of(row, by, zone):
    """Return what a record is grouped by."""

    def part(name):
        if name in TIMES:
            when = row["created_at"]
            return None if when is None else TIMES[name](when.astimezone(zone))
        value = row[COLUMNS[name]]
        if name == "byok" and value is not None:
            return "yes" if value else "no"
        return None if value is None else str(value)

    return tuple(map(part, by))


def quantile(values, share):
    """Return a quantile, interpolated linearly; exactly."""
    ordered = sorted(map(Fraction, values))
    place = Fraction(share) * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (ordered[high] - ordered[low]) * (place - low))


def group(records):
    """Return figures of records, as names and plain values; sums as fractions."""
    figures = {
        "records": len(records),
        "provisional": sum(row["state"] == "provisional" for row in records),
    }
    for name, column in FIGURES.items():
        said = [Fraction(row[column]) for row in records if row[column] is not None]
        figures[name] = (sum(said, Fraction(0)), len(records) - len(said))
    for name, column in SPREADS.items():
        said = [row[column] for row in records if row[column] is not None]
        parts = ("1/2", "19/20", "99/100")
        spread = [quantile(said, part) for part in parts] if said else [None] * 3
        figures[name] = (len(said), *spread)
    return figures


def groups(records, by, zone):
    """Return the figures of each group, by key."""
    found = collections.defaultdict(list)
    for row in records:
        found[key_of(row, by, zone)].append(row)
    return {key: group(rows) for key, rows in found.items()}


def cost_over_time(records, zone, step):
    """Return cost and number of records by the start of the hour or day, in UTC, and model."""
    found = collections.defaultdict(lambda: [Fraction(0), 0, 0])
    for row in records:
        if row["created_at"] is None:
            continue
        local = row["created_at"].astimezone(zone)
        if step == "hour":
            into = datetime.timedelta(
                minutes=local.minute, seconds=local.second, microseconds=local.microsecond
            )
            start = row["created_at"] - into
        else:
            start = datetime.datetime.combine(local.date(), datetime.time(), zone)
        part = found[start.astimezone(datetime.UTC), row["model"]]
        part[0] += Fraction(row["all_in_usd"] or 0)
        part[1] += row["all_in_usd"] is None
        part[2] += 1
    return {key: tuple(part) for key, part in found.items()}


def providers(records):
    """Return attempts, failures, generations served and statuses by provider; and fallbacks."""
    found = collections.defaultdict(lambda: [0, 0, 0, collections.Counter()])
    fallbacks = collections.Counter()
    for row in records:
        attempts = row["attempts"] or []
        served = max(
            (place for place, one in enumerate(attempts) if _succeeded(one)),
            default=None,
        )
        for place, one in enumerate(attempts):
            part = found[one["provider"]]
            failed = one["status"] is not None and not _succeeded(one)
            part[0] += 1
            part[1] += failed
            part[2] += place == served
            part[3][one["status"]] += 1
            if not failed or one["provider"] is None:
                continue
            if place + 1 < len(attempts):
                then = attempts[place + 1]["provider"]
                if then is not None:
                    fallbacks[one["provider"], then] += 1
            elif served is None:
                fallbacks[one["provider"], None] += 1
    return dict(found), fallbacks


def _succeeded(attempt):
    return attempt["status"] is not None and 200 <= attempt["status"] < 300
