# ruff: noqa: S608 - statements are built from constants and numbers
"""Writing tables of rows to files, each of which appears complete or not at all."""

import datetime
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final

from attrs import field, frozen

from modelgates_client.exports.atomic_files import replacing
from modelgates_client.exports.errors import SourceError
from modelgates_client.exports.focus import TOO_MANY_TOKENS
from modelgates_client.exports.formats import Format, statements
from modelgates_client.exports.source import RowSource, Sources, open_source
from modelgates_client.exports.sql import labelled
from modelgates_client.exports.tables import RECORDS, ExportTable
from modelgates_client.ledger.control_totals import TotalsDifference
from modelgates_client.rows.columns import LABELS
from modelgates_client.rows.values import microseconds

_FILTER_COLUMNS: Final = ("created_at", "state", LABELS.name)
_COUNT_COLUMNS: Final = (
    *_FILTER_COLUMNS,
    "is_byok",
    "native_tokens_completion",
    "native_tokens_prompt",
    "charged_usd",
    "upstream_usd",
)


@frozen
class Output:
    """A file to write.

    Attributes:
        table: The table.
        path: The path. An existing file is replaced when the new one is complete.
        file_format: The format.
        raw: Whether text in CSV that a spreadsheet would execute stays unchanged; see `formats`.
    """

    table: ExportTable
    path: str
    file_format: Format
    raw: bool = False


@frozen
class ExportCounts:
    """Numbers of the records in a period, and of those that may belong to it.

    Attributes:
        records: Records of the period.
        provisional: How many of them are not final.
        unpriced: How many of them do not state what was charged.
        upstream_unknown: How many of them may have been charged by a provider, to an own key, and
            do not state the amount.
        undated: Records without a readable time; a period leaves them out of every table.
        unresolved: Ids without a record, of the period or of unknown time. They are rows, but not
            charges.
        unquantified: Records of the period whose total number of tokens exceeds 64 bits.
        differences: Differences between all rows of the ledgers and their control totals.
    """

    records: int
    provisional: int
    unpriced: int
    upstream_unknown: int
    undated: int
    unresolved: int
    unquantified: int
    differences: tuple[TotalsDifference, ...] = field(default=(), kw_only=True)


def export(
    sources: Sources,
    outputs: Sequence[Output],
    *,
    since: datetime.datetime | None = None,
    until: datetime.datetime | None = None,
    where: Mapping[str, str] = MappingProxyType({}),
) -> ExportCounts:
    """Write tables of the rows of ledgers and Parquet files, all from one snapshot.

    Ids without a record belong to the period of the time in the id (`gen-<seconds>-…`), or to every
    period if it contains none.

    Args:
        sources: Ledgers and Parquet files, as for `source.open_rows`.
        outputs: The files to write. If one fails, none is written.
        since: The start of the period (included), an aware time; None: no lower bound.
        until: The end of the period (excluded), an aware time; None: no upper bound.
        where: Labels that a row must have to be written or counted.

    Raises:
        ConfigurationError: An extra is missing, or there is no source.
        LedgerError: A ledger cannot be read.
        SourceError: A file cannot be read or written.
    """
    bounds = [f"created_at >= make_timestamptz({microseconds(since)})"] if since else []
    bounds += [f"created_at < make_timestamptz({microseconds(until)})"] if until else []
    within = " AND ".join(bounds) or "TRUE"
    without_record = f"NOT {RECORDS} AND (created_at IS NULL OR ({within}))"
    has_labels = labelled(LABELS.name, where)
    with ExitStack() as stack:
        paths = [stack.enter_context(_replacing(output.path)) for output in outputs]
        for output, path in zip(outputs, paths, strict=True):
            if output.file_format == "duckdb" and "?" in str(path):
                raise SourceError(
                    output.path,
                    "DuckDB does not treat what follows the '?' as part of the name",
                    "choose a name without it",
                )
        with open_source(sources, (str(path.parent) for path in paths)) as source:
            counts = _count(source, within, without_record, has_labels)
            for output, path in zip(outputs, paths, strict=True):
                needs = {*output.table.needs, *_FILTER_COLUMNS}
                source.define("every_row", needs)
                source.connection.execute(
                    "CREATE TEMP VIEW rows AS SELECT * FROM every_row "
                    f"WHERE {has_labels} AND (({without_record}) OR ({RECORDS} AND ({within})))"
                )
                for statement in statements(
                    output.table, str(path), output.file_format, raw=output.raw
                ):
                    source.connection.execute(statement)
                source.connection.execute("DROP VIEW rows")
                source.connection.execute("DROP VIEW every_row")
    return counts


def _count(source: RowSource, within: str, without_record: str, has_labels: str) -> ExportCounts:
    source.define("counted", _COUNT_COLUMNS)
    record = f"{RECORDS} AND coalesce({within}, FALSE)"
    row = source.connection.execute(
        f"""SELECT
            count(*) FILTER ({record}),
            count(*) FILTER ({record} AND state = 'provisional'),
            count(*) FILTER ({record} AND charged_usd IS NULL),
            count(*) FILTER ({record} AND coalesce(is_byok, TRUE) AND upstream_usd IS NULL),
            count(*) FILTER ({RECORDS} AND created_at IS NULL),
            count(*) FILTER ({without_record}),
            count(*) FILTER ({record} AND {TOO_MANY_TOKENS})
        FROM counted WHERE {has_labels}"""
    ).fetchall()
    return ExportCounts(*map(int, row[0]), differences=source.differences())


@contextmanager
def _replacing(name: str) -> Generator[Path]:
    """Yield the path of a new file, which replaces `name`; see `atomic_files.replacing`.

    Raises:
        SourceError: The file cannot be created or replaced.
    """
    with ExitStack() as stack:
        try:
            path = stack.enter_context(replacing(name))
        except OSError as error:
            raise _write_error(name, error) from None
        yield path
        try:
            stack.close()
        except OSError as error:
            raise _write_error(name, error) from None


def _write_error(name: str, error: OSError) -> SourceError:
    return SourceError(name, str(error.strerror), "check the folder, its permissions and the disk")
