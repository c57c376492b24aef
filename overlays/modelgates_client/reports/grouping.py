"""Sums and spreads, of all records and by group.

Amounts are added as `DECIMAL(38,24)`, exactly. Where a sum could leave the type's range, digits
before and behind the point are added apart, which is slower.
"""

import datetime
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
_RANGE: Final = 10**14  # what DECIMAL(38,24) stays under
_MONDAY: Final = 3 * DAY  # from the Monday before 1970 began, a Thursday
_EXACT: Final = Context(prec=80)  # 38 digits, and as many more as a sum may have


@frozen
class Grouping:
    """What groups are asked for.

    Attributes:
        by: What they are grouped by, any of `picking.DIMENSIONS`.
        zone: The zone of times.
        sort: What they are ordered by.
        limit: How many are listed.
    """

    by: Sequence[str]
    zone: datetime.tzinfo
    sort: Sort
    limit: int


class Amounts:
    """SQL that adds up amounts, and what reads its result."""

    def __init__(self, connection: "DuckDBPyConnection") -> None:
        """Look at the amounts that were picked."""
        largest = ", ".join(f"max(abs({name}))" for name in AMOUNTS)
        row = connection.execute(f"SELECT count(*), {largest} FROM report_chosen").fetchall()[0]  # noqa: S608 - names are ours
        count, *amounts = row
        self._wide = any(amount and amount * count >= _RANGE for amount in amounts)

    def sums(self, name: str) -> list[str]:
        """Return columns that add up an amount, and count those that are known."""
        if self._wide:
            return [f"sum(trunc({name}))", f"sum({name} % 1)", f"count({name})"]
        return [f"sum({name})", "NULL", f"count({name})"]

    def order(self, name: str) -> str:
        """Return what to order by for the largest sums to come first; unknown ones are last."""
        if self._wide:
            whole, part = self.sums(name)[:2]
            return f"{whole} + floor({part}) DESC NULLS LAST, {part} - floor({part}) DESC"
        return f"sum({name}) DESC NULLS LAST"

    @staticmethod
    def total(cells: Sequence[Any], records: int) -> Total[Decimal]:
        """Return the sum of three cells of a result."""
        whole, part, count = cells
        digits = f"{_EXACT.add(whole or Decimal(0), part or Decimal(0)):f}"
        if "." in digits:  # 0E-24, as the type has it, is no way to write 0
            digits = digits.rstrip("0").rstrip(".")
        return Total(Decimal(digits), records - count)


def read_spread(count: int, quantiles: list[float] | None) -> Spread:
    """Return the spread of cells of a result."""
    p50, p95, p99 = quantiles or (None, None, None)
    return Spread(count, p50, p95, p99)


def spread(value: str) -> list[str]:
    """Return columns that count values, and tell their quantiles."""
    return [f"count({value})", f"quantile_cont({value}, {_QUANTILES})"]


def group(
    connection: "DuckDBPyConnection", amounts: Amounts, asked: Grouping
) -> tuple[Group, tuple[Group, ...], Group | None, int]:
    """Return all records, the groups listed, the others taken together, and how many.

    The view `report_dated` has the records.
    """
    columns = ["count(*)", "count(*) FILTER (state = 'provisional')"]
    for name in AMOUNTS:
        columns += amounts.sums(name)
    for name in TOKENS:
        columns += [f"sum({name})", f"count({name})"]
    for name in MEASURES:
        columns += spread(name)
    figures = ", ".join(columns)
    by = asked.by
    if not by:
        row = connection.execute(f"SELECT {figures} FROM report_chosen").fetchall()[0]  # noqa: S608 - ours
        return _group((), row), (), None, 0
    keys, number_of_groups = _rank(connection, amounts, asked)
    same = " AND ".join(f"{_key(name)} IS NOT DISTINCT FROM {_ranked(name)}" for name in by)
    rows = connection.execute(
        f"SELECT grouping(number), number, {figures} FROM report_dated "  # noqa: S608 - ours too
        f"LEFT JOIN report_ranked ON {same} GROUP BY GROUPING SETS ((), (number)) ORDER BY number"
    ).fetchall()
    total = rest = None
    groups = list[Group]()
    for is_total, number, *cells in rows:
        if is_total:
            total = _group((), cells)
        elif number is None:
            rest = _group((), cells)
        else:
            groups.append(_group(keys[number], cells))
    if total is None:
        raise LookupError("there is no row of all records")
    return total, tuple(groups), rest, number_of_groups - len(groups)


def _rank(
    connection: "DuckDBPyConnection", amounts: Amounts, asked: Grouping
) -> tuple[dict[int, tuple[str | None, ...]], int]:
    """Number the groups that are listed in their order; return their keys, and how many there are.

    They become the table `report_ranked`.
    """
    by = asked.by
    order = _order(amounts, by, asked.sort)
    # The latest are listed where not all are, in the order of time all the same.
    first = order.replace("ASC", "DESC") if asked.sort == "time" else order
    keys = ", ".join(f"{_key(name)} AS {_ranked(name)}" for name in by)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE report_ranked AS "  # noqa: S608 - names are ours
        f"SELECT {keys}, count(*) OVER () AS groups, "
        f"row_number() OVER (ORDER BY {order}) AS number "
        f"FROM report_dated GROUP BY {', '.join(map(_key, by))} "
        f"QUALIFY row_number() OVER (ORDER BY {first}) <= {asked.limit}"
    )
    names = ", ".join(map(_ranked, by))
    rows = connection.execute(f"SELECT groups, number, {names} FROM report_ranked").fetchall()  # noqa: S608 - names are ours
    texts = {
        number: tuple(_text(name, value, asked.zone) for name, value in zip(by, key, strict=True))
        for _, number, *key in rows
    }
    return texts, rows[0][0] if rows else 0


def _order(amounts: Amounts, by: Sequence[str], sort: Sort) -> str:
    """Return SQL that orders groups; what is not known is last, and no two are equal."""
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
            tokens = "coalesce(sum(tokens_prompt), 0) + coalesce(sum(tokens_completion), 0)"
            return ", ".join((f"{tokens} DESC", cost, *keys))
        case "latency":
            return ", ".join(("quantile_cont(latency_ms, 0.5) DESC NULLS LAST", cost, *keys))


def _key(name: str) -> str:
    """Return SQL for what a record is grouped by; a time as microseconds."""
    match name:
        case "hour":  # an instant: by the clocks, an hour may come twice
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
    """Return what a group's records have in common, as text; times as in ISO 8601."""
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
    rest = iter(cells)
    records, provisional = next(rest), next(rest)
    figures: dict[str, Any] = {}
    for name in AMOUNTS:
        figures[name] = Amounts.total([next(rest) for _ in range(3)], records)
    for name in TOKENS:
        figures[name] = Total[int](next(rest) or 0, records - next(rest))
    for name in MEASURES:
        figures[name] = read_spread(next(rest), next(rest))
    return Group(key, records, provisional, **figures)
