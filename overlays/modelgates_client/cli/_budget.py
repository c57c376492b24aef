"""`modelgates budget`: is what was spent within a limit? The exit status says it.

With `--format json` it prints one object: `version`, of this form, is 1, and names may be added to
a version, but none goes; `client_version`; `verdict`: `within` (exit status 0), `over` (10) or
`undecided` (11); `max_usd`, `basis`, `allowed_doubtful`, `since`, `until` and `timezone`, as asked
for; and the names of `reports.spending.Spending`. An amount is a string of decimal digits, exact.
"""

import datetime
import json
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final, Literal

from attrs import evolve

from modelgates_client._version import __version__
from modelgates_client.cli._messages import Messages
from modelgates_client.cli._statuses import Status
from modelgates_client.cli._stdout import Stdout
from modelgates_client.errors import ConfigurationError
from modelgates_client.records.money import format_usd
from modelgates_client.reports.periods import Period, PeriodOptions, read_period
from modelgates_client.reports.plain import plain
from modelgates_client.reports.spending import (
    COLUMNS,
    Basis,
    Spending,
    Verdict,
    spending_of_ledger,
    spending_of_rows,
)
from modelgates_client.reports.words import changed, count

_VERSION: Final = 1  # of the JSON
_STATUSES: Final[dict[Verdict, Status]] = {
    "within": Status.WELL,
    "over": Status.OVER_BUDGET,
    "undecided": Status.UNDECIDED,
}
_LARGEST: Final = Decimal(10) ** 15


class BudgetOptions(PeriodOptions):
    """The arguments and options of `budget`, as click names them."""

    sources: tuple[str, ...]
    max_usd: str
    basis: Basis
    allow_doubtful: int
    shown_as: Literal["line", "json"]


def budget(options: BudgetOptions, messages: Messages) -> Status:
    """Do what the options say: one line, or one object of JSON.

    Raises:
        ConfigurationError: They cannot be used, or what they name cannot be read.
        ReaderGoneError: Nobody reads the output any more.
        UnwritableError: The output cannot be written.
    """
    max_usd = _amount(options["max_usd"])
    stdout = Stdout()
    period = read_period(
        options,
        datetime.datetime.now(datetime.UTC),
    )
    spent = _spending(options["sources"], period, options["basis"])
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


def _spending(sources: tuple[str, ...], period: Period, basis: Basis) -> Spending:
    if not sources:
        raise ConfigurationError("nothing to add up: give a ledger, or Parquet files")
    if len(sources) == 1 and not _is_export(sources[0]):
        return spending_of_ledger(sources[0], period, basis)
    from modelgates_client.exports.source import open_source  # noqa: PLC0415 - ledgers do without

    with open_source(sources) as source:
        source.define("rows", COLUMNS)
        spent = spending_of_rows(source.connection, period, basis)
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
        (ids, f"{count(ids, 'id')} without a record, of whichever time"),
        (spent.unknown, f"{count(spent.unknown, 'record')} of unknown cost"),
        (spent.undated, f"{count(spent.undated, 'record')} without a readable time"),
        (spent.provisional, f"{count(spent.provisional, 'record')} not final"),
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
