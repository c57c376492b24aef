# ruff: noqa: S608 - the statements are built from constants; values are bound
"""The queue: ids that wait for their record, the leases on them, and ids that are forgotten.

A lease belongs to a holder, which is one `Ledger` object. Renewing touches only the holder's one
row. A holder that stops renewing is considered dead, and its ids are free again. Clocks are read
within transactions, so that their order is that of the transactions. A lease that ends later than
any lease can was given before the clock was set back, and counts as expired.

A forgotten id has left the queue: it is not requested any more, and counted separately. If it has
a record that did not become final, its state is `never-final`, else `forgotten`. If a record
arrives after all, the id is like any other. The age of an id counts from the time in the id, if it
has one that is before it was queued, else from when it was queued.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final

from modelgates_client.ledger.capture_file import CapturedId
from modelgates_client.ledger.errors import DamagedError
from modelgates_client.ledger.labels import as_json
from modelgates_client.ledger.text_encoding import encode_id
from modelgates_client.ledger.values import GivenUp, checksum

#: Seconds that a lease lasts unless it is renewed.
LEASE_S: Final = 30.0

_ID_PATTERN: Final = f"gen-{'[0-9]' * 10}-*"  # seconds since 1970, of the years 2001 to 2286

#: SQL for the time in `ids.id`, in microseconds since 1970; NULL if the id contains none.
TIME_IN_ID: Final = f"""
    CASE WHEN ids.id GLOB '{_ID_PATTERN}' THEN CAST(substr(ids.id, 5, 10) AS INTEGER) * 1000000 END
"""

_LEASE: Final = int(LEASE_S * 1e6)
_CLOCK_JITTER: Final = 5_000_000  # microseconds that clocks may be set back without expiring leases

_IS_EXPIRED: Final = "until <= :now OR until > :latest"
_LAST_KEY: Final = "SELECT coalesce(max(key), 0) FROM ids"
_INSERT_ID: Final = "INSERT INTO ids (id) VALUES (?) ON CONFLICT DO NOTHING"
_ENQUEUE_NEW: Final = """
    INSERT INTO queue (key, state, added_at) SELECT key, 'pending', ? FROM ids WHERE key > ?"""
_ENQUEUE_CAPTURED: Final = """
    INSERT INTO queue (key, state, added_at) SELECT key, 'pending', ? FROM ids
    WHERE id = ? AND key > ? ON CONFLICT DO NOTHING"""
_INSERT_LABELS: Final = """
    INSERT INTO labels (key, labels, checksum) SELECT key, ?, ? FROM ids WHERE id = ?
    ON CONFLICT (key) DO NOTHING"""
_FREE_EXPIRED: Final = f"""
    UPDATE queue SET leased_by = NULL
    WHERE leased_by IN (SELECT holder FROM holders WHERE {_IS_EXPIRED})"""
_DELETE_EXPIRED: Final = f"DELETE FROM holders WHERE {_IS_EXPIRED}"
_SELECT_FREE: Final = """
    SELECT queue.key, ids.id FROM queue CROSS JOIN ids ON ids.key = queue.key
    WHERE state = ? AND leased_by IS NULL AND tried_by < ?
    ORDER BY tried_by, queue.key LIMIT ?"""
_MARK_PROVISIONAL: Final = "UPDATE records SET final = 0 WHERE key = ?"
_REQUEUE: Final = """
    INSERT INTO queue (key, state, added_at) VALUES (?, 'pending', ?)
    ON CONFLICT (key) DO UPDATE SET state = 'pending'"""
_COUNT_LEASED_ELSEWHERE: Final = """
    SELECT count(*) FROM queue
    WHERE leased_by IS NOT NULL AND leased_by != ? AND state = ? AND tried_by < ?"""
_OTHER_HOLDERS: Final = f"""
    SELECT holder, until FROM holders WHERE holder != :holder AND NOT ({_IS_EXPIRED}) AND EXISTS (
        SELECT 1 FROM queue
        WHERE leased_by = holders.holder AND state = :state AND tried_by < :holder)"""
_LEASE_ID: Final = "UPDATE queue SET leased_by = ? WHERE key = ?"
_RENEW: Final = """
    INSERT INTO holders (holder, until) VALUES (?, ?)
    ON CONFLICT (holder) DO UPDATE SET until = excluded.until"""
_RELEASE: Final = "UPDATE queue SET leased_by = NULL WHERE leased_by = ?"
_DELETE_HOLDER: Final = "DELETE FROM holders WHERE holder = ?"

_QUEUE_COLUMNS: Final = "key, state, added_at, tried_at, requests, status, error"
_CREATED_AT: Final = f"min(added_at, coalesce({TIME_IN_ID}, added_at))"
_LEAVE_QUEUE: Final = f"""
    INSERT INTO forgotten ({_QUEUE_COLUMNS}, forgotten_at)
    SELECT {_QUEUE_COLUMNS}, :now FROM queue JOIN ids USING (key)
    WHERE key"""
_FORGET: Final = f"{_LEAVE_QUEUE} NOT IN (SELECT key FROM records)"
_FORGET_ID: Final = f"{_FORGET} AND ids.id = :id"
_FORGET_OLD: Final = f"{_FORGET} AND state IN (:state, :other) AND {_CREATED_AT} <= :before"
#: Only ids that the server reported as missing, or refused to an earlier holder: a wrong key is
#: noticed in the run that uses it. A server that did not respond has not reported anything.
_GIVE_UP: Final = f"""{_FORGET} AND {_CREATED_AT} <= :before AND leased_by IS NULL
    AND (status = 404 OR (queue.state = 'failed' AND tried_by < :holder))"""
#: Only records that were requested at that age, and got a response about the id.
_END_PROVISIONAL: Final = f"""{_LEAVE_QUEUE} IN (SELECT key FROM records WHERE NOT final)
    AND leased_by IS NULL AND status < 500 AND tried_at - {_CREATED_AT} >= :now - :before"""
_DEQUEUE_FORGOTTEN: Final = "DELETE FROM queue WHERE key IN (SELECT key FROM forgotten)"
_RECALL: Final = f"""
    INSERT INTO queue ({_QUEUE_COLUMNS})
    SELECT key, 'pending', added_at, tried_at, requests, status, error FROM forgotten"""
_RECALL_ID: Final = f"{_RECALL} JOIN ids USING (key) WHERE id = ?"
_RECALL_KEY: Final = "DELETE FROM forgotten WHERE key = ?"
_DELETE_RECALLED: Final = "DELETE FROM forgotten WHERE key IN (SELECT key FROM queue)"


def new_holder(connection: sqlite3.Connection) -> int:
    """Return a new holder number, higher than all before."""
    holder = connection.execute("INSERT INTO holders (until) VALUES (0)").lastrowid
    connection.execute(_DELETE_HOLDER, (holder,))  # it has no lease yet
    if holder is None:  # pragma: no cover - an INSERT that did not raise has inserted a row
        raise RuntimeError("SQLite has inserted nothing")
    return holder


def renumber_holder(connection: sqlite3.Connection, holder: int, now: int) -> int:
    """Return a new number for a holder, which keeps its leases and may lease all ids again."""
    new = new_holder(connection)
    connection.execute("UPDATE queue SET leased_by = ? WHERE leased_by = ?", (new, holder))
    connection.execute(_DELETE_HOLDER, (holder,))
    renew(connection, new, now)
    return new


def newest_holder(connection: sqlite3.Connection) -> int:
    """Return the highest holder number so far."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'holders'").fetchone()
    if row is None or not isinstance(row[0], int):
        raise DamagedError("the number of its last holder is lost")
    return row[0]


def enqueue(connection: sqlite3.Connection, encoded_ids: Sequence[str], now: int) -> int:
    """Queue the ids that are new; return their number."""
    (last_key,) = connection.execute(_LAST_KEY).fetchone()
    connection.executemany(_INSERT_ID, ((encoded_id,) for encoded_id in encoded_ids))
    return connection.execute(_ENQUEUE_NEW, (now, last_key)).rowcount


def import_captured(connection: sqlite3.Connection, captured: Sequence[CapturedId]) -> int:
    """Queue the captured ids that are new; return their number.

    They count as queued when they were captured. An id keeps the labels that it has.
    """
    (last_key,) = connection.execute(_LAST_KEY).fetchone()
    ids = [(encode_id(each.generation_id), each) for each in captured]
    connection.executemany(_INSERT_ID, ((encoded_id,) for encoded_id, _ in ids))
    rows = ((each.at, encoded_id, last_key) for encoded_id, each in ids)
    new = connection.executemany(_ENQUEUE_CAPTURED, rows).rowcount
    texts = ((as_json(each.labels), encoded_id) for encoded_id, each in ids if each.labels)
    labels = ((text, checksum(text.encode()), encoded_id) for text, encoded_id in texts)
    connection.executemany(_INSERT_LABELS, labels)
    return new


def requeue(connection: sqlite3.Connection, key: int, now: int) -> None:
    """Queue the id of a damaged record, which counts as provisional from now on."""
    connection.execute(_MARK_PROVISIONAL, (key,))
    connection.execute(_REQUEUE, (key, now))
    connection.execute(_RECALL_KEY, (key,))


def lease(
    connection: sqlite3.Connection, holder: int, limit: int, states: Sequence[str], now: int
) -> list[str]:
    """Lease ids to a holder, those first that were never requested.

    Ids that were requested since the holder got its number are left out.

    Args:
        connection: Within a transaction.
        holder: The holder.
        limit: The maximum number of ids.
        states: The states of the ids, in order of preference.
        now: Microseconds since 1970-01-01 UTC.
    """
    renew(connection, holder, now)
    bounds = {"now": now, "latest": now + _LEASE + _CLOCK_JITTER}
    connection.execute(_FREE_EXPIRED, bounds)
    connection.execute(_DELETE_EXPIRED, bounds)
    leased: list[tuple[int, str]] = []
    for state in states:
        leased += connection.execute(_SELECT_FREE, (state, holder, limit - len(leased)))
    connection.executemany(_LEASE_ID, ((holder, key) for key, _ in leased))
    return [encoded_id for _, encoded_id in leased]


def has_waiting(connection: sqlite3.Connection, holder: int) -> bool:
    """Whether there is a pending id that the holder could lease."""
    return connection.execute(_SELECT_FREE, ("pending", holder, 1)).fetchone() is not None


def count_leased_elsewhere(
    connection: sqlite3.Connection, holder: int, states: Sequence[str]
) -> int:
    """Return the number of ids that other holders have leased, and that this one could lease."""
    rows = (
        connection.execute(_COUNT_LEASED_ELSEWHERE, (holder, state, holder)).fetchone()
        for state in states
    )
    return sum(count for (count,) in rows)


def other_holders(
    connection: sqlite3.Connection, holder: int, states: Sequence[str], now: int
) -> dict[int, int]:
    """Return the other holders of ids that this one could lease, and when their leases end."""
    bounds = {"holder": holder, "now": now, "latest": now + _LEASE + _CLOCK_JITTER}
    ends: dict[int, int] = {}
    for state in states:
        ends.update(connection.execute(_OTHER_HOLDERS, {**bounds, "state": state}).fetchall())
    return ends


def renew(connection: sqlite3.Connection, holder: int, now: int) -> None:
    """Renew the leases of a holder, from now on."""
    connection.execute(_RENEW, (holder, now + _LEASE))


def release(connection: sqlite3.Connection, holder: int) -> None:
    """Release the leases of a holder."""
    connection.execute(_RELEASE, (holder,))
    connection.execute(_DELETE_HOLDER, (holder,))


def forget(connection: sqlite3.Connection, encoded_ids: Sequence[str], now: int) -> int:
    """Forget those of some ids that are queued without a record; return their number."""
    parameters = ({"id": encoded_id, "now": now} for encoded_id in encoded_ids)
    count = connection.executemany(_FORGET_ID, parameters).rowcount
    connection.execute(_DEQUEUE_FORGOTTEN)
    return count


def forget_all(connection: sqlite3.Connection, states: Sequence[str], before: int, now: int) -> int:
    """Forget all ids without a record that are in some states and older than a time.

    Args:
        connection: Within a transaction.
        states: One of the queue's states, or both.
        before: Microseconds since 1970-01-01 UTC.
        now: Microseconds since 1970-01-01 UTC.

    Returns:
        The number of forgotten ids.
    """
    bounds = {"state": states[0], "other": states[-1], "before": before, "now": now}
    count = connection.execute(_FORGET_OLD, bounds).rowcount
    connection.execute(_DEQUEUE_FORGOTTEN)
    return count


def give_up(connection: sqlite3.Connection, holder: int, before: int, now: int) -> GivenUp:
    """Take ids out of the queue that are older than a time and that requesting again cannot help.

    Without a record, these are ids that the server reported as missing, or that it refused before
    the holder got its number.

    Args:
        connection: Within a transaction.
        holder: The holder.
        before: Microseconds since 1970-01-01 UTC.
        now: Microseconds since 1970-01-01 UTC.
    """
    bounds = {"holder": holder, "before": before, "now": now}
    forgotten = connection.execute(_GIVE_UP, bounds).rowcount
    never_final = connection.execute(_END_PROVISIONAL, bounds).rowcount
    connection.execute(_DEQUEUE_FORGOTTEN)
    return GivenUp(forgotten, never_final)


def recall(connection: sqlite3.Connection, encoded_ids: Sequence[str]) -> int:
    """Queue forgotten ids again; return how many were forgotten."""
    parameters = ((encoded_id,) for encoded_id in encoded_ids)
    count = connection.executemany(_RECALL_ID, parameters).rowcount
    connection.execute(_DELETE_RECALLED)
    return count


def recall_all(connection: sqlite3.Connection) -> int:
    """Queue all forgotten ids again; return their number."""
    count = connection.execute(_RECALL).rowcount
    connection.execute(_DELETE_RECALLED)
    return count
