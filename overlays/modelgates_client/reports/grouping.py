"""Sums and spreads, of all records and by group.

Amounts are summed exactly, as `DECIMAL(38,24)`. Where a sum could exceed the type's range, the
digits before and after the point are summed separately, which is slower.
"""

import datetime
from collections import defaultdict
from collections.abc import Sequence
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from modelgates_client.ledger.control_totals import DAY
from modelgates_client.reports.days import HOUR, date_of, floor, in_zone
from modelgates_client.reports.figures import Group, Sort, Spread, Total
from modelgates_client.reports.selection import AMOUNTS, MEASURES, TIMES, TOKENS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_QUANTILES: Final = "[0.5, 0.95, 0.99]"
_RANGE: Final = 10**14  # exclusive, of DECIMAL(38,24)
_MONDAY: Final = 3 * DAY  # 1970-01-01 was a Thursday
_EXACT: Final = Context(prec=80)  # 38 digits, and those that a sum adds


@frozen
class Grouping:
    """How to group records.

    Attributes:
        by: What to group by: any of `selection.DIMENSIONS`, or `label:NAME`.
        zone: The time zone of hours, days, weeks and months.
        sort: What to sort groups by.
        limit: How many groups to list.
    """

    by: Sequence[str]
    zone: datetime.tzinfo
    sort: Sort
    limit: int


class Amounts:
    """SQL that sums amounts, and the functions that read its results."""

    def __init__(self, connection: "DuckDBPyConnection") -> None:
        """Determine from the selected amounts whether sums could exceed the type's range."""
        largest = ", ".join(f"max(abs({name}))" for name in AMOUNTS)
        row = connection.execute(f"SELECT count(*), {largest} FROM report_records").fetchall()[0]  # noqa: S608 - constant names
        count, *amounts = row
        self._wide = any(amount and amount * count >= _RANGE for amount in amounts)

    def sums(self, name: str) -> list[str]:
        """Return SQL columns for the sum of an amount and the count of known values."""
        if self._wide:
            return [f"sum(trunc({name}))", f"sum({name} % 1)", f"count({name})"]
        return [f"sum({name})", "NULL", f"count({name})"]

    def order(self, name: str) -> str:
        """Return SQL to sort by the sum, largest first and unknown last."""
        if self._wide:
            whole, part = self.sums(name)[:2]
            return f"{whole} + floor({part}) DESC NULLS LAST, {part} - floor({part}) DESC"
        return f"sum({name}) DESC NULLS LAST"

    @staticmethod
    def total(cells: Sequence[Any], records: int) -> Total[Decimal]:
        """Return the sum from the three cells of `sums`."""
        whole, part, count = cells
        digits = f"{_EXACT.add(whole or Decimal(0), part or Decimal(0)):f}"
        if "." in digits:  # the type's own form of 0 is 0E-24
            digits = digits.rstrip("0").rstrip(".")
        return Total(Decimal(digits), records - count)


def read_spread(count: int, quantiles: list[float] | None) -> Spread:
    """Return the spread from the cells of `spread`."""
    p50, p95, p99 = quantiles or (None, None, None)
    return Spread(count, p50, p95, p99)


def spread(value: str) -> list[str]:
    """Return SQL columns for the count and the quantiles of values."""
    return [f"count({value})", f"quantile_cont({value}, {_QUANTILES})"]


def group(
    connection: "DuckDBPyConnection", amounts: Amounts, grouping: Grouping
) -> tuple[Group, tuple[Group, ...], Group | None, int]:
    """Group the records of the view `report_dated`.

    Returns:
        All records, the groups to list, all others combined, and how many others there are.
    """
    by = grouping.by
    keys, number_of_groups = _rank(connection, amounts, grouping) if by else ({}, 0)
    same = " AND ".join(f"{_key(name)} IS NOT DISTINCT FROM {_ranked(name)}" for name in by)
    source = f"report_dated LEFT JOIN report_ranked ON {same}" if by else "report_records"
    identity = "grouping(number), number" if by else "1, NULL"
    end = "GROUP BY GROUPING SETS ((), (number)) ORDER BY number" if by else ""
    rows = defaultdict[tuple[int, int | None], list[Any]](list)
    # Each spread by itself, since quantiles keep all values in memory.
    for columns in (_sums(amounts), *map(spread, MEASURES)):
        for is_total, number, *cells in connection.execute(
            f"SELECT {identity}, {', '.join(columns)} FROM {source} {end}"  # noqa: S608 - constants
        ).fetchall():
            rows[is_total, number] += cells
    groups = tuple(_group(keys[number], rows[0, number]) for number in keys)
    rest = _group((), rows[0, None]) if (0, None) in rows else None
    return _group((), rows[1, None]), groups, rest, number_of_groups - len(groups)


def _sums(amounts: Amounts) -> list[str]:
    """Return SQL columns for the number of records, and the sums of amounts and tokens."""
    columns = ["count(*)"]
    columns += [f"count(*) FILTER (state = '{state}')" for state in ("provisional", "never-final")]
    for name in AMOUNTS:
        columns += amounts.sums(name)
    for name in TOKENS:
        columns += [f"sum({name})", f"count({name})"]
    return columns


def _rank(
    connection: "DuckDBPyConnection", amounts: Amounts, grouping: Grouping
) -> tuple[dict[int, tuple[str | None, ...]], int]:
    """Create the table `report_ranked` of the groups to list, numbered in their order.

    Returns:
        Their keys by number, and how many groups there are in all.
    """
    by = grouping.by
    order = _order(amounts, by, grouping.sort)
    # Where not all are listed, the latest are, still in the order of time.
    first = order.replace("ASC", "DESC") if grouping.sort == "time" else order
    keys = ", ".join(f"{_key(name)} AS {_ranked(name)}" for name in by)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE report_ranked AS "  # noqa: S608 - constant names
        f"SELECT {keys}, count(*) OVER () AS groups, "
        f"row_number() OVER (ORDER BY {order}) AS number "
        f"FROM report_dated GROUP BY {', '.join(map(_key, by))} "
        f"QUALIFY row_number() OVER (ORDER BY {first}) <= {grouping.limit}"
    )
    names = ", ".join(map(_ranked, by))
    rows = connection.execute(
        f"SELECT groups, number, {names} FROM report_ranked ORDER BY number"  # noqa: S608 - constant names
    ).fetchall()
    texts = {
        number: tuple(
            _text(name, value, grouping.zone) for name, value in zip(by, key, strict=True)
        )
        for _, number, *key in rows
    }
    return texts, rows[0][0] if rows else 0


def _order(amounts: Amounts, by: Sequence[str], sort: Sort) -> str:
    """Return SQL that sorts groups, without ties and with unknown values last."""
    keys = [f"{_key(name)} ASC NULLS LAST" for name in by]
    cost = f"{amounts.order('all_in_usd')}, count(*) DESC"
    match sort:
        case "time":
            times = [key for name, key in zip(by, keys, strict=True) if name in TIMES]
            return ", ".join((*times, cost, *keys))
        case "name":
            return ", ".join(keys)
        case "cost":
            return ", ".join((cost, *keys))
        case "charged":
            return ", ".join((amounts.order("charged_usd"), *keys))
        case "records":
            return ", ".join(("count(*) DESC", cost, *keys))
        case "tokens":
            counts = ("native_tokens_prompt", "native_tokens_completion")
            tokens = " + ".join(f"coalesce(sum({name}), 0)" for name in counts)
            return ", ".join((f"{tokens} DESC", cost, *keys))
        case "latency":
            return ", ".join(("quantile_cont(latency_ms, 0.5) DESC NULLS LAST", cost, *keys))


def _key(name: str) -> str:
    """Return SQL for the value that a record is grouped by; a time as microseconds."""
    match name:
        case "hour":  # an instant: a local hour may occur twice
            return f"(created - (local - {floor('local', HOUR)}))"
        case "day":
            return floor("local", DAY)
        case "week":
            return f"({floor(f'(local + {_MONDAY})', 7 * DAY)} - {_MONDAY})"
        case "month":
            return "epoch_us(date_trunc('month', make_timestamp(local)))"
        case _:
            return f'"{name}"'


def _ranked(name: str) -> str:
    return f'"ranked_{name}"'


def _text(name: str, key: Any, zone: datetime.tzinfo) -> str | None:
    """Return a value that records were grouped by as text; times in ISO 8601."""
    if key is None:
        return None
    match name:
        case "hour":
            return in_zone(key, zone).isoformat(timespec="minutes")
        case "day":
            return date_of(key).isoformat()
        case "week":
            year, week, _ = date_of(key).isocalendar()
            return f"{year:04}-W{week:02}"
        case "month":
            return date_of(key).isoformat()[:7]
        case _:
            return str(key)


def _group(key: tuple[str | None, ...], cells: Sequence[Any]) -> Group:
    """Return the group of a row of the result."""
    remaining = iter(cells)
    records, provisional, never_final = (next(remaining) for _ in range(3))
    figures: dict[str, Any] = {}
    for name in AMOUNTS:
        figures[name] = Amounts.total([next(remaining) for _ in range(3)], records)
    for name in TOKENS:
        figures[name] = Total[int](next(remaining) or 0, records - next(remaining))
    for name in MEASURES:
        figures[name] = read_spread(next(remaining), next(remaining))
    return Group(key, records, provisional, never_final, **figures)
