# ruff: noqa: S608 - the statements are put together of constants; values are bound
"""Ids that wait for their record, and leases: who is asking for which of them.

A lease belongs to a holder, one ledger object, whose one row is all that renewing touches. A holder
that renews no more has died, and its ids are free again. Clocks are read within transactions, whose
order is that of time; a lease that ends later than any can was given before the clock was set back,
and has ended, too.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final

from modelgates_client.ledger.capture_file import CapturedId
from modelgates_client.ledger.errors import DamagedError
from modelgates_client.ledger.labels import as_json
from modelgates_client.ledger.text_encoding import stored_id
from modelgates_client.ledger.values import checksum

#: Seconds that a lease lasts unless it is renewed.
LEASE_S: Final = 30.0

_LEASE: Final = int(LEASE_S * 1e6)
_JITTER: Final = 5_000_000  # microseconds that clocks are set back by without saying so

_DEAD: Final = "until <= :now OR until > :latest"
_LAST: Final = "SELECT coalesce(max(key), 0) FROM ids"
_NAME: Final = "INSERT INTO ids (id) VALUES (?) ON CONFLICT DO NOTHING"
_QUEUE: Final = """
    INSERT INTO queue (key, state, added_at) SELECT key, 'pending', ? FROM ids WHERE key > ?"""
_QUEUE_ONE: Final = """
    INSERT INTO queue (key, state, added_at) SELECT key, 'pending', ? FROM ids
    WHERE id = ? AND key > ? ON CONFLICT DO NOTHING"""
_LABEL: Final = """
    INSERT INTO labels (key, labels, checksum) SELECT key, ?, ? FROM ids WHERE id = ?
    ON CONFLICT (key) DO NOTHING"""
_FREE: Final = f"""
    UPDATE queue SET leased_by = NULL
    WHERE leased_by IN (SELECT holder FROM holders WHERE {_DEAD})"""
_BURY: Final = f"DELETE FROM holders WHERE {_DEAD}"
_NEXT: Final = """
    SELECT queue.key, ids.id FROM queue CROSS JOIN ids ON ids.key = queue.key
    WHERE state = ? AND leased_by IS NULL AND tried_by < ?
    ORDER BY tried_by, queue.key LIMIT ?"""
_NOT_FINAL: Final = "UPDATE records SET final = 0 WHERE key = ?"
_ASK_AGAIN: Final = """
    INSERT INTO queue (key, state, added_at) VALUES (?, 'pending', ?)
    ON CONFLICT (key) DO UPDATE SET state = 'pending'"""
_OTHERS: Final = """
    SELECT count(*) FROM queue
    WHERE leased_by IS NOT NULL AND leased_by != ? AND state = ? AND tried_by < ?"""
_HELD: Final = f"""
    SELECT holder, until FROM holders WHERE holder != :holder AND NOT ({_DEAD}) AND EXISTS (
        SELECT 1 FROM queue
        WHERE leased_by = holders.holder AND state = :state AND tried_by < :holder)"""
_TAKE: Final = "UPDATE queue SET leased_by = ? WHERE key = ?"
_RENEW: Final = """
    INSERT INTO holders (holder, until) VALUES (?, ?)
    ON CONFLICT (holder) DO UPDATE SET until = excluded.until"""
_GIVE_BACK: Final = "UPDATE queue SET leased_by = NULL WHERE leased_by = ?"
_LEAVE: Final = "DELETE FROM holders WHERE holder = ?"


def new_holder(connection: sqlite3.Connection) -> int:
    """Return a number that no holder had before; holders of lower ones are older."""
    holder = connection.execute("INSERT INTO holders (until) VALUES (0)").lastrowid
    connection.execute("DELETE FROM holders WHERE holder = ?", (holder,))  # it has no lease yet
    if holder is None:  # pragma: no cover - an INSERT that did not raise has made a row
        raise RuntimeError("SQLite has inserted nothing")
    return holder


def renewed_holder(connection: sqlite3.Connection, holder: int, now: int) -> int:
    """Return a new number for a holder, which keeps its leases: it may ask for all again."""
    newer = new_holder(connection)
    connection.execute("UPDATE queue SET leased_by = ? WHERE leased_by = ?", (newer, holder))
    connection.execute(_LEAVE, (holder,))
    renew(connection, newer, now)
    return newer


def newest_holder(connection: sqlite3.Connection) -> int:
    """Return the highest number of a holder so far."""
    found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'holders'").fetchone()
    if found is None or not isinstance(found[0], int):
        raise DamagedError("the number of its last holder is lost")
    return found[0]


def enqueue(connection: sqlite3.Connection, stored: Sequence[str], now: int) -> int:
    """Queue the ids that are not known yet; return how many there were."""
    (last,) = connection.execute(_LAST).fetchone()
    connection.executemany(_NAME, ((each,) for each in stored))
    return connection.execute(_QUEUE, (now, last)).rowcount


def take_in(connection: sqlite3.Connection, taken: Sequence[CapturedId]) -> int:
    """Queue the ids that were captured and are not known yet; return how many there were.

    They wait since they were captured. An id keeps the labels that it has.
    """
    (last,) = connection.execute(_LAST).fetchone()
    ids = [(stored_id(each.generation_id), each) for each in taken]
    connection.executemany(_NAME, ((stored,) for stored, _ in ids))
    new = connection.executemany(_QUEUE_ONE, ((each.at, stored, last) for stored, each in ids))
    texts = ((as_json(each.labels), stored) for stored, each in ids if each.labels)
    labelled = ((text, checksum(text.encode()), stored) for text, stored in texts)
    connection.executemany(_LABEL, labelled)
    return new.rowcount


def ask_again(connection: sqlite3.Connection, key: int, now: int) -> None:
    """Queue the id of a record that is not what came: it counts as one that may still change."""
    connection.execute(_NOT_FINAL, (key,))
    connection.execute(_ASK_AGAIN, (key, now))


def lease(
    connection: sqlite3.Connection, holder: int, most: int, states: Sequence[str], now: int
) -> list[str]:
    """Lease ids to a holder: those never asked for first, none that was since it came.

    Args:
        connection: Within a transaction.
        holder: To whom.
        most: How many at most.
        states: Which states, the first ones first.
        now: Microseconds since 1970-01-01 UTC.
    """
    renew(connection, holder, now)
    bounds = {"now": now, "latest": now + _LEASE + _JITTER}
    connection.execute(_FREE, bounds)
    connection.execute(_BURY, bounds)
    found: list[tuple[int, str]] = []
    for state in states:
        found += connection.execute(_NEXT, (state, holder, most - len(found)))
    connection.executemany(_TAKE, ((holder, key) for key, _ in found))
    return [stored for _, stored in found]


def has_waiting(connection: sqlite3.Connection, holder: int) -> bool:
    """Whether there is an id that is pending, and free for a holder."""
    return connection.execute(_NEXT, ("pending", holder, 1)).fetchone() is not None


def others(connection: sqlite3.Connection, holder: int, states: Sequence[str]) -> int:
    """Return how many ids that a holder might want are leased to others."""
    found = (connection.execute(_OTHERS, (holder, state, holder)).fetchone() for state in states)
    return sum(number for (number,) in found)


def held(
    connection: sqlite3.Connection, holder: int, states: Sequence[str], now: int
) -> dict[int, int]:
    """Return the others who hold what a holder might want, and until when each of them does."""
    bounds = {"holder": holder, "now": now, "latest": now + _LEASE + _JITTER}
    found: dict[int, int] = {}
    for state in states:
        found.update(connection.execute(_HELD, {**bounds, "state": state}).fetchall())
    return found


def renew(connection: sqlite3.Connection, holder: int, now: int) -> None:
    """Let the leases of a holder last from now on."""
    connection.execute(_RENEW, (holder, now + _LEASE))


def release(connection: sqlite3.Connection, holder: int) -> None:
    """Give the leases of a holder back."""
    connection.execute(_GIVE_BACK, (holder,))
    connection.execute(_LEAVE, (holder,))
