# ruff: noqa: S608 - the statements are put together of constants; values are bound
"""Ids that end without a record: they leave the queue, and what was known of them is kept.

A forgotten id is not asked for any more, and is counted apart. If its record comes all the same,
the id is like any other. The age of an id is that of the time in it, where it has one that is
before it was queued; else it counts from there.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final

from modelgates_client.ledger.id_times import TIME_IN_ID

_KEPT: Final = "key, state, added_at, tried_at, requests, status, error"
_WITHOUT: Final = "key NOT IN (SELECT key FROM records)"
_MADE_AT: Final = f"min(added_at, coalesce({TIME_IN_ID}, added_at))"
_FORGET: Final = f"""
    INSERT INTO forgotten ({_KEPT}, forgotten_at)
    SELECT {_KEPT}, :now FROM queue JOIN ids USING (key) WHERE {_WITHOUT}"""
_ONE: Final = f"{_FORGET} AND ids.id = :id"
_SOME: Final = f"{_FORGET} AND state IN (:state, :other) AND {_MADE_AT} <= :before"
#: What the server has said that it has not, or has refused to a holder before: a wrong key is
#: noticed in the run that it is used in. A server that did not answer has said nothing.
_VAIN: Final = f"""{_SOME} AND leased_by IS NULL
    AND (status = 404 OR (queue.state = 'failed' AND tried_by < :holder))"""
_LEAVE: Final = "DELETE FROM queue WHERE key IN (SELECT key FROM forgotten)"
_RECALL: Final = """
    INSERT INTO queue (key, state, added_at, tried_at, requests, status, error)
    SELECT key, 'pending', added_at, tried_at, requests, status, error
    FROM forgotten"""
_RECALL_ONE: Final = f"{_RECALL} JOIN ids USING (key) WHERE id = ?"
_REMEMBER: Final = "DELETE FROM forgotten WHERE key IN (SELECT key FROM queue)"


def forget(connection: sqlite3.Connection, stored: Sequence[str], now: int) -> int:
    """Forget those of some ids that wait without a record; return how many these are."""
    done = connection.executemany(_ONE, ({"id": each, "now": now} for each in stored)).rowcount
    connection.execute(_LEAVE)
    return done


def forget_all(
    connection: sqlite3.Connection,
    states: Sequence[str],
    before: int,
    now: int,
    *,
    in_vain_for: int | None = None,
) -> int:
    """Forget all ids without a record that are in some states and were made before a time.

    Args:
        connection: Within a transaction.
        states: One of the queue's states, or both.
        before: Microseconds since 1970-01-01 UTC.
        now: Likewise.
        in_vain_for: A holder, if only those are meant of which the server has said that there is no
            record, or that it had refused before this holder came.

    Returns:
        How many there were.
    """
    chosen: dict[str, str | int] = {"state": states[0], "other": states[-1]}
    chosen |= {"before": before, "now": now}
    if in_vain_for is None:
        done = connection.execute(_SOME, chosen).rowcount
    else:
        done = connection.execute(_VAIN, {**chosen, "holder": in_vain_for}).rowcount
    connection.execute(_LEAVE)
    return done


def recall(connection: sqlite3.Connection, stored: Sequence[str]) -> int:
    """Queue ids again that were forgotten; return how many were."""
    done = connection.executemany(_RECALL_ONE, ((each,) for each in stored)).rowcount
    connection.execute(_REMEMBER)
    return done


def recall_all(connection: sqlite3.Connection) -> int:
    """Queue all ids again that were forgotten; return how many were."""
    done = connection.execute(_RECALL).rowcount
    connection.execute(_REMEMBER)
    return done
