"""Verification of a ledger: the database, bodies, rows, labels, control totals."""

import sqlite3
from collections.abc import Iterator
from typing import Final

from attrs import frozen

from modelgates_client.ledger.control_totals import ControlTotals, differences
from modelgates_client.ledger.database import Database
from modelgates_client.ledger.derived import Derived
from modelgates_client.ledger.errors import DamagedError
from modelgates_client.ledger.reading import StoredBody, stored_bodies
from modelgates_client.ledger.text_encoding import decode_id
from modelgates_client.ledger.values import checksum

_PAGE: Final = 500  # records that are read in one transaction
_MAX_LINES: Final = 100  # of SQLite's own check
_ROW: Final = 'SELECT * FROM record_rows WHERE "the key" = ?'
_LABELS: Final = """
    SELECT labels.key, id, CAST(labels AS BLOB), checksum FROM labels LEFT JOIN ids USING (key)
    WHERE labels.key > ? ORDER BY labels.key LIMIT ?"""
_COUNT_ORPHANS: Final = """
    SELECT (SELECT count(*) FROM record_rows WHERE "the key" NOT IN (SELECT key FROM records)),
        (SELECT count(*) FROM records WHERE key NOT IN (SELECT key FROM ids))"""


@frozen
class Flaw:
    """Stored data that is not as it was written.

    Attributes:
        problem: What is wrong.
        generation_id: The id that is affected; None if it is not about a single id.
        key: The key of the id in the ledger.
        is_record_lost: Whether the record is lost, so that it has to be fetched again.
    """

    problem: str
    generation_id: str | None = None
    key: int | None = None
    is_record_lost: bool = False

    def __str__(self) -> str:
        prefix = "" if self.generation_id is None else f"{self.generation_id}: "
        return f"{prefix}{self.problem}"


def flaws(database: Database, derived: Derived) -> Iterator[Flaw]:
    """Yield all damage. Other processes may go on writing.

    Raises:
        LedgerError: The rest cannot be read.
    """
    with database.reading() as connection:
        derived.add_missing(connection)
    with database.reading() as connection:
        lines = connection.execute(f"PRAGMA integrity_check({_MAX_LINES})").fetchall()
    for (line,) in lines:
        if line != "ok":
            yield Flaw(f"SQLite says {line!r}")
    yield from _record_flaws(database, derived)
    yield from _label_flaws(database)
    with database.snapshot() as connection:
        counts = connection.execute(_COUNT_ORPHANS).fetchone()
        total_flaws = list(_total_flaws(connection))
    kinds = ("rows without a record", "records without an id")
    yield from (
        Flaw(f"{kind}: {count}") for count, kind in zip(counts, kinds, strict=True) if count
    )
    yield from total_flaws


def _record_flaws(database: Database, derived: Derived) -> Iterator[Flaw]:
    key = 0
    while True:
        with database.snapshot() as connection:
            page = stored_bodies(connection, key, _PAGE)
            unfilled = derived.unfilled(connection)
            found = [_record_flaw(connection, derived, body, unfilled) for body in page]
        if not page:
            return
        yield from (flaw for flaw in found if flaw is not None)
        key = page[-1].key


def _record_flaw(
    connection: sqlite3.Connection, derived: Derived, body: StoredBody, unfilled: frozenset[str]
) -> Flaw | None:
    generation_id = decode_id(body.encoded_id)
    if not body.is_intact:
        return Flaw("its body has changed", generation_id, body.key, is_record_lost=True)
    cursor = connection.execute(_ROW, (body.key,))
    values = cursor.fetchone()
    if values is None:
        return Flaw("it has a record, but no row", generation_id, body.key)
    row = {name: value for (name, *_), value in zip(cursor.description, values, strict=True)}
    if not derived.is_row_of(row, body, unfilled):
        return Flaw("its row does not match its body", generation_id, body.key)
    return None


def _label_flaws(database: Database) -> Iterator[Flaw]:
    key = 0
    while True:
        with database.snapshot() as connection:
            page = connection.execute(_LABELS, (key, _PAGE)).fetchall()
        if not page:
            return
        for key, encoded_id, text, stored_sum in page:
            if encoded_id is None:
                yield Flaw("there are labels without an id")
            elif stored_sum is not None and stored_sum != checksum(text):
                yield Flaw("its labels have changed", decode_id(encoded_id), key)


def _total_flaws(connection: sqlite3.Connection) -> Iterator[Flaw]:
    totals = ControlTotals()
    try:
        stored, actual = totals.read(connection), totals.add_up(connection)
    except DamagedError as error:
        yield Flaw(f"control totals: {error}")
        return
    for difference in differences(actual, stored, totals.names):
        yield Flaw(str(difference))
