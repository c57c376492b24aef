# ruff: noqa: S608 - the statements are put together of constants; values are bound
"""What is asked of a ledger: counts, records, their history, bodies."""

import datetime
import json
import sqlite3
from typing import Any, Final, NamedTuple

from modelgates_client.ledger.errors import DamagedError
from modelgates_client.ledger.labels import NONE, Labels, read
from modelgates_client.ledger.text_encoding import given_id
from modelgates_client.ledger.values import LedgerCounts, StoredRecord, UnresolvedId, checksum

_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)

_COUNTS: Final = """
    SELECT (SELECT count(*) FROM ids), (SELECT count(*) FROM queue),
        (SELECT count(*) FROM queue WHERE state = 'failed'),
        (SELECT count(*) FROM records WHERE NOT final), (SELECT count(*) FROM forgotten)"""
_HOW: Final = "body, obtained_at, requests, request_id, status, elapsed_s, client, final"
_RECORD: Final = f"SELECT {_HOW} FROM ids JOIN records USING (key) WHERE id = ?"
_HISTORY: Final = f"SELECT {_HOW} FROM ids JOIN history USING (key) WHERE id = ? ORDER BY number"
_UNRESOLVED: Final = """
    SELECT queue.key, ids.id, iif(records.key IS NULL, queue.state, 'provisional'), added_at,
        tried_at, NULL, queue.requests, queue.status, error
    FROM queue CROSS JOIN ids ON ids.key = queue.key LEFT JOIN records ON records.key = queue.key
    WHERE queue.key > ? ORDER BY queue.key LIMIT ?"""
_ONE_UNRESOLVED: Final = _UNRESOLVED.replace("queue.key > ?", "ids.id = ?")
_OF_UNKNOWN_COST: Final = """
    SELECT ids.key, ids.id, 'unknown', NULL, records.obtained_at, NULL, records.requests,
        records.status, NULL
    FROM record_rows JOIN ids ON ids.key = "the key" JOIN records ON records.key = "the key"
    WHERE "the key" > ? AND all_in_usd IS NULL ORDER BY "the key" LIMIT ?"""
_FORGOTTEN: Final = """
    SELECT key, id, 'forgotten', added_at, tried_at, forgotten_at, requests, status, error
    FROM forgotten JOIN ids USING (key) WHERE key > ? ORDER BY key LIMIT ?"""
_ONE_FORGOTTEN: Final = _FORGOTTEN.replace("key > ?", "id = ?")
_LABELS: Final = "SELECT labels FROM ids JOIN labels USING (key) WHERE id = ?"
_KEPT: Final = """
    SELECT key, id, body, checksum, status, final, obtained_at, requests
    FROM records CROSS JOIN ids USING (key) WHERE key > ? ORDER BY key LIMIT ?"""


class Kept(NamedTuple):
    """What is kept of an id, as it is stored: the record and what its row is made of.

    Attributes:
        key: The key of the id.
        stored: The id, as it is stored.
        body: The body.
        checksum: Of the body; None if an older version has kept it.
        status: The HTTP status that it came with.
        final: Whether the record is settled, as SQLite has truth values.
        obtained_at: Microseconds since 1970-01-01 UTC.
        requests: How many requests were made for it.
    """

    key: int
    stored: str
    body: bytes
    checksum: int | None
    status: int
    final: int
    obtained_at: int
    requests: int

    @property
    def is_whole(self) -> bool:
        """Whether the body is the one that was kept, as far as its checksum can tell."""
        return self.checksum is None or self.checksum == checksum(self.body)


_TYPES: Final = (int, str, bytes, int | None, int, int, int, int)  # of the fields of `Kept`


def counts(connection: sqlite3.Connection) -> LedgerCounts:
    """Return how many ids are in which state, as of one moment."""
    ids, queued, failed, provisional, forgotten = connection.execute(_COUNTS).fetchone()
    final, pending = ids - queued - forgotten, queued - failed - provisional
    return LedgerCounts(final, provisional, pending, failed, forgotten)


def record(connection: sqlite3.Connection, stored: str) -> StoredRecord | None:
    """Return the record of an id; None if there is none."""
    found = connection.execute(_RECORD, (stored,)).fetchone()
    return None if found is None else _record(stored, found)


def labels(connection: sqlite3.Connection, stored: str) -> Labels:
    """Return the labels of an id; none, if it has none."""
    found = connection.execute(_LABELS, (stored,)).fetchone()
    try:
        return NONE if found is None else read(json.loads(found[0]))
    except (ValueError, RecursionError):
        raise DamagedError(f"the labels of {stored!r} are none") from None


def history(connection: sqlite3.Connection, stored: str) -> list[StoredRecord]:
    """Return the other versions of a record, in the order in which they were put aside."""
    return [_record(stored, found) for found in connection.execute(_HISTORY, (stored,))]


def unresolved(
    connection: sqlite3.Connection, after: int, most: int
) -> list[tuple[int, UnresolvedId]]:
    """Return ids that wait for a record, with their keys, from behind a key on."""
    return [_unresolved(found) for found in connection.execute(_UNRESOLVED, (after, most))]


def of_unknown_cost(
    connection: sqlite3.Connection, after: int, most: int
) -> list[tuple[int, UnresolvedId]]:
    """Return ids whose record does not say what it cost, likewise."""
    return [_unresolved(found) for found in connection.execute(_OF_UNKNOWN_COST, (after, most))]


def forgotten(
    connection: sqlite3.Connection, after: int, most: int
) -> list[tuple[int, UnresolvedId]]:
    """Return ids that were forgotten, likewise."""
    return [_unresolved(found) for found in connection.execute(_FORGOTTEN, (after, most))]


def one_unresolved(connection: sqlite3.Connection, stored: str) -> UnresolvedId | None:
    """Return an id that waits for a record, or did until it was forgotten; None: it is neither."""
    for statement in (_ONE_UNRESOLVED, _ONE_FORGOTTEN):
        found = connection.execute(statement, (stored, 1)).fetchone()
        if found is not None:
            return _unresolved(found)[1]
    return None


def _unresolved(found: tuple[Any, ...]) -> tuple[int, UnresolvedId]:
    key, stored, state, *times, requests, status, error = found
    queued, tried, left = (None if each is None else _moment(stored, each) for each in times)
    return key, UnresolvedId(given_id(stored), state, queued, tried, requests, status, error, left)


def _moment(stored: str, microseconds: Any) -> datetime.datetime:
    try:
        return _EPOCH + datetime.timedelta(microseconds=microseconds)
    except (OverflowError, TypeError):
        raise DamagedError(f"what is kept of {stored!r} has no time") from None


def kept(connection: sqlite3.Connection, after: int, most: int) -> list[Kept]:
    """Return what is kept, in the order of the keys, from behind a key on.

    Raises:
        DamagedError: What is found cannot have been stored so, or is not in that order: whoever
            goes on behind the last key would never come to an end.
    """
    found = list[Kept]()
    for row in connection.execute(_KEPT, (after, most)):
        fits = all(isinstance(value, kind) for value, kind in zip(row, _TYPES, strict=True))
        if not fits or row[0] <= after:
            raise DamagedError(f"what is kept behind the record of key {after} is no record")
        found.append(Kept(*row))
        after = row[0]
    return found


def _record(stored: str, found: tuple[Any, ...]) -> StoredRecord:
    body, obtained_at, requests, request_id, status, elapsed_s, client, final = found
    when = _moment(stored, obtained_at)
    if not isinstance(body, bytes):
        raise DamagedError(f"what is kept of {stored!r} is no record")
    return StoredRecord(
        generation_id=given_id(stored),
        body=body,
        obtained_at=when,
        requests=requests,
        request_id=request_id,
        status=status,
        elapsed_s=elapsed_s,
        client=client,
        is_final=bool(final),
    )
