"""What is damaged in a ledger: the database, bodies, rows, labels, control totals."""

import sqlite3
from collections.abc import Iterator
from typing import Final

from attrs import frozen

from modelgates_client.ledger.control_totals import ControlTotals, differences
from modelgates_client.ledger.database import Database
from modelgates_client.ledger.derived import Derived
from modelgates_client.ledger.errors import DamagedError
from modelgates_client.ledger.reading import Kept, kept
from modelgates_client.ledger.text_encoding import given_id
from modelgates_client.ledger.values import checksum

_PAGE: Final = 500  # records that are read at one time
_MAX: Final = 100  # lines that SQLite says of itself
_ROW: Final = 'SELECT * FROM record_rows WHERE "the key" = ?'
_LABELS: Final = """
    SELECT labels.key, id, CAST(labels AS BLOB), checksum FROM labels LEFT JOIN ids USING (key)
    WHERE labels.key > ? ORDER BY labels.key LIMIT ?"""
_STRAY: Final = """
    SELECT (SELECT count(*) FROM record_rows WHERE "the key" NOT IN (SELECT key FROM records)),
        (SELECT count(*) FROM records WHERE key NOT IN (SELECT key FROM ids))"""


@frozen
class Flaw:
    """Something that is not as it was written.

    Attributes:
        problem: What it is.
        generation_id: Of which id; None: of none in particular.
        key: The key of the id, in the ledger.
        asks_again: Whether the record is lost, and only the server has it.
    """

    problem: str
    generation_id: str | None = None
    key: int | None = None
    asks_again: bool = False

    def __str__(self) -> str:
        of = "" if self.generation_id is None else f"{self.generation_id}: "
        return f"{of}{self.problem}"


def flaws(database: Database, derived: Derived) -> Iterator[Flaw]:
    """Yield what is damaged, while others may go on writing.

    Raises:
        LedgerError: It cannot be read any further.
    """
    with database.reading() as connection:
        said = connection.execute(f"PRAGMA integrity_check({_MAX})").fetchall()
    for (line,) in said:
        if line != "ok":
            yield Flaw(f"SQLite says {line!r}")
    yield from _of_records(database, derived)
    yield from _of_labels(database)
    with database.snapshot() as connection:
        stray = connection.execute(_STRAY).fetchone()
        totals = list(_of_totals(connection))
    kinds = ("rows without a record", "records without an id")
    yield from (
        Flaw(f"{what}: {number}") for number, what in zip(stray, kinds, strict=True) if number
    )
    yield from totals


def _of_records(database: Database, derived: Derived) -> Iterator[Flaw]:
    key = 0
    while True:
        with database.snapshot() as connection:
            page = kept(connection, key, _PAGE)
            found = [_flaw(connection, derived, each) for each in page]
        if not page:
            return
        yield from (flaw for flaw in found if flaw is not None)
        key = page[-1].key


def _flaw(connection: sqlite3.Connection, derived: Derived, each: Kept) -> Flaw | None:
    generation_id = given_id(each.stored)
    if not each.is_whole:
        return Flaw("its body is not the one that came", generation_id, each.key, asks_again=True)
    row = connection.execute(_ROW, (each.key,)).fetchone()
    if row is None:
        return Flaw("it has a record, and no row", generation_id, each.key)
    if row[1:] != tuple(derived.derive(each)):
        return Flaw("its row is not that of its body", generation_id, each.key)
    return None


def _of_labels(database: Database) -> Iterator[Flaw]:
    key = 0
    while True:
        with database.snapshot() as connection:
            page = connection.execute(_LABELS, (key, _PAGE)).fetchall()
        if not page:
            return
        for key, stored, text, kept_sum in page:
            if stored is None:
                yield Flaw("there are labels of no id")
            elif kept_sum is not None and kept_sum != checksum(text):
                yield Flaw("its labels are not those that were captured", given_id(stored), key)


def _of_totals(connection: sqlite3.Connection) -> Iterator[Flaw]:
    totals = ControlTotals()
    try:
        written, found = totals.read(connection), totals.add_up(connection)
    except DamagedError as error:
        yield Flaw(f"control totals: {error}")
        return
    for each in differences(found, written, totals.names):
        yield Flaw(str(each))
