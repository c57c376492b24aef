"""Results of the tools that read a ledger: a report, budgets, unresolved ids."""

import datetime
from collections.abc import Sequence
from decimal import Decimal
from itertools import islice
from typing import Final

from typing_extensions import TypedDict  # which pydantic asks for before Python 3.12

from modelgates_client.ledger import Ledger
from modelgates_client.ledger.ledger import bring_up_to_date
from modelgates_client.mcp.results import Untrusted, digits, untrusted
from modelgates_client.reports.budgets import Budget, BudgetState, states_of
from modelgates_client.reports.figures import Group, Total
from modelgates_client.reports.periods import read_period, zone_name
from modelgates_client.reports.reading import rows_of_ledger
from modelgates_client.reports.selection import check_by, needed, read_where

MAX_GROUPS: Final = 100
MAX_IDS: Final = 200


class AmountResult(TypedDict):
    """The sum of known amounts, in US dollars, and the number of records with an unknown one."""

    known: str
    unknown: int


class TokensResult(TypedDict):
    """The sum of known counts, as billed, and the number of records with an unknown one."""

    known: int
    unknown: int


class GroupResult(TypedDict):
    """A group of generations, as in the JSON of a report.

    Records that are `provisional` are not final; those that are `never_final` did not become final,
    and are no longer requested.
    """

    key: list[Untrusted | None]
    records: int
    provisional: int
    never_final: int
    charged_usd: AmountResult
    all_in_usd: AmountResult
    native_tokens_prompt: TokensResult
    native_tokens_completion: TokensResult


class ReportResult(TypedDict):
    """The cost of generations. Each sum is of known values; unknown ones are counted."""

    by: list[str]
    since: str | None
    until: str | None
    timezone: str
    total: GroupResult
    groups: list[GroupResult]
    groups_left_out: int
    pending: int
    failed: int
    undated: int
    is_damaged: bool


class BudgetResult(TypedDict):
    """The state of a budget; `undecided` if unknown costs could exceed it."""

    name: str
    of: Untrusted | None
    verdict: str
    max_usd: str
    known_usd: str
    basis: str
    share: str | None
    since: str | None
    until: str | None
    unknown: int
    pending: int
    failed: int
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
        "pending": figures.unresolved.pending,
        "failed": figures.unresolved.failed,
        "undated": figures.undated,
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
        "provisional": group.provisional,
        "never_final": group.never_final,
        "charged_usd": _amount(group.charged_usd),
        "all_in_usd": _amount(group.all_in_usd),
        "native_tokens_prompt": _tokens(group.native_tokens_prompt),
        "native_tokens_completion": _tokens(group.native_tokens_completion),
    }


def _amount(total: Total[Decimal]) -> AmountResult:
    return {"known": digits(total.known), "unknown": total.unknown}


def _tokens(total: Total[int]) -> TokensResult:
    return {"known": total.known, "unknown": total.unknown}


def _budget(state: BudgetState, *, is_damaged: bool) -> BudgetResult:
    budget, spent = state.budget, state.spent
    return {
        "name": budget.name,
        "of": untrusted(state.value),
        "verdict": "undecided" if is_damaged else state.verdict,
        "max_usd": digits(budget.max_usd),
        "known_usd": digits(spent.known_usd),
        "basis": budget.basis,
        "share": digits(state.share),
        "since": _time(state.period.since),
        "until": _time(state.period.until),
        "unknown": spent.unknown,
        "pending": spent.pending,
        "failed": spent.failed,
        "reached_on": None if state.reached_on is None else state.reached_on.isoformat(),
    }


def _time(moment: datetime.datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
