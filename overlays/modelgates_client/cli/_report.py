"""`modelgates report`: what generations cost and how they went, from a ledger or its export."""

import datetime
from typing import TYPE_CHECKING, Final, Literal

from attrs import evolve

from modelgates_client.cli._messages import Messages
from modelgates_client.cli._output import check_writable, write_file
from modelgates_client.cli._statuses import Status
from modelgates_client.cli._stdout import Stdout
from modelgates_client.errors import ConfigurationError
from modelgates_client.reports.periods import PeriodOptions, read_period
from modelgates_client.reports.words import changed

if TYPE_CHECKING:
    from modelgates_client.reports.figures import Reconciliation, Report, Sort

#: What the extra `report` brings, as modules are named.
_EXTRA: Final = ("duckdb", "adbc_driver_manager", "adbc_driver_sqlite", "plotly")


class ReportOptions(PeriodOptions):
    """The arguments and options of `report`, as click names them."""

    sources: tuple[str, ...]
    by: tuple[str, ...]
    sort: "Sort | None"
    html: str | None
    activity: str | None
    shown_as: Literal["table", "json"] | None
    limit: int | None
    exact: bool


def report(options: ReportOptions, messages: Messages) -> Status:
    """Do what the options say.

    Raises:
        ConfigurationError: They cannot be used, or an extra is missing.
        ReaderGoneError: Nobody reads the output any more.
        UnwritableError: The output cannot be written.
    """
    if not options["sources"]:
        raise ConfigurationError("nothing to report on: give a ledger, or Parquet files")
    stdout = Stdout()
    if options["html"] is not None:
        check_writable(options["html"], options["sources"])
    try:
        figures = _figures(options)
        if options["html"] is not None:
            from modelgates_client.reports.page import render  # noqa: PLC0415 - costs

            write_file(options["html"], render(figures))
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _EXTRA:
            raise
        raise ConfigurationError(
            "the command needs an extra: pip install 'modelgates-client[cli,report]'"
        ) from None
    if figures.differences:
        messages.warning(f"{changed(figures.differences)}; run `modelgates check` on it")
    stdout.write(_text(figures, options, stdout))
    if options["html"] is not None:
        messages.detail(f"wrote {options['html']}")
    return Status.WELL


def _figures(options: ReportOptions) -> "Report":
    # Not before they are needed: DuckDB is slow to load.
    from modelgates_client.exports.source import open_source  # noqa: PLC0415
    from modelgates_client.reports.picking import check_by, needed, read_where  # noqa: PLC0415
    from modelgates_client.reports.querying import LIMIT, build_report  # noqa: PLC0415

    now = datetime.datetime.now(datetime.UTC)
    period = read_period(options, now)
    by = check_by(name for part in options["by"] or ("model",) for name in part.split(","))
    where = read_where(options["where"])
    reconciliation = _reconciliation(options)
    with open_source(options["sources"]) as source:
        source.define("rows", needed(by))
        control_totals = source.control_totals()
        differences = () if control_totals is not None else source.differences()
        figures = build_report(
            source.connection,
            source=", ".join(options["sources"]),
            by=by,
            since=period.since,
            until=period.until,
            timezone=period.timezone,
            now=now,
            sort=options["sort"],
            limit=options["limit"] or LIMIT,
            where=where,
            control_totals=control_totals,
        )
        return evolve(
            figures,
            differences=(*figures.differences, *differences),
            reconciliation=reconciliation,
        )


def _reconciliation(options: ReportOptions) -> "Reconciliation | None":
    if options["activity"] is None:
        return None
    from modelgates_client.cli._activity import read_text  # noqa: PLC0415 - few need it
    from modelgates_client.reports.reconciling import (  # noqa: PLC0415 - few need it
        TOLERANCE,
        read_activity,
        reconcile_ledger,
    )

    if len(options["sources"]) != 1:
        raise ConfigurationError("--activity: give one ledger")
    activity = read_activity(read_text(options["activity"]), options["activity"])
    return reconcile_ledger(options["sources"][0], activity, TOLERANCE)


def _text(figures: "Report", options: ReportOptions, stdout: Stdout) -> str:
    """Return what to print: nothing, if a page was asked for and no terminal shows the table."""
    shown_as = options["shown_as"]
    if shown_as is None:
        if options["html"] is not None and not stdout.is_terminal:
            return ""
        shown_as = "table" if stdout.is_terminal else "json"
    if shown_as == "json":
        from modelgates_client.reports.plain import as_json  # noqa: PLC0415 - only what is needed

        return as_json(figures)
    from modelgates_client.reports.terminal.text import as_text  # noqa: PLC0415 - rich costs

    return as_text(
        figures,
        stdout.stream if stdout.is_terminal else None,
        options["limit"],
        exact=options["exact"],
        encoding=stdout.stream.encoding or "ascii",
    )
