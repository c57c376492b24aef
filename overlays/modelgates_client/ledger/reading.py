# ruff: noqa: S608 - the statements are built from constants; values are bound
"""Queries of a ledger: counts, records, their history, bodies, ids without a record."""

import datetime
import json
import sqlite3
from typing import Any, Final, NamedTuple

from modelgates_client.ledger.errors import DamagedError
from modelgates_client.ledger.labels import NONE, Labels, parse
from modelgates_client.ledger.text_encoding import decode_id
from modelgates_client.ledger.values import LedgerCounts, StoredRecord, UnresolvedId, checksum

_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)

_COUNTS: Final = """
    SELECT (SELECT count(*) FROM ids), (SELECT count(*) FROM queue),
        (SELECT count(*) FROM queue WHERE state = 'failed'),
        (SELECT count(*) FROM records WHERE NOT final), (SELECT count(*) FROM forgotten),
        (SELECT count(*) FROM records WHERE NOT final AND key IN (SELECT key FROM forgotten))"""
_COLUMNS: Final = "body, obtained_at, requests, request_id, status, elapsed_s, client, final"
_RECORD: Final = f"SELECT {_COLUMNS} FROM ids JOIN records USING (key) WHERE id = ?"
_HISTORY: Final = (
    f"SELECT {_COLUMNS} FROM ids JOIN history USING (key) WHERE id = ? ORDER BY number"
)
_UNRESOLVED: Final = """
    SELECT queue.key, ids.id, iif(records.key IS NULL, queue.state, 'provisional'), added_at,
        tried_at, NULL, queue.requests, queue.status, error
    FROM queue CROSS JOIN ids ON ids.key = queue.key LEFT JOIN records ON records.key = queue.key
    WHERE queue.key > ? ORDER BY queue.key LIMIT ?"""
_UNRESOLVED_ID: Final = _UNRESOLVED.replace("queue.key > ?", "ids.id = ?")
_UNKNOWN_COST: Final = """
    SELECT ids.key, ids.id, 'unknown', NULL, records.obtained_at, NULL, records.requests,
        records.status, NULL
    FROM record_rows JOIN ids ON ids.key = "the key" JOIN records ON records.key = "the key"
    WHERE "the key" > ? AND all_in_usd IS NULL ORDER BY "the key" LIMIT ?"""
_FORGOTTEN: Final = """
    SELECT key, id, iif(key IN (SELECT key FROM records), 'never-final', 'forgotten'), added_at,
        tried_at, forgotten_at, requests, status, error
    FROM forgotten JOIN ids USING (key) WHERE key > ? ORDER BY key LIMIT ?"""
_FORGOTTEN_ID: Final = _FORGOTTEN.replace("key > ?", "id = ?")
_LABELS: Final = "SELECT labels FROM ids JOIN labels USING (key) WHERE id = ?"
_BODIES: Final = """
    SELECT key, id, body, checksum, status, final, obtained_at, requests
    FROM records CROSS JOIN ids USING (key) WHERE key > ? ORDER BY key LIMIT ?"""


class StoredBody(NamedTuple):
    """The stored record of an id, with all that its row is derived from.

    Attributes:
        key: The key of the id.
        encoded_id: The id, as the ledger stores it.
        body: The body.
        checksum: The checksum of the body; None if an older version stored it.
        status: The HTTP status of the response.
        final: Whether the record is final: 1 or 0.
        obtained_at: Microseconds since 1970-01-01 UTC.
        requests: How many requests were made for it.
    """

    key: int
    encoded_id: str
    body: bytes
    checksum: int | None
    status: int
    final: int
    obtained_at: int
    requests: int

    @property
    def is_intact(self) -> bool:
        """Whether the body is unchanged, as far as its checksum can tell."""
        return self.checksum is None or self.checksum == checksum(self.body)


_TYPES: Final = (int, str, bytes, int | None, int, int, int, int)  # of `StoredBody`


def counts(connection: sqlite3.Connection) -> LedgerCounts:
    """Return the number of ids in each state, as of one moment."""
    ids, queued, failed, not_final, given_up, never_final = connection.execute(_COUNTS).fetchone()
    provisional = not_final - never_final
    return LedgerCounts(
        final=ids - queued - given_up,
        provisional=provisional,
        pending=queued - failed - provisional,
        failed=failed,
        forgotten=given_up - never_final,
        never_final=never_final,
    )


def record(connection: sqlite3.Connection, encoded_id: str) -> StoredRecord | None:
    """Return the record of an id; None if there is none."""
    row = connection.execute(_RECORD, (encoded_id,)).fetchone()
    return None if row is None else _record(encoded_id, row)


def labels(connection: sqlite3.Connection, encoded_id: str) -> Labels:
    """Return the labels of an id, which may be empty."""
    row = connection.execute(_LABELS, (encoded_id,)).fetchone()
    try:
        return NONE if row is None else parse(json.loads(row[0]))
    except (ValueError, RecursionError):
        raise DamagedError(f"the labels of {encoded_id!r} are not JSON") from None


def history(connection: sqlite3.Connection, encoded_id: str) -> list[StoredRecord]:
    """Return the other versions of a record, in the order in which they were archived."""
    return [_record(encoded_id, row) for row in connection.execute(_HISTORY, (encoded_id,))]


def unresolved(
    connection: sqlite3.Connection, after: int, limit: int
) -> list[tuple[int, UnresolvedId]]:
    """Return queued ids with their keys, which are greater than `after`."""
    return [_unresolved(row) for row in connection.execute(_UNRESOLVED, (after, limit))]


def with_unknown_cost(
    connection: sqlite3.Connection, after: int, limit: int
) -> list[tuple[int, UnresolvedId]]:
    """Return ids whose record does not state its cost, as `unresolved` does."""
    return [_unresolved(row) for row in connection.execute(_UNKNOWN_COST, (after, limit))]


def forgotten(
    connection: sqlite3.Connection, after: int, limit: int
) -> list[tuple[int, UnresolvedId]]:
    """Return forgotten ids and those of the state `never-final`, as `unresolved` does."""
    return [_unresolved(row) for row in connection.execute(_FORGOTTEN, (after, limit))]


def unresolved_id(connection: sqlite3.Connection, encoded_id: str) -> UnresolvedId | None:
    """Return an id that is queued or forgotten; None if it is neither."""
    for statement in (_UNRESOLVED_ID, _FORGOTTEN_ID):
        row = connection.execute(statement, (encoded_id, 1)).fetchone()
        if row is not None:
            return _unresolved(row)[1]
    return None


def _unresolved(row: tuple[Any, ...]) -> tuple[int, UnresolvedId]:
    key, encoded_id, state, *times, requests, status, error = row
    queued_at, tried_at, forgotten_at = (
        None if time is None else _datetime(encoded_id, time) for time in times
    )
    return key, UnresolvedId(
        decode_id(encoded_id), state, queued_at, tried_at, requests, status, error, forgotten_at
    )


def _datetime(encoded_id: str, microseconds: Any) -> datetime.datetime:
    try:
        return _EPOCH + datetime.timedelta(microseconds=microseconds)
    except (OverflowError, TypeError):
        raise DamagedError(f"a time of {encoded_id!r} is not a time") from None


def stored_bodies(connection: sqlite3.Connection, after: int, limit: int) -> list[StoredBody]:
    """Return stored bodies in the order of their keys, which are greater than `after`.

    Raises:
        DamagedError: A value has the wrong type, or the keys are not in order: a caller that
            continues after the last key would never end.
    """
    bodies = list[StoredBody]()
    for row in connection.execute(_BODIES, (after, limit)):
        has_types = all(isinstance(value, kind) for value, kind in zip(row, _TYPES, strict=True))
        if not has_types or row[0] <= after:
            raise DamagedError(f"the record after that of key {after} is damaged")
        bodies.append(StoredBody(*row))
        after = row[0]
    return bodies


def _record(encoded_id: str, row: tuple[Any, ...]) -> StoredRecord:
    body, obtained_at, requests, request_id, status, elapsed_s, client, final = row
    obtained = _datetime(encoded_id, obtained_at)
    if not isinstance(body, bytes):
        raise DamagedError(f"the body of {encoded_id!r} is not bytes")
    return StoredRecord(
        generation_id=decode_id(encoded_id),
        body=body,
        obtained_at=obtained,
        requests=requests,
        request_id=request_id,
        status=status,
        elapsed_s=elapsed_s,
        client=client,
        is_final=bool(final),
    )
