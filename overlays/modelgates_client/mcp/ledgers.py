"""Results of the tools that read a ledger: a report, budgets, unresolved ids."""

import datetime
from collections.abc import Sequence
from itertools import islice
from typing import Final

from typing_extensions import TypedDict  # which pydantic asks for before Python 3.12

from modelgates_client.ledger import Ledger
from modelgates_client.ledger.ledger import bring_up_to_date
from modelgates_client.mcp.results import Untrusted, digits, untrusted
from modelgates_client.reports.budgets import Budget, BudgetState, states_of
from modelgates_client.reports.figures import Group
from modelgates_client.reports.periods import read_period, zone_name
from modelgates_client.reports.reading import rows_of_ledger
from modelgates_client.reports.selection import check_by, needed, read_where

MAX_GROUPS: Final = 100
MAX_IDS: Final = 200


class GroupResult(TypedDict):
    """A group of generations. Sums are in US dollars, and in tokens as billed."""

    key: list[Untrusted | None]
    records: int
    records_not_final: int
    all_in_usd_known: str
    all_in_usd_not_known_of: int
    charged_usd_known: str
    charged_usd_not_known_of: int
    tokens_prompt_known: int
    tokens_completion_known: int


class ReportResult(TypedDict):
    """The cost of generations. Each sum is of known values; unknown ones are counted."""

    by: list[str]
    since: str | None
    until: str | None
    timezone: str
    total: GroupResult
    groups: list[GroupResult]
    groups_left_out: int
    ids_pending: int
    ids_failed: int
    records_without_time: int
    is_damaged: bool


class BudgetResult(TypedDict):
    """The state of a budget; `undecided` if unknown costs could exceed it."""

    name: str
    of: Untrusted | None
    verdict: str
    max_usd: str
    spent_usd_known: str
    basis: str
    share: str | None
    since: str | None
    until: str | None
    cost_not_known_of: int
    ids_pending: int
    ids_failed: int
    reached_on: str | None


class UnresolvedResult(TypedDict):
    """An id without a final record."""

    id: Untrusted
    state: str
    queued: str | None
    tried: str | None
    requests: int
    status: int | None


class UnresolvedResults(TypedDict):
    """Ids without a final record, in the order in which they were added."""

    pending: int
    failed: int
    provisional: int
    ids: list[UnresolvedResult]
    are_all_listed: bool


def report(  # noqa: PLR0913, PLR0917 - the options of a report
    path: str,
    by: Sequence[str],
    since: str | None,
    until: str | None,
    timezone: str | None,
    where: Sequence[str],
    limit: int,
) -> ReportResult:
    """Return what the generations in a ledger cost.

    Raises:
        ModelGatesError: An argument is invalid, or the ledger cannot be read.
    """
    from modelgates_client.exports.source import open_source  # noqa: PLC0415 - DuckDB costs
    from modelgates_client.reports.building import build_report  # noqa: PLC0415 - likewise

    now = datetime.datetime.now(datetime.UTC)
    period = read_period(now, since=since, until=until, timezone=timezone)
    chosen, labels = check_by(by), read_where(where)
    with open_source([path]) as source:
        source.define("rows", needed(chosen))
        figures = build_report(
            source.connection,
            source=path,
            by=chosen,
            since=period.since,
            until=period.until,
            timezone=period.timezone,
            now=now,
            limit=min(limit, MAX_GROUPS),
            where=labels,
            control_totals=source.control_totals(),
        )
    return {
        "by": list(figures.by),
        "since": _time(figures.since),
        "until": _time(figures.until),
        "timezone": figures.timezone,
        "total": _group(figures.total),
        "groups": [_group(each) for each in figures.groups],
        "groups_left_out": figures.groups_left_out,
        "ids_pending": figures.unresolved.pending,
        "ids_failed": figures.unresolved.failed,
        "records_without_time": figures.undated,
        "is_damaged": bool(figures.differences),
    }


def budgets(path: str, chosen: Sequence[Budget]) -> list[BudgetResult]:
    """Return the states of budgets.

    Raises:
        LedgerError: The ledger cannot be read.
    """
    now = datetime.datetime.now(datetime.UTC)
    with rows_of_ledger(path) as rows:
        states, differences = states_of(rows, chosen, now, zone_name(None))
    return [_budget(state, is_damaged=bool(differences)) for state in states]


def unresolved(path: str, limit: int) -> UnresolvedResults:
    """Return ids that have no final record.

    Raises:
        LedgerError: The ledger cannot be read.
    """
    bring_up_to_date(path)
    with Ledger(path, read_only=True) as ledger:
        counts = ledger.counts()
        ids = list(islice(ledger.unresolved(), min(limit, MAX_IDS) + 1))
    listed = ids[: min(limit, MAX_IDS)]
    return {
        "pending": counts.pending,
        "failed": counts.failed,
        "provisional": counts.provisional,
        "ids": [
            {
                "id": untrusted(each.generation_id) or {"untrusted_text": ""},
                "state": each.state,
                "queued": _time(each.queued_at),
                "tried": _time(each.tried_at),
                "requests": each.requests,
                "status": each.status,
            }
            for each in listed
        ],
        "are_all_listed": len(listed) == len(ids),
    }


def _group(group: Group) -> GroupResult:
    return {
        "key": [untrusted(part) for part in group.key],
        "records": group.records,
        "records_not_final": group.provisional,
        "all_in_usd_known": digits(group.all_in_usd.known) or "0",
        "all_in_usd_not_known_of": group.all_in_usd.unknown,
        "charged_usd_known": digits(group.charged_usd.known) or "0",
        "charged_usd_not_known_of": group.charged_usd.unknown,
        "tokens_prompt_known": group.tokens_prompt.known,
        "tokens_completion_known": group.tokens_completion.known,
    }


def _budget(state: BudgetState, *, is_damaged: bool) -> BudgetResult:
    budget, spent = state.budget, state.spent
    return {
        "name": budget.name,
        "of": untrusted(state.value),
        "verdict": "undecided" if is_damaged else state.verdict,
        "max_usd": digits(budget.max_usd) or "0",
        "spent_usd_known": digits(spent.known_usd) or "0",
        "basis": budget.basis,
        "share": digits(state.share),
        "since": _time(state.period.since),
        "until": _time(state.period.until),
        "cost_not_known_of": spent.unknown,
        "ids_pending": spent.pending,
        "ids_failed": spent.failed,
        "reached_on": None if state.reached_on is None else state.reached_on.isoformat(),
    }


def _time(moment: datetime.datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
