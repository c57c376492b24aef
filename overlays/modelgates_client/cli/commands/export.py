"""`modelgates export`: the rows of a ledger as JSON Lines, CSV, Parquet or a DuckDB database."""

import contextlib
import datetime
import json
import shutil
import tempfile
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import click
from attrs import frozen

from modelgates_client.cli.app import command
from modelgates_client.cli.messages import Messages
from modelgates_client.cli.options import SelectionOptions, option
from modelgates_client.cli.output import Stdout, UnwritableError, check_writable
from modelgates_client.cli.statuses import Status
from modelgates_client.errors import ConfigurationError
from modelgates_client.records.sanitize import sanitize
from modelgates_client.reports.formatting import changed, count
from modelgates_client.reports.periods import Period
from modelgates_client.reports.selection import read_where

if TYPE_CHECKING:
    from modelgates_client.exports.tables import ExportTable
    from modelgates_client.exports.writing import ExportCounts

FormatName = Literal["jsonl", "csv", "parquet", "duckdb"]

STDOUT: Final = "-"

_ENDINGS: Final[dict[str, FormatName]] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
    ".duckdb": "duckdb",
}
_TEXT_FORMATS: Final = ("jsonl", "csv")  # those that stdout supports
_CHUNK: Final = 1 << 20  # characters


@frozen(kw_only=True)
class ExportOptions(SelectionOptions):
    """The arguments and options of `export`."""

    to: str | None = option(
        "--to",
        metavar="FILE",
        type=click.Path(),
        help="Write to this file, or to stdout (-). Its suffix sets the format.",
    )
    shown_as: FormatName | None = option(
        "--format",
        type=click.Choice(("jsonl", "csv", "parquet", "duckdb")),
        help="Output format; overrides the suffix of the file.",
    )
    attempts_to: str | None = option(
        "--attempts-to",
        metavar="FILE",
        type=click.Path(),
        help="Also write a table of attempts to this file, one row each.",
    )
    focus: bool = option(
        "--focus", is_flag=True, help="Write charges in the columns of FinOps FOCUS."
    )
    issuer: str | None = option(
        "--issuer", metavar="NAME", help="With --focus: the issuer of the invoice."
    )
    billing_account: str | None = option(
        "--billing-account", metavar="ID", help="With --focus: the account that is charged."
    )
    raw: bool = option(
        "--raw",
        is_flag=True,
        help="Write text in CSV as received; without it, text that a spreadsheet would read as a "
        "formula is prefixed with '.",
    )
    list_columns: bool = option(
        "--columns", is_flag=True, help="Print the columns and their descriptions."
    )


@command(
    ExportOptions,
    summary="Export a ledger as rows: one for each id, including ids without a record.",
    extras="cli,report",
    details="""
    The suffix of the file sets the format: JSON Lines, CSV, Parquet or a DuckDB database. Unknown
    values are null, amounts are exact decimals, and times are in UTC. The file appears only once it
    is complete.
    """,
)
def export(options: ExportOptions, messages: Messages) -> Status:
    """Run `modelgates export`.

    Raises:
        ConfigurationError: The options are invalid, or an extra is missing.
        LedgerError: A source cannot be read, or the output cannot be written.
        ReaderGoneError: The reader has closed the output.
        UnwritableError: The output cannot be written.
    """
    _check(options)
    if options.list_columns:
        stdout = Stdout()
        stdout.write(_describe_columns(_table(options), is_terminal=stdout.is_terminal))
        return Status.OK
    period = options.period(datetime.datetime.now(datetime.UTC))
    counts = _write(options, period)
    _warn_of_omissions(counts, options, period, messages)
    return Status.OK


def _check(options: ExportOptions) -> None:
    if options.focus and options.attempts_to is not None:
        raise ConfigurationError("--focus and --attempts-to are mutually exclusive")
    for name, given in (
        ("--issuer", options.issuer),
        ("--billing-account", options.billing_account),
    ):
        if given is not None and not options.focus:
            raise ConfigurationError(f"{name} requires --focus")
    if options.list_columns:
        return
    options.check_sources("export")
    if options.to is None:
        raise ConfigurationError("no output: give --to FILE, or --to - for stdout")
    if options.attempts_to == STDOUT:
        raise ConfigurationError("--attempts-to: expected a file")
    if options.raw and _format(options.to, options.shown_as) != "csv":
        raise ConfigurationError("--raw requires CSV output")


def _format(path: str, chosen: FormatName | None) -> FormatName:
    if path == STDOUT:
        shown_as: FormatName = chosen or "jsonl"
        if shown_as not in _TEXT_FORMATS:
            raise ConfigurationError(f"--to -: expected --format jsonl or csv, not {shown_as}")
        return shown_as
    file_format = chosen or _ENDINGS.get(Path(path).suffix.lower())
    if file_format is None:
        suffixes = ", ".join(_ENDINGS)
        raise ConfigurationError(
            f"the file {path!r}: expected one of the suffixes {suffixes}, or --format"
        )
    return file_format


def _table(options: ExportOptions) -> "ExportTable":
    if not options.focus:
        from modelgates_client.exports.tables import ROWS  # noqa: PLC0415 - slow to load

        return ROWS
    from modelgates_client.exports.focus import ISSUER, charges  # noqa: PLC0415 - slow to load

    issuer = options.issuer
    return charges(ISSUER if issuer is None else issuer, options.billing_account)


def _write(options: ExportOptions, period: Period) -> "ExportCounts":
    from modelgates_client.exports import files, writing  # noqa: PLC0415 - slow to load
    from modelgates_client.exports.tables import ATTEMPTS  # noqa: PLC0415 - slow to load

    source_files = files.find_sources(options.sources)
    inputs = (*source_files.ledgers, *source_files.exports)
    target = str(options.to)
    shown_as = _format(target, options.shown_as)
    with contextlib.ExitStack() as stack:
        path = stack.enter_context(_output_path(target, inputs))
        outputs = [writing.Output(_table(options), path, shown_as, options.raw)]
        attempts_to = options.attempts_to
        if attempts_to is not None:
            if Path(attempts_to).absolute() == Path(target).absolute():
                raise ConfigurationError("--attempts-to: it is the same file as --to")
            attempts_path = stack.enter_context(_output_path(attempts_to, inputs))
            kind = _format(attempts_to, None)
            outputs.append(writing.Output(ATTEMPTS, attempts_path, kind, options.raw))
        return writing.export(
            inputs,
            outputs,
            since=period.since,
            until=period.until,
            where=read_where(options.where),
        )


@contextlib.contextmanager
def _output_path(name: str, inputs: Sequence[str]) -> Generator[str]:
    """Yield the path to write to; stdout and special files get the output when it is complete."""
    is_file = name != STDOUT and (Path(name).is_file() or not Path(name).exists())
    if name != STDOUT:
        check_writable(name, inputs)
    if is_file:
        yield name
        return
    stdout = Stdout() if name == STDOUT else None
    with tempfile.TemporaryDirectory(prefix="modelgates-") as folder:
        path = Path(folder) / "output"
        yield str(path)
        if stdout is not None:
            _print(path, stdout)
            return
        try:
            with path.open("rb") as output, Path(name).open("wb") as special_file:
                shutil.copyfileobj(output, special_file)
        except OSError as error:
            raise UnwritableError(f"the file {name!r}: {error.strerror}") from None


def _print(path: Path, stdout: Stdout) -> None:
    with path.open(encoding="utf-8", newline="") as output:
        if stdout.is_terminal:
            for line in output:
                stdout.write(f"{sanitize(line.rstrip())}\n")
            return
        while text := output.read(_CHUNK):
            stdout.write(text)


def _describe_columns(table: "ExportTable", *, is_terminal: bool) -> str:
    """Describe the columns of a table: aligned on a terminal, else as JSON Lines."""
    columns = table.columns
    if not is_terminal:
        return "".join(
            json.dumps({"name": c.name, "type": c.type, "unit": c.unit, "doc": c.doc}) + "\n"
            for c in columns
        )
    name = max(len(column.name) for column in columns)
    kind = max(len(column.kind) for column in columns)
    return "".join(
        sanitize(f"{column.name:{name}}  {column.kind:{kind}}  {column.doc}").rstrip() + "\n"
        for column in columns
    )


def _warn_of_omissions(
    counts: "ExportCounts", options: ExportOptions, period: Period, messages: Messages
) -> None:
    """Report what the export leaves out, and which of its values are unknown."""
    focus = options.focus
    left_out = [
        (counts.unresolved if focus else 0, "id", "without a record"),
        (counts.unpriced if focus else 0, "charge", "without an amount"),
        (
            counts.upstream_unknown if focus else 0,
            "upstream charge",
            "of which it is not known whether there is one, or how much",
        ),
        (counts.undated if focus or not period.is_all else 0, "record", "without a readable time"),
    ]
    if focus and counts.unquantified:
        messages.warning(
            f"the quantity of {count(counts.unquantified, 'record')} is null: it is beyond 64 bits"
        )
    if counts.differences:
        messages.warning(f"{changed(counts.differences)}; run `modelgates check` on it")
    parts = [f"{count(number, noun)} {what}" for number, noun, what in left_out if number]
    if parts:
        messages.warning(f"left out, because they are unknown: {', '.join(parts)}")
    if not focus and counts.unresolved:
        messages.warning(
            f"{count(counts.unresolved, 'row is', 'rows are')} without a record: most columns are "
            "null; see the column state"
        )
    if counts.provisional:
        messages.warning(f"{count(counts.provisional, 'record')} not final: the cost may change")
    messages.detail(f"wrote {options.to}: {count(counts.records, 'record')}")
