# ruff: noqa: S608 - statements are put together of constants and numbers
"""Writing tables of rows to files: each is complete under its name, or not there at all."""

import datetime
import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final

from attrs import field, frozen

from modelgates_client.exports.atomic_files import replace_file, temporary_beside
from modelgates_client.exports.errors import SourceError
from modelgates_client.exports.focus import TOO_MANY_TOKENS
from modelgates_client.exports.formats import Format, statements
from modelgates_client.exports.source import RowSource, Sources, open_source
from modelgates_client.exports.sql import labelled
from modelgates_client.exports.tables import RECORDS, ExportTable
from modelgates_client.ledger.control_totals import TotalsDifference
from modelgates_client.rows.columns import LABELS

_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND: Final = datetime.timedelta(microseconds=1)

_CHOOSING: Final = ("created_at", "state", LABELS.name)
_COUNTED: Final = (
    *_CHOOSING,
    "is_byok",
    "native_tokens_completion",
    "native_tokens_prompt",
    "charged_usd",
    "upstream_usd",
)


@frozen
class Output:
    """What is to be written.

    Attributes:
        table: The table.
        path: The file. What is there is replaced, when the whole new one is there.
        shown_as: The format.
        raw: Whether texts in CSV stay as they are that a spreadsheet would execute; see `formats`.
    """

    table: ExportTable
    path: str
    shown_as: Format
    raw: bool = False


@frozen
class ExportCounts:
    """What there is in the period, and what cannot be said to be in it.

    Attributes:
        records: Records of the period.
        provisional: How many of them are not final.
        unpriced: How many of them do not say what was charged.
        upstream_unknown: How many of them may have cost something at a provider, with an own key,
            and do not say how much.
        undated: Records without a readable time; with a period, they are left out of every table.
        unresolved: Ids without a record, of the period or of no known time. They are rows, but no
            charges.
        unquantified: Records of the period whose tokens are more than 64 bits hold, taken together.
        differences: What the ledgers' rows, of all time, differ by from their control totals.
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
    """Write tables of the rows of ledgers and Parquet files, all as of one moment.

    Ids without a record are rows of the period that the time in them says (`gen-<seconds>-…`), and
    of every period if there is none.

    Args:
        sources: As `source.open_rows` takes them.
        outputs: What is to be written. If one fails, none is there.
        since: The beginning of the period (included), aware; None: from the first.
        until: Its end (excluded), aware; None: to the last.
        where: Labels that all rows have that are written or counted.

    Raises:
        ConfigurationError: An extra is missing, or there is no source.
        LedgerError: A ledger cannot be read.
        SourceError: A file cannot be read or written.
    """
    bounds = [f"created_at >= make_timestamptz({_microseconds(since)})"] if since else []
    bounds += [f"created_at < make_timestamptz({_microseconds(until)})"] if until else []
    within = " AND ".join(bounds) or "TRUE"
    lacking = f"NOT {RECORDS} AND (created_at IS NULL OR ({within}))"
    wanted = labelled(LABELS.name, where)
    with ExitStack() as stack:
        folders = [stack.enter_context(_made(output.path)) for output in outputs]
        made = [folder / "made" for folder in folders]
        for output, path in zip(outputs, made, strict=True):
            if output.shown_as == "duckdb" and "?" in str(path):
                raise SourceError(
                    output.path,
                    "DuckDB takes what is behind the '?' for no part of the name",
                    "choose a name without it",
                )
        with open_source(sources, map(str, folders)) as source:
            counts = _count(source, within, lacking, wanted)
            for output, path in zip(outputs, made, strict=True):
                needs = {*output.table.needs, *_CHOOSING}
                source.define("every_row", needs)
                source.connection.execute(
                    "CREATE TEMP VIEW rows AS SELECT * FROM every_row "
                    f"WHERE {wanted} AND (({lacking}) OR ({RECORDS} AND ({within})))"
                )
                for statement in statements(
                    output.table, str(path), output.shown_as, raw=output.raw
                ):
                    source.connection.execute(statement)
                source.connection.execute("DROP VIEW rows")
                source.connection.execute("DROP VIEW every_row")
        for output, path in zip(outputs, made, strict=True):
            _put(path, output.path)
    return counts


def _count(source: RowSource, within: str, lacking: str, wanted: str) -> ExportCounts:
    source.define("counted", _COUNTED)
    record = f"{RECORDS} AND coalesce({within}, FALSE)"
    found = source.connection.execute(
        f"""SELECT
            count(*) FILTER ({record}),
            count(*) FILTER ({record} AND state = 'provisional'),
            count(*) FILTER ({record} AND charged_usd IS NULL),
            count(*) FILTER ({record} AND coalesce(is_byok, TRUE) AND upstream_usd IS NULL),
            count(*) FILTER ({RECORDS} AND created_at IS NULL),
            count(*) FILTER ({lacking}),
            count(*) FILTER ({record} AND {TOO_MANY_TOKENS})
        FROM counted WHERE {wanted}"""
    ).fetchall()
    return ExportCounts(*map(int, found[0]), differences=source.differences())


def _microseconds(moment: datetime.datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


@contextmanager
def _made(name: str) -> Generator[Path]:
    """Yield a folder to make a file in; see `placing.beside`.

    Raises:
        SourceError: It cannot be made.
    """
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(temporary_beside(_real(name)))
        except OSError as error:
            raise _unwritable(name, error) from None
        yield folder


def _put(made: Path, name: str) -> None:
    """Put a whole file in place of another.

    Raises:
        SourceError: It cannot be put there.
    """
    try:
        replace_file(made, _real(name))
    except OSError as error:
        raise _unwritable(name, error) from None


def _real(name: str) -> Path:
    return Path(os.path.realpath(name))  # a link stays one


def _unwritable(name: str, error: OSError) -> SourceError:
    return SourceError(
        name, str(error.strerror), "look at the folder, its permissions and the disk"
    )
