"""`modelgates budget`: compare the cost with a limit; the exit status is the verdict.

With `--format json` it prints one JSON object: `version` (1; a version may gain names, but never
loses any), `client_version`, `verdict` (`within`, exit status 0; `over`, 10; or `undecided`, 11),
the options `max_usd`, `basis`, `allow_doubtful`, `since`, `until` and `timezone`, and the fields
of `reports.spending.Spending`. Amounts are strings of exact decimal digits.
"""

import datetime
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, Literal

import click
from attrs import frozen

from modelgates_client.cli.all_budgets import (
    STATUSES,
    as_json,
    as_table,
    left_out,
    states_of_sources,
    status_of_all,
)
from modelgates_client.cli.app import command, configuration
from modelgates_client.cli.messages import Messages
from modelgates_client.cli.options import SelectionOptions, option, read_decimal
from modelgates_client.cli.output import Stdout
from modelgates_client.cli.statuses import Status
from modelgates_client.errors import ConfigurationError
from modelgates_client.reports.budgets import Budget
from modelgates_client.reports.formatting import changed, count, exact_usd
from modelgates_client.reports.periods import Period, zone_name
from modelgates_client.reports.reading import rows_of_sources
from modelgates_client.reports.selection import read_where
from modelgates_client.reports.spending import (
    COLUMNS,
    Basis,
    Spending,
    Verdict,
    spending,
)
from modelgates_client.reports.to_json import to_plain, versioned

_MAX: Final = Decimal(10) ** 15


@frozen(kw_only=True)
class BudgetOptions(SelectionOptions):
    """The arguments and options of `budget`."""

    max_usd: str | None = option("--max-usd", metavar="USD", help="The limit, in US dollars.")
    all_budgets: bool = option(
        "--all", is_flag=True, help="Check all budgets of the configuration file instead."
    )
    basis: Basis = option(
        "--basis",
        type=click.Choice(("charged", "all-in")),
        default="all-in",
        help="Cost to count: charged, or all-in, which adds the cost of your own provider keys. "
        "Default: all-in.",
    )
    allow_doubtful: int = option(
        "--allow-doubtful",
        metavar="N",
        type=click.IntRange(0),
        default=0,
        help="Tolerate up to N ids whose cost is unknown or not final.",
    )
    shown_as: Literal["line", "json"] = option(
        "--format",
        type=click.Choice(("line", "json")),
        default="line",
        help="Output format. Default: line; with --all, line prints a table.",
    )


@command(
    BudgetOptions,
    summary="Compare spending with a limit; the exit status gives the result.",
    details="""
    Exit statuses: 0, within the limit; 10, over the limit; 11, undecided: the known cost is within
    the limit, but the cost of some ids is unknown or not final. With --all, every budget of the
    configuration file is checked, the worst result counts, and 13 means near a limit.
    """,
)
def budget(options: BudgetOptions, messages: Messages) -> Status:
    """Run `modelgates budget`: print a line for each budget, or one JSON object.

    Args:
        options: The options of the command.
        messages: Where to report warnings.

    Raises:
        ConfigurationError: The options are invalid, or a file cannot be read.
        ReaderGoneError: The reader has closed the output.
        UnwritableError: The output cannot be written.
    """
    if options.all_budgets:
        return _all(options, messages, configuration().budgets)
    if options.max_usd is None:
        raise ConfigurationError(
            "no limit: give --max-usd, or --all for the budgets of the configuration file"
        )
    max_usd = read_decimal(
        "--max-usd", options.max_usd, _MAX, "an amount in US dollars, such as 5 or 0.25"
    )
    stdout = Stdout()
    now = datetime.datetime.now(datetime.UTC)
    period = options.period(now)
    spent = _spending(options, period)
    verdict = spent.verdict(max_usd, options.allow_doubtful)
    if spent.differences:
        messages.warning(f"{changed(spent.differences)}; run `modelgates check` on it")
    elif not spent.records and verdict == "undecided":
        messages.warning(
            "there are no records in the period, which does not mean that nothing was spent: fetch "
            "ids first, or check the period"
        )
    elif verdict == "undecided":
        messages.warning(
            f"the known cost of {exact_usd(spent.known_usd)} is within the limit, but the cost of "
            f"{count(spent.doubtful, 'id')} is unknown or not final: {_advice(spent)}"
            "tolerate that many with --allow-doubtful"
        )
    if options.shown_as == "json":
        stdout.write(versioned(_as_dict(spent, verdict, max_usd, period, options)))
    else:
        stdout.write(f"{_line(spent, verdict, max_usd, period, options.basis)}\n")
    return STATUSES[verdict]


def _all(options: BudgetOptions, messages: Messages, budgets: Sequence[Budget]) -> Status:
    if options.max_usd is not None:
        raise ConfigurationError("--max-usd and --all are mutually exclusive")
    if options.is_selective:
        raise ConfigurationError("--all: each budget has its own period; no other can be given")
    if not budgets:
        raise ConfigurationError(
            "--all: there is no budget; expected a table such as [budgets.team] in modelgates.toml"
        )
    options.check_sources("add up")
    stdout = Stdout()
    timezone = zone_name(options.timezone)
    now = datetime.datetime.now(datetime.UTC)
    states = states_of_sources(options.sources, budgets, now, timezone)
    differing = next((state.spent.differences for state in states if state.spent.differences), ())
    if differing:
        messages.warning(f"{changed(differing)}; run `modelgates check` on it")
    if options.shown_as == "json":
        stdout.write(as_json(states, timezone))
    else:
        stdout.write(as_table(states))
    return status_of_all(states)


def _advice(spent: Spending) -> str:
    """Return what the user can do about unknown costs, for the end of a sentence."""
    without_record = spent.pending + spent.failed
    parts = ["fetch them again"] if without_record + spent.provisional else []
    parts += ["forget those that never get a record"] if without_record else []
    return "".join(f"{part}, " for part in parts) + ("or " if parts else "")


def _spending(options: BudgetOptions, period: Period) -> Spending:
    options.check_sources("add up")
    where = read_where(options.where)
    with rows_of_sources(options.sources, COLUMNS) as rows:
        return spending(rows, period, options.basis, where)


def _line(spent: Spending, verdict: Verdict, max_usd: Decimal, period: Period, basis: Basis) -> str:
    """Return the sum, the limit, the period, and what the sum leaves out."""
    verdict_text = {"within": "within budget", "over": "over budget", "undecided": "undecided"}[
        verdict
    ]
    cost_kind = "charged" if basis == "charged" else "all in"
    omissions = ", ".join(left_out(spent))
    sum_of = f"{exact_usd(spent.known_usd)} {cost_kind} of {exact_usd(max_usd)}, {period}"
    omitted = f"left out or not settled: {omissions}" if omissions else "nothing left out"
    return f"{verdict_text}: {sum_of}, {count(spent.records, 'record')}; {omitted}"


def _as_dict(
    spent: Spending, verdict: Verdict, max_usd: Decimal, period: Period, options: BudgetOptions
) -> dict[str, Any]:
    return {
        "verdict": verdict,
        "max_usd": to_plain(max_usd),
        "basis": options.basis,
        "allow_doubtful": options.allow_doubtful,
        **to_plain(period),
        **to_plain(spent),
    }
