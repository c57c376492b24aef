# ruff: noqa: S608 - the statements are put together of constants; values are bound
"""What is asked of a ledger: counts, records, their history, bodies."""

import datetime
import sqlite3
from typing import Any, Final

from modelgates_client.ledger.texts import given_id
from modelgates_client.ledger.values import Counts, StoredRecord

_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)

_COUNTS: Final = """
    SELECT (SELECT count(*) FROM ids), (SELECT count(*) FROM queue),
        (SELECT count(*) FROM queue WHERE state = 'failed'),
        (SELECT count(*) FROM records WHERE NOT final)"""
_HOW: Final = "body, obtained_at, requests, request_id, status, elapsed_s, client, final"
_RECORD: Final = f"SELECT {_HOW} FROM ids JOIN records USING (key) WHERE id = ?"
_HISTORY: Final = f"SELECT {_HOW} FROM ids JOIN history USING (key) WHERE id = ? ORDER BY number"
_BODIES: Final = """
    SELECT key, id, body FROM records CROSS JOIN ids USING (key)
    WHERE key > ? ORDER BY key LIMIT ?"""


def counts(connection: sqlite3.Connection) -> Counts:
    """Return how many ids are in which state, as of one moment."""
    ids, queued, failed, provisional = connection.execute(_COUNTS).fetchone()
    return Counts(ids - queued, provisional, queued - failed - provisional, failed)


def record(connection: sqlite3.Connection, stored: str) -> StoredRecord | None:
    """Return the record of an id; None if there is none."""
    found = connection.execute(_RECORD, (stored,)).fetchone()
    return None if found is None else _record(stored, found)


def history(connection: sqlite3.Connection, stored: str) -> list[StoredRecord]:
    """Return the other versions of a record, in the order in which they were put aside."""
    return [_record(stored, found) for found in connection.execute(_HISTORY, (stored,))]


def bodies(connection: sqlite3.Connection, after: int, most: int) -> list[tuple[int, str, bytes]]:
    """Return bodies, with the keys and the ids, from behind a key on."""
    return connection.execute(_BODIES, (after, most)).fetchall()


def _record(stored: str, found: tuple[Any, ...]) -> StoredRecord:
    body, obtained_at, requests, request_id, status, elapsed_s, client, final = found
    return StoredRecord(
        generation_id=given_id(stored),
        body=body,
        obtained_at=_EPOCH + datetime.timedelta(microseconds=obtained_at),
        requests=requests,
        request_id=request_id,
        status=status,
        elapsed_s=elapsed_s,
        client=client,
        is_final=bool(final),
    )
