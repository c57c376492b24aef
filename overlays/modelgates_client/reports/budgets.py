"""Budgets of a configuration file: limits per period, for all records or for each value of a kind.

The forecast is the mean of the last seven whole days, or of those since the first record, if these
are fewer; with fewer than three days there is no forecast.
"""

import datetime
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from decimal import ROUND_FLOOR, Context, Decimal, InvalidOperation
from math import inf
from types import MappingProxyType
from typing import Any, Final

from attrs import field, frozen

from modelgates_client.errors import ConfigurationError
from modelgates_client.exports.sql import literal
from modelgates_client.exports.tables import RECORDS
from modelgates_client.ledger.control_totals import (
    DAY,
    EXACT,
    Day,
    TotalsDifference,
    number_of,
    sum_of,
)
from modelgates_client.reports.periods import Period, PeriodName, read_period, start_of, zone_of
from modelgates_client.reports.reading import (
    Cursor,
    DatabaseConnection,
    DaySums,
    Dialect,
    OpenRows,
    Row,
    read,
    split,
    within,
)
from modelgates_client.reports.selection import DIMENSIONS, TIMES, label_of
from modelgates_client.reports.spending import AMOUNTS, Basis, PeriodTally, Spending, Verdict
from modelgates_client.rows.columns import LABELS
from modelgates_client.rows.values import microseconds
from modelgates_runtime.values import is_array, is_object

_PERIODS: Final[Mapping[str, PeriodName]] = {"day": "today", "week": "week", "month": "month"}
_ROLLING: Final = re.compile("[0-9]{1,4}[hdw]")
_MEAN_DAYS: Final = 7
_MIN_MEAN_DAYS: Final = 3
_BATCH_SIZE: Final = 1000  # values fetched at a time
_ROUNDED: Final = Context(prec=20)  # for quotients, which are rounded

#: What a budget can be limited to or split by: a dimension of reports other than times; in
#: addition, `label:NAME`.
BUDGET_DIMENSIONS: Final = tuple(name for name in DIMENSIONS if name not in TIMES)

#: The columns of rows that budgets read.
BUDGET_COLUMNS: Final = (
    "state",
    "created_at",
    *AMOUNTS.values(),
    *(DIMENSIONS[name] for name in BUDGET_DIMENSIONS),
    LABELS.name,
)


@frozen
class Budget:
    """A spending limit.

    Attributes:
        name: The name of the budget.
        max_usd: The limit, in US dollars.
        period: `day`, `week` or `month` of the calendar, or a rolling duration such as `30d`.
        basis: Which cost counts.
        each: Apply the limit to each value of this dimension or label, such as `user` or
            `label:team`; None: to all records together.
        where: Only records with these values count, by dimension or label.
        warn_at: The fractions of the limit at which to warn.
        allow_doubtful: How many ids of unknown or unsettled cost to tolerate.
    """

    name: str
    max_usd: Decimal
    period: str = "month"
    basis: Basis = "all-in"
    each: str | None = None
    where: Mapping[str, str] = field(factory=lambda: MappingProxyType(dict[str, str]()))
    warn_at: tuple[Decimal, ...] = (Decimal("0.8"),)
    allow_doubtful: int = 0


@frozen
class BudgetState:
    """The state of a budget in its current period.

    Attributes:
        budget: The budget.
        value: The value of `each`; None: all records, or those without a value. Values without
            anything in the period have no state, unless no value has anything.
        period: The current period.
        spent: What was spent in the period.
        verdict: Whether that is within the limit, or undecided.
        share: The known spending as a fraction of the limit; None if the limit is 0.
        warned_at: The highest fraction of `warn_at` that is reached; None: none is.
        usd_per_day: The mean of the last whole days; None: there are fewer than three.
        days: How many days the mean covers.
        reached_on: The day on which the limit is reached if every day costs the mean; None: not in
            this period, or unknown.
    """

    budget: Budget
    value: str | None
    period: Period
    spent: Spending
    verdict: Verdict
    share: Decimal | None
    warned_at: Decimal | None
    usd_per_day: Decimal | None
    days: int
    reached_on: datetime.date | None


def read_budgets(tables: Mapping[str, Any]) -> tuple[Budget, ...]:
    """Read the budgets of a configuration file, one per table.

    Raises:
        ConfigurationError: A key or a value is invalid; the message names both.
    """
    return tuple(_read_budget(name, table) for name, table in tables.items())


KEYS: Final = ("max-usd", "period", "basis", "each", "where", "warn-at", "allow-doubtful")


def _read_budget(name: str, table: Any) -> Budget:
    place = f"budgets.{name}"
    if not is_object(table):
        raise ConfigurationError(f"{place}: expected a table, [{place}]")
    for key in table:
        if key not in KEYS:
            raise ConfigurationError(
                f"{place}: there is no key {key!r}; expected any of {', '.join(KEYS)}"
            )
    if "max-usd" not in table:
        raise ConfigurationError(f"{place}: max-usd is missing; it is the limit in US dollars")
    warn_at = table.get("warn-at", [Decimal("0.8")])
    return Budget(
        name=name,
        max_usd=_amount(table["max-usd"], f"{place}: max-usd"),
        period=_choice(table.get("period", "month"), (*_PERIODS,), f"{place}: period", _ROLLING),
        basis=_choice(table.get("basis", "all-in"), (*AMOUNTS,), f"{place}: basis"),
        each=_dimension_or_label(table["each"], f"{place}: each") if "each" in table else None,
        where=MappingProxyType(_where(table.get("where", {}), f"{place}: where")),
        warn_at=tuple(
            sorted(
                _amount(part, f"{place}: warn-at")
                for part in (warn_at if is_array(warn_at) else [warn_at])
            )
        ),
        allow_doubtful=_count(table.get("allow-doubtful", 0), f"{place}: allow-doubtful"),
    )


def _amount(value: Any, place: str) -> Decimal:
    try:
        amount = Decimal(str(value)) if not isinstance(value, bool) else Decimal("NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise ConfigurationError(f"{place}: expected a number of 0 or more, not {value!r}")
    return amount


def _count(value: Any, place: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigurationError(f"{place}: expected a whole number of 0 or more, not {value!r}")
    return value


def _choice(
    value: Any, allowed: Sequence[Any], place: str, pattern: re.Pattern[str] | None = None
) -> Any:
    matches = pattern is not None and isinstance(value, str) and pattern.fullmatch(value)
    if value not in allowed and not matches:
        durations = "" if pattern is None else ", or a duration such as 36h, 30d, 4w"
        raise ConfigurationError(
            f"{place}: expected any of {', '.join(allowed)}{durations}, not {value!r}"
        )
    return value


def _dimension_or_label(value: Any, place: str) -> str:
    if isinstance(value, str) and (value in BUDGET_DIMENSIONS or label_of(value) is not None):
        return value
    raise ConfigurationError(
        f"{place}: expected any of {', '.join(BUDGET_DIMENSIONS)}, label:NAME, not {value!r}"
    )


def _where(value: Any, place: str) -> dict[str, str]:
    if not is_object(value):
        raise ConfigurationError(f'{place}: expected a table such as {{ app = "search" }}')
    for key in value:
        _dimension_or_label(key, place)
    return {key: str(text) for key, text in value.items()}


#: Returns those values of a budget that have records before the rows that are read.
FindOlderRecords = Callable[[Budget, Collection[str | None]], Collection[str | None]]


def kinds_of(budgets: Sequence[Budget]) -> list[str]:
    """Return the dimensions and labels that budgets are split by or limited to."""
    splits = {budget.each for budget in budgets if budget.each is not None}
    return [*splits.union(*(budget.where for budget in budgets))]


def states(
    budgets: Sequence[Budget],
    parts: Iterable[tuple[Day, list[Row]]],
    now: datetime.datetime,
    timezone: str,
    values_with_older_records: FindOlderRecords = lambda _, __: set(),
) -> list[BudgetState]:
    """Return the states of budgets, in their order; of one budget, highest spending first.

    Args:
        budgets: The budgets.
        parts: Rows of a ledger by UTC day, at least those since `needed_from`. After time and
            state, each has the amounts in the order of `AMOUNTS`, and the values of `kinds_of`.
        now: The current time, timezone-aware.
        timezone: The IANA name of the time zone of days.
        values_with_older_records: Finds the values of a budget that have records before `parts`.
    """
    kinds = kinds_of(budgets)
    tallies = [_BudgetTally(budget, kinds, now, timezone) for budget in budgets]
    for day, rows in parts:
        records, unresolved = split(rows)
        for tally in tallies:
            tally.add(day, records)
            tally.add_unresolved(unresolved)
    return [
        state
        for budget, tally in zip(budgets, tallies, strict=True)
        for state in tally.states(values_with_older_records(budget, tally.values))
    ]


def needed_from(budgets: Sequence[Budget], now: datetime.datetime, timezone: str) -> int:
    """Return the start of the first UTC day whose rows are needed, in microseconds since 1970."""
    kinds = kinds_of(budgets)
    starts = (_BudgetTally(budget, kinds, now, timezone).needed_from for budget in budgets)
    return min(starts) // DAY * DAY


class _ValueTally:
    """Sums the rows of one value of a budget, for its period and for the last whole days."""

    def __init__(self, period: Period, days: Sequence[int]) -> None:
        """Start with no rows; `days` are the starts of today and the days before, latest first."""
        self.spent = PeriodTally(period)
        self.recent = [Decimal(0)] * _MEAN_DAYS  # of the last whole days, latest first
        self.first = inf
        self._days = days

    def add(self, day: Day, records: list[Row]) -> None:
        """Add records of a UTC day: time, state, amount."""
        known = sum_of([amount for _, _, amount in records if amount is not None])
        self.spent.add(day, records, known)
        for created, _, amount in records:
            if created is None:
                continue
            self.first = min(self.first, created)
            if amount is not None and self._days[-1] <= created < self._days[0]:
                ago = next(n for n, start in enumerate(self._days[1:]) if created >= start)
                self.recent[ago] = EXACT.add(self.recent[ago], number_of(amount))


class _BudgetTally:
    """Sums the rows that a budget covers, by the values that it is split by."""

    def __init__(
        self, budget: Budget, kinds: Sequence[str], now: datetime.datetime, timezone: str
    ) -> None:
        """Start with no rows, which have the values of `kinds` after the amounts."""
        period_name = _PERIODS.get(budget.period)
        self.period = read_period(
            now,
            since=budget.period if period_name is None else None,
            named=() if period_name is None else (period_name,),
            timezone=timezone,
        )
        if self.period.since is None:
            raise LookupError("the period of a budget has no start")
        self._budget = budget
        self._start = microseconds(self.period.since)
        self._today = now.astimezone(self.period.since.tzinfo).date()
        zone = zone_of(timezone)
        days = [self._today - datetime.timedelta(days=ago) for ago in range(_MEAN_DAYS + 1)]
        self._days = [microseconds(start_of(day, zone)) for day in days]  # latest first
        self._amount = 2 + [*AMOUNTS].index(budget.basis)
        self._places = {kind: place for place, kind in enumerate(kinds, 2 + len(AMOUNTS))}
        self._tallies: dict[str | None, _ValueTally] = {}
        self._without_value = PeriodTally(self.period)  # ids without a record, of any value
        if budget.each is None:
            self._of(None)

    def _of(self, value: str | None) -> _ValueTally:
        return self._tallies.setdefault(value, _ValueTally(self.period, self._days))

    def add(self, day: Day, records: list[Row]) -> None:
        """Add records of a UTC day."""
        selected = self._selected(records, self._budget.where, self._budget.each)
        for value, rows in selected.items():
            self._of(value).add(day, rows)

    def add_unresolved(self, rows: list[Row]) -> None:
        """Add ids without a record, of which only labels are known."""
        where = {kind: text for kind, text in self._budget.where.items() if label_of(kind)}
        each = self._budget.each
        is_label = each is not None and label_of(each) is not None
        for value, part in self._selected(rows, where, each if is_label else None).items():
            tally = self._of(value).spent if is_label else self._without_value
            tally.add_unresolved(part)

    def _selected(
        self, rows: list[Row], where: Mapping[str, str], each: str | None
    ) -> dict[str | None, list[Row]]:
        """Return time, state and amount of the rows with some values, by the value of `each`."""
        tests = [(self._places[kind], text) for kind, text in where.items()]
        split_by = None if each is None else self._places[each]
        selected: dict[str | None, list[Row]] = {}
        for row in rows:
            if all(row[place] == text for place, text in tests):
                value = None if split_by is None else row[split_by]
                selected.setdefault(value, []).append((row[0], row[1], row[self._amount]))
        return selected

    @property
    def values(self) -> Collection[str | None]:
        """The values of the rows that were added."""
        return self._tallies.keys()

    @property
    def needed_from(self) -> int:
        """The time since which rows are needed, in microseconds since 1970 UTC."""
        return min(self._start, self._days[-1])

    def states(self, values_with_older_records: Collection[str | None]) -> list[BudgetState]:
        """Return the state for each value, highest spending first.

        Args:
            values_with_older_records: The values that have records before those that were added.
        """
        for value in values_with_older_records:
            if value in self._tallies:
                self._tallies[value].first = -inf
        present = {value: tally for value, tally in self._tallies.items() if tally.spent.has_any}
        if not present:
            present = {None: _ValueTally(self.period, self._days)}
        states = [self._state(value, tally) for value, tally in present.items()]
        return sorted(states, key=lambda state: (-state.spent.known_usd, state.value or ""))

    def _state(self, value: str | None, tally: _ValueTally) -> BudgetState:
        budget = self._budget
        spent = tally.spent.spending(also_unresolved=self._without_value.unresolved)
        known = spent.known_usd
        reached = [part for part in budget.warn_at if known >= part * budget.max_usd]
        verdict = spent.verdict(budget.max_usd, budget.allow_doubtful)
        # The day of the first record does not count: it may be partial.
        days = sum(start >= tally.first for start in self._days[1:])
        recent = sum(tally.recent[:days], Decimal(0))
        rate = _ROUNDED.divide(recent, Decimal(days)) if days >= _MIN_MEAN_DAYS else None
        return BudgetState(
            budget=budget,
            value=value,
            period=self.period,
            spent=spent,
            verdict=verdict,
            share=_ROUNDED.divide(known, budget.max_usd) if budget.max_usd else None,
            warned_at=reached[-1] if reached and spent.records else None,
            usd_per_day=rate,
            days=days,
            reached_on=None if verdict == "over" else self._reached_on(known, rate),
        )

    def _reached_on(self, known: Decimal, rate: Decimal | None) -> datetime.date | None:
        """Return when the limit is reached; only calendar periods have future days."""
        if rate is None or rate <= 0 or self._budget.period not in _PERIODS:
            return None
        left = _ROUNDED.divide(self._budget.max_usd - known, rate)
        days = left.to_integral_value(ROUND_FLOOR)
        last_day = {
            "day": self._today,
            "week": self._today + datetime.timedelta(days=6 - self._today.weekday()),
            "month": (self._today.replace(day=1) + datetime.timedelta(days=32)).replace(day=1)
            - datetime.timedelta(days=1),
        }[self._budget.period]
        if days > (last_day - self._today).days:
            return None
        return self._today + datetime.timedelta(days=int(days))


def states_of(
    open_rows: OpenRows, budgets: Sequence[Budget], now: datetime.datetime, timezone: str
) -> tuple[list[BudgetState], tuple[TotalsDifference, ...]]:
    """Return the states of budgets, and differences from the control totals.

    Rows are read once, since the start of the longest period and of the days of the mean.

    Args:
        open_rows: The rows, as of `reading.rows_of_sources`, with the columns `BUDGET_COLUMNS`.
        budgets: The budgets.
        now: The current time, timezone-aware.
        timezone: The IANA name of the time zone of days.

    Raises:
        DamagedError: An amount or a time in the rows is invalid.
    """
    connection, dialect = open_rows.connection, open_rows.dialect
    present = _columns_of(connection)
    start = needed_from(budgets, now, timezone)
    amounts = [name if name in present else "NULL" for name in AMOUNTS.values()]
    values = {name: _value_sql(name, dialect, present) for name in kinds_of(budgets)}
    sums = DaySums([*AMOUNTS.values()])

    def parts() -> Iterator[tuple[Day, list[Row]]]:
        """Yield the rows by day, and add their amounts to `sums`."""
        columns = (*amounts, *values.values())
        for day, rows in read(connection, dialect, columns, within(dialect, start, None)):
            sums.add(day, split(rows)[0])
            yield day, rows

    def with_older_records(budget: Budget, among: Collection[str | None]) -> set[str | None]:
        """Return those of some values of a budget that have records before the rows."""
        query = _older_values_query(budget, values, f"{dialect.time} < {start}")
        return _intersection(connection.execute(query), among)

    budget_states = states(budgets, parts(), now, timezone, with_older_records)
    differences = sums.differences(open_rows.control_totals, start, None)
    return budget_states, (*differences, *open_rows.source_differences())


def _columns_of(connection: DatabaseConnection) -> set[str]:
    """Return the columns of `rows`: the spec that they were written by may lack a field."""
    described = connection.execute("SELECT name FROM pragma_table_info('rows')").fetchall()
    return {name for (name,) in described}


def _value_sql(name: str, dialect: Dialect, present: Collection[str]) -> str:
    """Return SQL for the value of a dimension or label, as text."""
    label = label_of(name)
    if label is not None:
        return dialect.label(label) if LABELS.name in present else "NULL"
    column = DIMENSIONS[name]
    if column not in present:
        return "NULL"
    if name == "byok":
        return f"CASE WHEN {column} THEN 'yes' WHEN NOT {column} THEN 'no' END"
    return f"CAST({column} AS TEXT)"


def _older_values_query(budget: Budget, values: Mapping[str, str], is_older: str) -> str:
    """Return SQL for the value of each of a budget's records that were created earlier."""
    tests = [f"{values[name]} = {literal(text)}" for name, text in budget.where.items()]
    value = "NULL" if budget.each is None else values[budget.each]
    return f"SELECT {value} FROM rows WHERE {' AND '.join((*tests, RECORDS, is_older))}"  # noqa: S608 - constants, strings quoted


def _intersection(cursor: Cursor, values: Collection[str | None]) -> set[str | None]:
    """Return the values that a query returns, too, fetching no more than needed."""
    missing = set(values)
    while missing and (part := cursor.fetchmany(_BATCH_SIZE)):
        missing.difference_update(value for (value,) in part)
    return {*values} - missing
