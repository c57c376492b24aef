"""`modelgates budget --all`: check all budgets of the configuration file.

With `--format json` it prints one JSON object: `version` (1; a version may gain names, but never
loses any), `client_version`, `timezone` and `budgets`. Each budget has the fields of
`reports.budgets.Budget` and `BudgetState`, `since` and `until`, and the fields of
`reports.spending.Spending`.
"""

import datetime
from collections.abc import Sequence
from typing import Any, Final

from attrs import evolve

from modelgates_client.cli.statuses import Status
from modelgates_client.ledger.control_totals import TotalsDifference
from modelgates_client.reports.budgets import BUDGET_COLUMNS, Budget, BudgetState, states_of
from modelgates_client.reports.formatting import count, decimals_of, elided, name, rounded
from modelgates_client.reports.reading import rows_of_sources
from modelgates_client.reports.spending import Spending, Verdict
from modelgates_client.reports.to_json import to_plain, versioned

STATUSES: Final[dict[Verdict, Status]] = {
    "within": Status.OK,
    "over": Status.OVER_BUDGET,
    "undecided": Status.UNDECIDED,
}
_SEVEREST_FIRST: Final = (
    Status.OVER_BUDGET,
    Status.UNDECIDED,
    Status.NEAR_BUDGET,
    Status.OK,
)
_TITLES: Final = ("budget", "of", "spent", "limit", "used", "period", "stands", "a day", "reached")
_AMOUNTS: Final = frozenset(["spent", "limit", "a day"])
_LEFT_ALIGNED: Final = frozenset(["budget", "of", "period", "stands"])
_AS_STATED: Final = "no longer requested, counted as stated"
_MAX_NAME: Final = 32  # characters of a name
_MAX_NAMED: Final = 4  # budgets named in a line


def states_of_sources(
    sources: Sequence[str], budgets: Sequence[Budget], now: datetime.datetime, timezone: str
) -> list[BudgetState]:
    """Return the state of each budget; all are undecided if rows differ from their control totals.

    Raises:
        ModelGatesError: A source cannot be read.
    """
    with rows_of_sources(sources, BUDGET_COLUMNS) as rows:
        states, differences = states_of(rows, budgets, now, timezone)
    return [_undecided(state, differences) for state in states] if differences else states


def _undecided(state: BudgetState, differences: tuple[TotalsDifference, ...]) -> BudgetState:
    return evolve(
        state,
        spent=evolve(state.spent, differences=differences),
        verdict="undecided",
        reached_on=None,
    )


def status_of_all(states: Sequence[BudgetState]) -> Status:
    """Return the most severe status of some budgets."""
    statuses = set(map(_status, states))
    return next((status for status in _SEVEREST_FIRST if status in statuses), Status.OK)


def _status(state: BudgetState) -> Status:
    if state.verdict == "within" and state.warned_at is not None:
        return Status.NEAR_BUDGET
    return STATUSES[state.verdict]


def as_json(states: Sequence[BudgetState], timezone: str) -> str:
    """Return the budgets as one JSON object."""
    return versioned({"timezone": timezone, "budgets": [_as_dict(state) for state in states]})


def _as_dict(state: BudgetState) -> dict[str, Any]:
    fields = to_plain(state)
    budget, period, spent = (fields.pop(name) for name in ("budget", "period", "spent"))
    return {**budget, **fields, "since": period["since"], "until": period["until"], **spent}


def as_table(states: Sequence[BudgetState]) -> str:
    """Return a table of the budgets, and below it what their sums leave out."""
    columns = zip(_TITLES, *map(_cells, states), strict=True)
    lines = ["  ".join(cells).rstrip() for cells in zip(*map(_column, columns), strict=True)]
    if any(state.usd_per_day is not None for state in states):
        lines.append("a day: the mean of the last whole days, seven at most and three at least")
    for text in dict.fromkeys(filter(None, (_left_out(state.spent) for state in states))):
        names = [_label(state) for state in states if _left_out(state.spent) == text]
        more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
        lines.append(f"left out or not settled in {', '.join(names[:_MAX_NAMED])}{more}: {text}")
    return "".join(f"{line}\n" for line in lines)


def _column(column: Sequence[str]) -> list[str]:
    """Return a title and its cells in equal width: text left, amounts aligned at the point."""
    title, *cells = column
    if title in _AMOUNTS:
        decimals = [len(cell) - cell.find(".") if "." in cell else 0 for cell in cells]
        cells = [cell + " " * (max(decimals) - n) for cell, n in zip(cells, decimals, strict=True)]
    width = max(map(len, (title, *cells)))
    return [
        cell.ljust(width) if title in _LEFT_ALIGNED else cell.rjust(width)
        for cell in (title, *cells)
    ]


def _cells(state: BudgetState) -> tuple[str, ...]:
    budget = state.budget
    decimals = decimals_of([state.spent.known_usd, budget.max_usd])
    near = state.verdict == "within" and state.warned_at is not None
    rate = state.usd_per_day
    of = [] if budget.each is None else [f"{budget.each} {name(state.value)}"]
    of += [f"{kind} {name(value)}" for kind, value in budget.where.items()]
    return (
        _short(budget.name),
        elided(", ".join(of) or "all", _MAX_NAME),
        rounded(state.spent.known_usd, decimals),
        rounded(budget.max_usd, decimals),
        "-" if state.share is None else f"{state.share:.0%}",
        budget.period,
        f"over {state.warned_at:.0%}" if near else state.verdict,
        "-" if rate is None else rounded(rate, decimals_of([rate])),
        "-" if state.reached_on is None else state.reached_on.isoformat(),
    )


def _label(state: BudgetState) -> str:
    shown = _short(state.budget.name)
    return shown if state.budget.each is None else f"{shown} ({_short(state.value)})"


def _short(text: str | None) -> str:
    return elided(name(text), _MAX_NAME)


def _left_out(spent: Spending) -> str:
    return ", ".join(left_out(spent))


def left_out(spent: Spending) -> list[str]:
    """Return what a sum leaves out, and what in it may still change."""
    ids = spent.pending + spent.failed
    parts = [
        (ids, f"{count(ids, 'id')} without a record, of the period or of no known time"),
        (spent.unknown, f"{count(spent.unknown, 'record')} of unknown cost"),
        (spent.undated, f"{count(spent.undated, 'record')} without a readable time"),
        (spent.provisional, f"{count(spent.provisional, 'record')} not final"),
        (spent.never_final, f"{count(spent.never_final, 'record')} never final ({_AS_STATED})"),
        (spent.forgotten, f"{count(spent.forgotten, 'forgotten id')}"),
    ]
    return [text for number, text in parts if number]
