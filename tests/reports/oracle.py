"""Computes the figures of a report in plain Python, record by record: slow, but easy to check."""

import collections
import datetime
from fractions import Fraction

RECORDS = ("final", "provisional", "never-final")
FIGURES = (
    *("charged_usd", "upstream_usd", "all_in_usd", "cache_saving_usd"),
    *("native_tokens_prompt", "native_tokens_completion"),
    *("native_tokens_cached", "native_tokens_reasoning"),
)
SPREADS = ("latency_ms", "generation_time_ms", "native_tokens_per_second")
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


def in_period(rows, since=None, until=None):
    """Return the records of a period."""
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
    """Return the key by which a record is grouped."""

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
    """Return a quantile with linear interpolation, computed exactly."""
    ordered = sorted(map(Fraction, values))
    position = Fraction(share) * (len(ordered) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (ordered[high] - ordered[low]) * (position - low))


def group(records):
    """Return the figures of records by name; sums are fractions."""
    figures = {
        "records": len(records),
        "provisional": sum(row["state"] == "provisional" for row in records),
        "never_final": sum(row["state"] == "never-final" for row in records),
    }
    for name in FIGURES:
        values = [Fraction(row[name]) for row in records if row[name] is not None]
        figures[name] = (sum(values, Fraction(0)), len(records) - len(values))
    for name in SPREADS:
        values = [row[name] for row in records if row[name] is not None]
        parts = ("1/2", "19/20", "99/100")
        spread = [quantile(values, part) for part in parts] if values else [None] * 3
        figures[name] = (len(values), *spread)
    return figures


def groups(records, by, zone):
    """Return the figures of each group, by key."""
    by_key = collections.defaultdict(list)
    for row in records:
        by_key[key_of(row, by, zone)].append(row)
    return {key: group(rows) for key, rows in by_key.items()}


def cost_over_time(records, zone, step):
    """Return the cost and number of records by model and start of the hour or day, in UTC."""
    slices = collections.defaultdict(lambda: [Fraction(0), 0, 0])
    for row in records:
        if row["created_at"] is None:
            continue
        local = row["created_at"].astimezone(zone)
        if step == "hour":
            since_full_hour = datetime.timedelta(
                minutes=local.minute, seconds=local.second, microseconds=local.microsecond
            )
            start = row["created_at"] - since_full_hour
        else:
            start = datetime.datetime.combine(local.date(), datetime.time(), zone)
        part = slices[start.astimezone(datetime.UTC), row["model"]]
        part[0] += Fraction(row["all_in_usd"] or 0)
        part[1] += row["all_in_usd"] is None
        part[2] += 1
    return {key: tuple(part) for key, part in slices.items()}


def providers(records):
    """Return attempts, failures, served generations and statuses by provider, and fallbacks."""
    by_provider = collections.defaultdict(lambda: [0, 0, 0, collections.Counter()])
    fallbacks = collections.Counter()
    for row in records:
        attempts = row["attempts"] or []
        served = max(
            (index for index, attempt in enumerate(attempts) if _is_success(attempt)),
            default=None,
        )
        for index, attempt in enumerate(attempts):
            part = by_provider[attempt["provider"]]
            failed = attempt["status"] is not None and not _is_success(attempt)
            part[0] += 1
            part[1] += failed
            part[2] += index == served
            part[3][attempt["status"]] += 1
            if not failed or attempt["provider"] is None:
                continue
            if index + 1 < len(attempts):
                then = attempts[index + 1]["provider"]
                if then is not None:
                    fallbacks[attempt["provider"], then] += 1
            elif served is None:
                fallbacks[attempt["provider"], None] += 1
    return dict(by_provider), fallbacks


def _is_success(attempt):
    return attempt["status"] is not None and 200 <= attempt["status"] < 300
