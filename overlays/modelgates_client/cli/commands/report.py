"""`modelgates report`: what generations cost and how they went, from a ledger or its export."""

import datetime
from typing import TYPE_CHECKING, Literal

import click
from attrs import evolve, frozen

from modelgates_client.cli.app import command
from modelgates_client.cli.messages import Messages
from modelgates_client.cli.options import SelectionOptions, format_option, option
from modelgates_client.cli.output import Stdout, check_writable, write_file
from modelgates_client.cli.statuses import Status
from modelgates_client.errors import ConfigurationError
from modelgates_client.reports.formatting import changed

if TYPE_CHECKING:
    from modelgates_client.reports.figures import Reconciliation, Report, Sort


def _dimensions(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Complete the last name of a comma-separated list of names to group by."""
    from modelgates_client.ledger.labels import PREFIX  # noqa: PLC0415 - completion must be quick
    from modelgates_client.reports.selection import DIMENSIONS  # noqa: PLC0415 - likewise

    before, comma, start = incomplete.rpartition(",")
    chosen = before.split(",")
    return [
        f"{before}{comma}{name}"
        for name in (*DIMENSIONS, PREFIX)
        if name.startswith(start) and name not in chosen
    ]


@frozen(kw_only=True)
class ReportOptions(SelectionOptions):
    """The arguments and options of `report`."""

    by: tuple[str, ...] = option(
        "--by",
        metavar="NAMES",
        multiple=True,
        shell_complete=_dimensions,
        help="Group by these comma-separated names: model, provider, user, session, app, tier, "
        "byok, label:NAME, hour, day, week, month. Default: model.",
    )
    sort: "Sort | None" = option(
        "--sort",
        type=click.Choice(("time", "cost", "charged", "records", "tokens", "latency", "name")),
        help="Sort the groups, largest first, or ascending for time and name. Default: time if "
        "grouped by time, else cost.",
    )
    html: str | None = option(
        "--html", metavar="FILE", type=click.Path(), help="Also write an HTML page with charts."
    )
    activity: str | None = option(
        "--activity",
        metavar="FILE",
        type=click.Path(),
        help="Also compare the ledger with the account's activity, like reconcile.",
    )
    shown_as: Literal["table", "json"] | None = format_option("table", "json")
    limit: int | None = option(
        "--limit",
        metavar="N",
        type=click.IntRange(1),
        help="Maximum number of groups to show: the first, or the latest if grouped by time.",
    )
    exact: bool = option(
        "--exact", is_flag=True, help="Show all digits of amounts, even in a table."
    )


@command(
    ReportOptions,
    summary="Report what generations cost, and how they performed.",
    extras="cli,report",
    details="""
    Covers a ledger, or Parquet files written by export: cost charged, cost on your own keys (BYOK)
    and all-in cost, tokens, savings by caching, latency, tokens per second, errors and fallbacks by
    provider. Every total comes with what it leaves out: ids without a record, unknown amounts, and
    records that are not final.
    """,
)
def report(options: ReportOptions, messages: Messages) -> Status:
    """Run `modelgates report`.

    Raises:
        ConfigurationError: The options are invalid, or an extra is missing.
        ReaderGoneError: The reader has closed the output.
        UnwritableError: The output cannot be written.
    """
    options.check_sources("report on")
    stdout = Stdout()
    if options.html is not None:
        check_writable(options.html, options.sources)
    figures = _figures(options)
    if options.html is not None:
        from modelgates_client.reports.page import render  # noqa: PLC0415 - costs

        write_file(options.html, render(figures))
    if figures.differences:
        messages.warning(f"{changed(figures.differences)}; run `modelgates check` on it")
    stdout.write(_text(figures, options, stdout))
    if options.html is not None:
        messages.detail(f"wrote {options.html}")
    return Status.OK


def _figures(options: ReportOptions) -> "Report":
    # Not before they are needed: DuckDB is slow to load.
    from modelgates_client.exports.source import open_source  # noqa: PLC0415
    from modelgates_client.reports.building import LIMIT, build_report  # noqa: PLC0415
    from modelgates_client.reports.selection import check_by, needed, read_where  # noqa: PLC0415

    now = datetime.datetime.now(datetime.UTC)
    period = options.period(now)
    by = check_by(name for part in options.by or ("model",) for name in part.split(","))
    where = read_where(options.where)
    reconciliation = _reconciliation(options)
    with open_source(options.sources) as source:
        source.define("rows", needed(by))
        control_totals = source.control_totals()
        differences = () if control_totals is not None else source.differences()
        figures = build_report(
            source.connection,
            source=", ".join(options.sources),
            by=by,
            since=period.since,
            until=period.until,
            timezone=period.timezone,
            now=now,
            sort=options.sort,
            limit=options.limit or LIMIT,
            where=where,
            control_totals=control_totals,
        )
        return evolve(
            figures,
            differences=(*figures.differences, *differences),
            reconciliation=reconciliation,
        )


def _reconciliation(options: ReportOptions) -> "Reconciliation | None":
    if options.activity is None:
        return None
    from modelgates_client.cli.commands.reconcile import read_text  # noqa: PLC0415 - few need it
    from modelgates_client.reports.reconciliation import (  # noqa: PLC0415 - few need it
        TOLERANCE,
        read_activity,
        reconcile_ledger,
    )

    if len(options.sources) != 1:
        raise ConfigurationError("--activity: give one ledger")
    activity = read_activity(read_text(options.activity), options.activity)
    return reconcile_ledger(options.sources[0], activity, TOLERANCE)


def _text(figures: "Report", options: ReportOptions, stdout: Stdout) -> str:
    """Return the output; it is empty if a page is written and stdout is not a terminal."""
    shown_as = options.shown_as
    if shown_as is None:
        if options.html is not None and not stdout.is_terminal:
            return ""
        shown_as = "table" if stdout.is_terminal else "json"
    if shown_as == "json":
        from modelgates_client.reports.to_json import as_json  # noqa: PLC0415 - only what is needed

        return as_json(figures)
    from modelgates_client.reports.terminal.text import as_text  # noqa: PLC0415 - rich costs

    return as_text(
        figures,
        stdout.stream if stdout.is_terminal else None,
        options.limit,
        exact=options.exact,
        encoding=stdout.stream.encoding or "ascii",
    )
