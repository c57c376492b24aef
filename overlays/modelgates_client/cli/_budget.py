"""`modelgates budget`: is what was spent within a limit? The exit status says it.

With `--format json` it prints one object: `version`, of this form, is 1, and names may be added to
a version, but none goes; `client_version`; `verdict`: `within` (exit status 0), `over` (10) or
`undecided` (11); `max_usd`, `basis`, `allowed_doubtful`, `since`, `until` and `timezone`, as asked
for; and the names of `reports.spending.Spending`. An amount is a string of decimal digits, exact.

With `--all` it prints the budgets of the configuration file: `version`, `client_version`,
`timezone`, and `budgets`, each with `name`, `period`, `each`, `value`, `where`, `warn_at` and the
same names, and with those of `reports.budgets.State`.
"""

import datetime
import json
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final, Literal

from attrs import evolve

from modelgates_client._version import __version__
from modelgates_client.cli._messages import Messages
from modelgates_client.cli._statuses import Status
from modelgates_client.cli._stdout import Stdout
from modelgates_client.errors import ConfigurationError
from modelgates_client.ledger.controls import Difference
from modelgates_client.records.money import format_usd
from modelgates_client.reports.budgets import BUDGET_COLUMNS, Budget, State, read_rows, states
from modelgates_client.reports.periods import (
    NO_PERIOD,
    Period,
    PeriodOptions,
    read_period,
    zone_name,
)
from modelgates_client.reports.picking import read_where
from modelgates_client.reports.plain import plain
from modelgates_client.reports.spending import (
    COLUMNS,
    TIME_OF_LEDGER,
    TIME_OF_ROWS,
    Basis,
    Spending,
    Verdict,
    rows_of_ledger,
    spending,
    spending_of_ledger,
    spending_of_rows,
)
from modelgates_client.reports.words import changed, count, decimals_of, name, rounded

_VERSION: Final = 1  # of the JSON
_STATUSES: Final[dict[Verdict, Status]] = {
    "within": Status.WELL,
    "over": Status.OVER_BUDGET,
    "undecided": Status.UNDECIDED,
}
_SEVEREST_FIRST: Final = (
    Status.OVER_BUDGET,
    Status.UNDECIDED,
    Status.NEAR_BUDGET,
    Status.WELL,
)
_LARGEST: Final = Decimal(10) ** 15


class BudgetOptions(PeriodOptions):
    """The arguments and options of `budget`, as click names them."""

    sources: tuple[str, ...]
    max_usd: str | None
    all_budgets: bool
    basis: Basis
    allow_doubtful: int
    shown_as: Literal["line", "json"]


def budget(options: BudgetOptions, messages: Messages, budgets: Sequence[Budget] = ()) -> Status:
    """Do what the options say: a line for each budget, or one object of JSON.

    Args:
        options: What was asked for.
        messages: Where to say what is not data.
        budgets: Those of the configuration file.

    Raises:
        ConfigurationError: They cannot be used, or what they name cannot be read.
        ReaderGoneError: Nobody reads the output any more.
        UnwritableError: The output cannot be written.
    """
    if options["all_budgets"]:
        return _all(options, messages, budgets)
    if options["max_usd"] is None:
        raise ConfigurationError("give the limit, --max-usd, or --all budgets of the configuration")
    max_usd = _amount(options["max_usd"])
    stdout = Stdout()
    period = read_period(
        options,
        datetime.datetime.now(datetime.UTC),
    )
    where = read_where(options["where"])
    spent = _spending(options["sources"], period, options["basis"], where)
    verdict = spent.verdict(max_usd, options["allow_doubtful"])
    if spent.differences:
        messages.warning(f"{changed(spent.differences)}; run `modelgates check` on it")
    elif not spent.records and verdict == "undecided":
        messages.warning(
            "there is no record of the period, and nothing found is not nothing spent: fetch ids "
            "first, or look at the period"
        )
    elif verdict == "undecided":
        messages.warning(
            f"within the limit are {format_usd(spent.known_usd)}, and of {spent.doubtful} ids the "
            f"cost is not known or not settled: {_advice(spent)}let as many pass by "
            "--allow-doubtful"
        )
    if options["shown_as"] == "json":
        stdout.write(f"{json.dumps(_plain(spent, verdict, max_usd, period, options))}\n")
    else:
        stdout.write(f"{_line(spent, verdict, max_usd, period, options['basis'])}\n")
    return _STATUSES[verdict]


def _all(options: BudgetOptions, messages: Messages, budgets: Sequence[Budget]) -> Status:
    if options["max_usd"] is not None:
        raise ConfigurationError("--max-usd and --all exclude each other")
    if any(options[name] for name in NO_PERIOD if name != "timezone"):  # type: ignore[literal-required]
        raise ConfigurationError("--all: each budget says its period; no other can be given")
    if not budgets:
        raise ConfigurationError(
            "--all: there is no budget; expected a table as [budgets.team] in modelgates.toml"
        )
    stdout = Stdout()
    timezone = zone_name(options["timezone"])
    found = _states(options["sources"], budgets, timezone)
    differing = next((state.spent.differences for state in found if state.spent.differences), ())
    if differing:
        messages.warning(f"{changed(differing)}; run `modelgates check` on it")
    if options["shown_as"] == "json":
        whole = {
            "version": _VERSION,
            "client_version": __version__,
            "timezone": timezone,
            "budgets": [_plain_state(state) for state in found],
        }
        stdout.write(f"{json.dumps(whole)}\n")
    else:
        stdout.write("".join(f"{_state_line(state)}\n" for state in found))
    statuses = {_status(state) for state in found}
    return next(status for status in _SEVEREST_FIRST if status in statuses)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _states(sources: tuple[str, ...], budgets: Sequence[Budget], timezone: str) -> list[State]:
    """Return how budgets stand; of rows that have changed since, none can be judged."""
    now = _now()
    if not sources:
        raise ConfigurationError("nothing to add up: give a ledger, or Parquet files")
    if len(sources) == 1 and not _is_export(sources[0]):
        with rows_of_ledger(sources[0]) as (connection, kept):
            described = connection.execute("PRAGMA table_info(rows)").fetchall()
            rows = read_rows(connection, TIME_OF_LEDGER, [name for _, name, *_ in described])
            found = states(budgets, rows, now, timezone)
            everything = read_period(NO_PERIOD, now)
            bases: set[Basis] = {budget.basis for budget in budgets}
            differences = tuple(
                difference
                for basis in sorted(bases)
                for difference in spending(
                    connection, everything, basis, TIME_OF_LEDGER, kept
                ).differences
            )
    else:
        from modelgates_client.exports.source import open_source  # noqa: PLC0415 - ledgers without

        with open_source(sources) as source:
            source.define("rows", BUDGET_COLUMNS)
            rows = read_rows(source.connection, TIME_OF_ROWS, BUDGET_COLUMNS)
            found = states(budgets, rows, now, timezone)
            differences = source.differences()
    return [_doubted(state, differences) for state in found] if differences else found


def _doubted(state: State, differences: tuple[Difference, ...]) -> State:
    return evolve(
        state,
        spent=evolve(state.spent, differences=differences),
        verdict="undecided",
        reached_on=None,
    )


def _status(state: State) -> Status:
    if state.verdict != "over" and state.warned_at is not None:
        return Status.UNDECIDED if state.verdict == "undecided" else Status.NEAR_BUDGET
    return _STATUSES[state.verdict]


def _state_line(state: State) -> str:
    """Return a budget in a line: its name, how it stands, and when its limit is reached."""
    budget = state.budget
    of = "" if budget.each is None else f", {budget.each} {name(state.value)}"
    where = "".join(f", {kind} {name(value)}" for kind, value in budget.where.items())
    line = _line(state.spent, state.verdict, budget.max_usd, state.period, budget.basis)
    ahead = [] if state.share is None else [f"{state.share:.0%} of it"]
    if state.verdict == "within" and state.warned_at is not None:
        ahead.append(f"over the part of {state.warned_at:.0%} at which to warn")
    if state.usd_per_day is not None:
        rate = rounded(state.usd_per_day, decimals_of([state.usd_per_day]))
        ahead.append(f"{rate} a day, the mean of {count(state.days, 'whole day')}")
    if state.reached_on is not None:
        ahead.append(f"at this rate reached on {state.reached_on.isoformat()}")
    return "; ".join((f"{name(budget.name)}{of}{where}: {line}", *ahead))


def _plain_state(state: State) -> dict[str, Any]:
    budget = state.budget
    return {
        "name": budget.name,
        "verdict": state.verdict,
        "max_usd": f"{budget.max_usd:f}",
        "basis": budget.basis,
        "allowed_doubtful": budget.allow_doubtful,
        "period": budget.period,
        "each": budget.each,
        "value": state.value,
        "where": dict(budget.where),
        "warn_at": plain(budget.warn_at),
        "since": None if state.period.since is None else state.period.since.isoformat(),
        "until": None if state.period.until is None else state.period.until.isoformat(),
        **{
            key: plain(getattr(state, key))
            for key in ("share", "warned_at", "usd_per_day", "days", "reached_on")
        },
        **plain(state.spent),
    }


def _advice(spent: Spending) -> str:
    """Return what may tell more of the cost: asking again, for those that it can change."""
    return "fetch them again, or " if spent.pending + spent.failed + spent.provisional else ""


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or not 0 <= amount < _LARGEST:
        raise ConfigurationError(
            f"--max-usd {text!r}: expected an amount in US dollars, as 5 or 0.25"
        )
    return amount


def _spending(
    sources: tuple[str, ...], period: Period, basis: Basis, where: dict[str, str]
) -> Spending:
    if not sources:
        raise ConfigurationError("nothing to add up: give a ledger, or Parquet files")
    if len(sources) == 1 and not _is_export(sources[0]):
        return spending_of_ledger(sources[0], period, basis, where)
    from modelgates_client.exports.source import open_source  # noqa: PLC0415 - ledgers do without

    with open_source(sources) as source:
        source.define("rows", COLUMNS)
        spent = spending_of_rows(source.connection, period, basis, where)
        return evolve(spent, differences=source.differences())


def _is_export(source: str) -> bool:
    """Whether it names Parquet files: by their ending, their folder, or a pattern."""
    return (
        source.endswith(".parquet")
        or any(char in source for char in "*?[")
        or Path(source).is_dir()
    )


def _line(spent: Spending, verdict: Verdict, max_usd: Decimal, period: Period, basis: Basis) -> str:
    """Return the sum, the limit, the period, and what the sum leaves out."""
    word = {"within": "within budget", "over": "over budget", "undecided": "undecided"}[verdict]
    what = "charged" if basis == "charged" else "all in"
    ids = spent.pending + spent.failed
    parts = [
        (ids, f"{count(ids, 'id')} without a record, of the period or of no known time"),
        (spent.unknown, f"{count(spent.unknown, 'record')} of unknown cost"),
        (spent.undated, f"{count(spent.undated, 'record')} without a readable time"),
        (spent.provisional, f"{count(spent.provisional, 'record')} not final"),
        (spent.forgotten, f"{count(spent.forgotten, 'forgotten id')}"),
    ]
    named = ", ".join(text for number, text in parts if number)
    sum_of = f"{format_usd(spent.known_usd)} {what} of {format_usd(max_usd)}, {period}"
    left_out = f"left out or not settled: {named}" if named else "nothing left out"
    return f"{word}: {sum_of}, {count(spent.records, 'record')}; {left_out}"


def _plain(
    spent: Spending, verdict: Verdict, max_usd: Decimal, period: Period, options: BudgetOptions
) -> dict[str, Any]:
    return {
        "version": _VERSION,
        "client_version": __version__,
        "verdict": verdict,
        "max_usd": f"{max_usd:f}",
        "basis": options["basis"],
        "allowed_doubtful": options["allow_doubtful"],
        "since": None if period.since is None else period.since.isoformat(),
        "until": None if period.until is None else period.until.isoformat(),
        "timezone": period.timezone,
        **plain(spent),
    }
