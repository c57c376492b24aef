"""Budgets of a configuration: limits per period, for all records or for each of a kind. Pure.

A budget looks ahead by one plain method: the mean of the last seven whole days, of fewer if the
first record is younger, and of none with fewer than three.
"""

import datetime
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from decimal import ROUND_FLOOR, Context, Decimal, InvalidOperation
from math import inf
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from attrs import field, frozen

from modelgates_client.errors import ConfigurationError
from modelgates_client.exports.sql import literal
from modelgates_client.ledger.control_totals import (
    DAY,
    EXACT,
    Day,
    Totals,
    TotalsDifference,
    number_of,
)
from modelgates_client.reports.periods import NO_PERIOD, Period, read_period, start_of, zone_of
from modelgates_client.reports.reading import (
    Cursor,
    DatabaseConnection,
    DaySums,
    Dialect,
    read,
    split,
    within,
)
from modelgates_client.reports.selection import DIMENSIONS, RECORDS, TIMES, label_of, microseconds
from modelgates_client.reports.spending import AMOUNTS, Basis, Spending, Verdict
from modelgates_client.rows.columns import LABELS
from modelgates_runtime.values import is_array, is_object

_PERIODS: Final = {"day": "today", "week": "week", "month": "month"}
_ROLLING: Final = re.compile("[0-9]{1,4}[hdw]")
_DAYS: Final = 7  # that the mean is of
_MIN: Final = 3
_AT_ONCE: Final = 1000  # values that are looked through together
_ROUNDED: Final = Context(prec=20)  # a mean is no sum

#: What budgets can be for: a dimension of reports that is no time, or `label:NAME`.
KINDS: Final = tuple(name for name in DIMENSIONS if name not in TIMES)


#: What is read of rows.
BUDGET_COLUMNS: Final = (
    "state",
    "created_at",
    *AMOUNTS.values(),
    *(DIMENSIONS[name] for name in KINDS),
    LABELS.name,
)


@frozen
class Budget:
    """A limit.

    Attributes:
        name: What it is called.
        max_usd: The limit, in US dollars.
        period: `day`, `week` or `month`, of the calendar; or a time that rolls, as `30d`.
        basis: What counts.
        each: A limit for each value of it, as `user` or `label:team`; None: one for all.
        where: Only records which have these values, by dimension or label.
        warn_at: At which parts of the limit to warn.
        allow_doubtful: How many ids of unknown or unsettled cost may pass.
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
    """How a budget stands.

    Attributes:
        budget: The budget.
        value: The value of `each` that it is for; None: of all, or of records that say none. A
            value of which there is nothing in the period has none, unless there is no other.
        period: The period that is meant now.
        spent: What was spent in it.
        verdict: Whether that is within the limit, as far as that can be said.
        share: The part of the limit that is spent, as far as it is known; None of a limit of 0.
        warned_at: The part at which a warning is due: the highest that is reached; None: none.
        usd_per_day: The mean of the last whole days; None: there are fewer than three.
        days: How many days the mean is of.
        reached_on: The day on which the limit is reached if every day is like the mean; None: not
            in this period, or it cannot be said.
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


class BudgetRow(NamedTuple):
    """What budgets need of a row.

    Attributes:
        created: When the generation was made, in microseconds since 1970; None: not known. Of an
            id without a record it is the time in the id.
        state: Of the row.
        amounts: By basis; None: not known.
        values: Of dimensions and labels, by name; None, or no such name: not known.
    """

    created: int | None
    state: str
    amounts: Mapping[Basis, Decimal | None]
    values: Mapping[str, str | None]


def read_budgets(tables: Mapping[str, Any]) -> tuple[Budget, ...]:
    """Return the budgets of a configuration: a table each.

    Raises:
        ConfigurationError: A key or a value is not known; it names both.
    """
    return tuple(_read(name, table) for name, table in tables.items())


KEYS: Final = ("max-usd", "period", "basis", "each", "where", "warn-at", "allow-doubtful")


def _read(name: str, table: Any) -> Budget:
    place = f"budgets.{name}"
    if not is_object(table):
        raise ConfigurationError(f"{place}: expected a table, [{place}]")
    for key in table:
        if key not in KEYS:
            raise ConfigurationError(
                f"{place}: there is no key {key!r}; expected any of {', '.join(KEYS)}"
            )
    if "max-usd" not in table:
        raise ConfigurationError(f"{place}: max-usd is missing, the limit in US dollars")
    warn_at = table.get("warn-at", [Decimal("0.8")])
    return Budget(
        name=name,
        max_usd=_amount(table["max-usd"], f"{place}: max-usd"),
        period=_one_of(table.get("period", "month"), (*_PERIODS,), f"{place}: period", _ROLLING),
        basis=_one_of(table.get("basis", "all-in"), (*AMOUNTS,), f"{place}: basis"),
        each=_kind(table["each"], f"{place}: each") if "each" in table else None,
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


def _one_of(
    value: Any, allowed: Sequence[Any], place: str, pattern: re.Pattern[str] | None = None
) -> Any:
    fits = pattern is not None and isinstance(value, str) and pattern.fullmatch(value)
    if value not in allowed and not fits:
        also = "" if pattern is None else ", or a time as 36h, 30d, 4w"
        raise ConfigurationError(
            f"{place}: expected any of {', '.join(allowed)}{also}, not {value!r}"
        )
    return value


def _kind(value: Any, place: str) -> str:
    if isinstance(value, str) and (value in KINDS or label_of(value) is not None):
        return value
    raise ConfigurationError(
        f"{place}: expected any of {', '.join(KINDS)}, label:NAME, not {value!r}"
    )


def _where(value: Any, place: str) -> dict[str, str]:
    if not is_object(value):
        raise ConfigurationError(f'{place}: expected a table, as {{ app = "search" }}')
    for key in value:
        _kind(key, place)
    return {key: str(text) for key, text in value.items()}


#: Returns those of a budget's values of which there are older records.
Older = Callable[[Budget, Collection[str | None]], Collection[str | None]]


def states(
    budgets: Sequence[Budget],
    rows: Iterable[BudgetRow],
    now: datetime.datetime,
    timezone: str,
    older: Older = lambda _, __: set(),
) -> list[BudgetState]:
    """Return how budgets stand, in their order; of each kind those that have spent most first.

    Args:
        budgets: The budgets.
        rows: Of a ledger; those from `needed_from` on are enough.
        now: The present, aware.
        timezone: The IANA name of the zone of days.
        older: Tells of which of a budget's values there are records before those.
    """
    accounts = [_Account(budget, now, timezone) for budget in budgets]
    for row in rows:
        for account in accounts:
            account.add(row)
    return [
        state
        for budget, account in zip(budgets, accounts, strict=True)
        for state in account.states(older(budget, account.values))
    ]


def needed_from(budgets: Sequence[Budget], now: datetime.datetime, timezone: str) -> int:
    """Return from when on rows are needed: a UTC day's beginning, in microseconds since 1970."""
    starts = (_Account(budget, now, timezone).needed_from for budget in budgets)
    return min(starts) // DAY * DAY


class _Sums:
    """What a budget counts of the records of one value."""

    def __init__(self) -> None:
        self.known = Decimal(0)
        self.recent = [Decimal(0)] * _DAYS  # of the last whole days, the latest first
        self.first = inf
        self.records = self.provisional = self.unknown = self.undated = self.doubtful = 0
        self.lacking: Counter[str] = Counter()  # a record, by state

    @property
    def is_of_the_period(self) -> bool:
        """Whether there is something that is or may be of it."""
        return bool(self.records or self.undated or self.lacking)


class _Account:
    """Adds up what a budget is about, row by row."""

    def __init__(self, budget: Budget, now: datetime.datetime, timezone: str) -> None:
        named = _PERIODS.get(budget.period)
        options = {**NO_PERIOD, "timezone": timezone}
        options.update({named: True} if named is not None else {"since": budget.period})
        self.period = read_period(options, now)  # type: ignore[arg-type]
        if self.period.since is None:
            raise LookupError("a budget's period has a beginning")
        self._budget = budget
        self._start = microseconds(self.period.since)
        self._today = now.astimezone(self.period.since.tzinfo).date()
        zone = zone_of(timezone)
        ago = [self._today - datetime.timedelta(days=days) for days in range(_DAYS + 1)]
        self._days = [microseconds(start_of(day, zone)) for day in ago]  # the latest first
        self._sums: dict[str | None, _Sums] = {}
        self._lacking: Counter[str] = Counter()  # a record, by state: of whichever value
        if budget.each is None:
            self._sums[None] = _Sums()

    def add(self, row: BudgetRow) -> None:
        """Count a row."""
        budget = self._budget
        if row.state not in {"final", "provisional"}:
            if row.created is None or row.created >= self._start:
                self._add_lacking(row)
            return
        if any(row.values.get(name) != value for name, value in budget.where.items()):
            return
        value = None if budget.each is None else row.values.get(budget.each)
        sums = self._sums.setdefault(value, _Sums())
        amount = row.amounts[budget.basis]
        if row.created is None:
            sums.undated += 1
            sums.doubtful += 1
            return
        sums.first = min(sums.first, row.created)
        if amount is not None and self._days[-1] <= row.created < self._days[0]:
            ago = next(n for n, start in enumerate(self._days[1:]) if row.created >= start)
            sums.recent[ago] = EXACT.add(sums.recent[ago], amount)
        if row.created < self._start:
            return
        sums.records += 1
        sums.provisional += row.state == "provisional"
        sums.unknown += amount is None
        sums.doubtful += row.state == "provisional" or amount is None
        if amount is not None:
            sums.known = EXACT.add(sums.known, amount)

    def _add_lacking(self, row: BudgetRow) -> None:
        """Count an id without a record: of it labels are known, and nothing else."""
        labels = [item for item in self._budget.where.items() if label_of(item[0]) is not None]
        if any(row.values.get(name) != value for name, value in labels):
            return
        each = self._budget.each
        if each is None or label_of(each) is None:
            self._lacking[row.state] += 1
        else:
            self._sums.setdefault(row.values.get(each), _Sums()).lacking[row.state] += 1

    @property
    def values(self) -> Collection[str | None]:
        """The values that there is something of."""
        return self._sums.keys()

    @property
    def needed_from(self) -> int:
        """From when on rows are needed, in microseconds since 1970."""
        return min(self._start, self._days[-1])

    def states(self, older: Collection[str | None]) -> list[BudgetState]:
        """Return how it stands for each value, where most was spent first.

        `older` are the values of which there are records before those that were added.
        """
        for value in older:
            if value in self._sums:
                self._sums[value].first = -inf
        present = {value: sums for value, sums in self._sums.items() if sums.is_of_the_period}
        found = [self._state(value, sums) for value, sums in (present or {None: _Sums()}).items()]
        return sorted(found, key=lambda state: (-state.spent.known_usd, state.value or ""))

    def _state(self, value: str | None, sums: _Sums) -> BudgetState:
        budget = self._budget
        lacking = self._lacking + sums.lacking
        spent = Spending(
            known_usd=sums.known,
            records=sums.records,
            provisional=sums.provisional,
            unknown=sums.unknown,
            undated=sums.undated,
            pending=lacking["pending"],
            failed=lacking["failed"],
            doubtful=sums.doubtful + lacking["pending"] + lacking["failed"],
            forgotten=lacking["forgotten"],
        )
        reached = [part for part in budget.warn_at if sums.known >= part * budget.max_usd]
        verdict = spent.verdict(budget.max_usd, budget.allow_doubtful)
        days = sum(start >= sums.first for start in self._days[1:])  # the first is not whole
        recent = sum(sums.recent[:days], Decimal(0))
        rate = _ROUNDED.divide(recent, Decimal(days)) if days >= _MIN else None
        return BudgetState(
            budget=budget,
            value=value,
            period=self.period,
            spent=spent,
            verdict=verdict,
            share=_ROUNDED.divide(sums.known, budget.max_usd) if budget.max_usd else None,
            warned_at=reached[-1] if reached and sums.records else None,
            usd_per_day=rate,
            days=days,
            reached_on=None if verdict == "over" else self._reached_on(sums.known, rate),
        )

    def _reached_on(self, known: Decimal, rate: Decimal | None) -> datetime.date | None:
        """Return when the limit is reached; only a period of the calendar has days to come."""
        if rate is None or rate <= 0 or self._budget.period not in _PERIODS:
            return None
        left = _ROUNDED.divide(self._budget.max_usd - known, rate)
        days = left.to_integral_value(ROUND_FLOOR)
        ends = {
            "day": self._today,
            "week": self._today + datetime.timedelta(days=6 - self._today.weekday()),
            "month": (self._today.replace(day=1) + datetime.timedelta(days=32)).replace(day=1)
            - datetime.timedelta(days=1),
        }[self._budget.period]
        if days > (ends - self._today).days:
            return None
        return self._today + datetime.timedelta(days=int(days))


def states_of(  # noqa: PLR0913 - what budgets are held against, and when
    connection: DatabaseConnection,
    dialect: Dialect,
    budgets: Sequence[Budget],
    now: datetime.datetime,
    *,
    timezone: str,
    kept: Totals | None = None,
) -> tuple[list[BudgetState], tuple[TotalsDifference, ...]]:
    """Return how budgets stand by the table or view `rows`, and what of it has changed since.

    Rows are read once, from the beginning of the longest period on, and of the days before now that
    the mean is of.

    Args:
        connection: Of SQLite or DuckDB.
        dialect: Of which of the two.
        budgets: As for `states`.
        now: As for `states`.
        timezone: As for `states`.
        kept: The control totals of the rows; None: there are none.

    Raises:
        DamagedError: An amount is no number, or a time none.
    """
    present = _present(connection)
    start = needed_from(budgets, now, timezone)
    names = [name for name in AMOUNTS.values() if name in present]
    sums = DaySums(names)
    asked = {budget.each for budget in budgets if budget.each is not None}
    kinds = [*asked.union(*(budget.where for budget in budgets))]
    values = {name: _value(name, dialect, present) for name in kinds}
    parts = read(connection, dialect, (*names, *values.values()), within(dialect, start, None))

    def older(budget: Budget, wanted: Collection[str | None]) -> set[str | None]:
        what = _before(budget, values, f"{dialect.time} < {start}")
        return _found(connection.execute(what), wanted)

    found = states(
        budgets,
        _rows(parts, sums, names, kinds),
        now,
        timezone,
        older,
    )
    return found, sums.differences(kept, start, None)


def _present(connection: DatabaseConnection) -> set[str]:
    """Return the columns that there are: the spec of the day may lack a field."""
    described = connection.execute("SELECT name FROM pragma_table_info('rows')").fetchall()
    return {name for (name,) in described}


def _value(name: str, dialect: Dialect, present: Collection[str]) -> str:
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


def _rows(
    parts: Iterable[tuple[Day, list[tuple[Any, ...]]]],
    sums: DaySums,
    names: Sequence[str],
    kinds: Sequence[str],
) -> Iterator[BudgetRow]:
    """Yield rows, and add their amounts up."""
    bases: list[Basis] = [basis for basis, name in AMOUNTS.items() if name in names]
    nothing: dict[Basis, Decimal | None] = dict.fromkeys(AMOUNTS)
    for day, part in parts:
        sums.add(day, split(part)[0])
        for created, state, *cells in part:
            amounts = nothing.copy()
            for basis, cell in zip(bases, cells, strict=False):
                amounts[basis] = None if cell is None else number_of(cell)
            values = dict(zip(kinds, cells[len(bases) :], strict=True))
            yield BudgetRow(created, state, amounts, values)


def _before(budget: Budget, values: Mapping[str, str], time: str) -> str:
    """Return SQL for the values of a budget's records, one for each, of an earlier time."""
    tests = [f"{values[name]} = {literal(text)}" for name, text in budget.where.items()]
    what = "NULL" if budget.each is None else values[budget.each]
    return f"SELECT {what} FROM rows WHERE {' AND '.join((*tests, RECORDS, time))}"  # noqa: S608 - ours, texts quoted


def _found(cursor: Cursor, wanted: Collection[str | None]) -> set[str | None]:
    """Return those of some values that there are, reading no further than until all are found."""
    left = set(wanted)
    while left and (part := cursor.fetchmany(_AT_ONCE)):
        left.difference_update(value for (value,) in part)
    return {*wanted} - left
