# ruff: noqa: S608 - the statements are put together of constants; values are bound
"""What an outcome changes in the ledger: the rules that decide which record stands.

- A record replaces one that differs; the old one goes to the history.
- A record that is not final never replaces one that is: it goes to the history itself.
- The same body again changes nothing of what is kept.
- Without a final record an id stays in the queue; one that had failed and is found leaves it.
- A forgotten id stays so without a record; with one it is as if it had not been.
"""

import sqlite3
from collections.abc import Iterable
from typing import Final, NamedTuple

from modelgates_client._version import __version__
from modelgates_client.ledger.derived import Put
from modelgates_client.ledger.errors import DamagedError
from modelgates_client.ledger.prepared_outcomes import PreparedOutcome, ReceivedRecord
from modelgates_client.ledger.values import checksum

_HOW: Final = "final, obtained_at, requests, status, request_id, elapsed_s, client, body, checksum"

_KNOWN: Final = """
    SELECT ids.key, records.final, queue.state, forgotten.key IS NOT NULL,
        coalesce(queue.requests, forgotten.requests, records.requests, 0)
    FROM ids LEFT JOIN records ON records.key = ids.key LEFT JOIN queue ON queue.key = ids.key
    LEFT JOIN forgotten ON forgotten.key = ids.key
    WHERE ids.id = ?"""
_NEW: Final = "INSERT INTO ids (id) VALUES (?)"
_BODY: Final = "SELECT body FROM records WHERE key = ?"
_KEEP: Final = f"INSERT OR REPLACE INTO records (key, {_HOW}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_SHELVE: Final = f"INSERT INTO history (key, {_HOW}) SELECT key, {_HOW} FROM records WHERE key = ?"
_SHELVED: Final = "SELECT 1 FROM history WHERE key = ? AND body = ?"
_SHELVE_NEW: Final = f"INSERT INTO history (key, {_HOW}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_DONE: Final = "DELETE FROM queue WHERE key = ?"
_FOUND: Final = "DELETE FROM forgotten WHERE key = ?"
_TRIED: Final = """
    INSERT INTO queue (key, state, added_at, tried_at, tried_by, requests, status, error)
    VALUES (:key, :state, :now, :now, :newest, :requests, :status, :error)
    ON CONFLICT (key) DO UPDATE SET
        state = excluded.state, tried_at = excluded.tried_at, tried_by = excluded.tried_by,
        requests = excluded.requests, status = excluded.status, error = excluded.error,
        leased_by = CASE WHEN leased_by = :holder THEN NULL ELSE leased_by END"""


class Moment(NamedTuple):
    """When and by whom something is written.

    Attributes:
        now: Microseconds since 1970-01-01 UTC.
        holder: The number of the ledger object that writes.
        newest: The highest such number by now: those with a higher one may ask again.
    """

    now: int
    holder: int
    newest: int


def write(
    connection: sqlite3.Connection, arrivals: Iterable[PreparedOutcome], moment: Moment, put: Put
) -> None:
    """Write what came, one after the other."""
    for arrival in arrivals:
        known = connection.execute(_KNOWN, (arrival.stored,)).fetchone()
        if known is None:
            connection.execute(_NEW, (arrival.stored,))
            known = connection.execute(_KNOWN, (arrival.stored,)).fetchone()
        if known is None:
            raise DamagedError(f"what is written of {arrival.stored!r} cannot be read again")
        found = _StoredState(*known)
        if not isinstance(found.requests, int) or not isinstance(found.final, int | None):  # pyright: ignore[reportUnnecessaryIsInstance] - storage may have changed them
            raise DamagedError(f"what is known of {arrival.stored!r} is none of its values")
        _write(connection, arrival, found, moment, put)


class _StoredState(NamedTuple):
    """What the ledger has of an id: the flag of its record and its state in the queue, or None."""

    key: int
    final: int | None
    queued: str | None
    is_forgotten: int
    requests: int


def _write(
    connection: sqlite3.Connection,
    arrival: PreparedOutcome,
    known: _StoredState,
    moment: Moment,
    put: Put,
) -> None:
    requests = known.requests + arrival.requests
    final = known.final
    if known.is_forgotten:
        if arrival.found is None:
            return
        connection.execute(_FOUND, (known.key,))
    if arrival.found is not None:
        _keep(connection, arrival.found, known, (moment.now, requests), put)
        final = max(final or 0, arrival.found.final)
    if final:
        if known.queued is not None:
            connection.execute(_DONE, (known.key,))
        return
    connection.execute(
        _TRIED,
        {
            "key": known.key,
            # a record that is there, but not final, may become final whatever failed this time
            "state": arrival.state if final is None else "pending",
            "now": moment.now,
            "newest": moment.newest,
            "holder": moment.holder,
            "requests": requests,
            "status": arrival.status,
            "error": arrival.error,
        },
    )


def _keep(
    connection: sqlite3.Connection,
    found: ReceivedRecord,
    known: _StoredState,
    came: tuple[int, int],
    put: Put,
) -> None:
    """Keep a record that came, unless there is the same or a better one."""
    now, requests = came
    how = (
        found.final,
        now,
        requests,
        found.status,
        found.request_id,
        found.elapsed_s,
        __version__,
        found.body,
        checksum(found.body),
    )
    if known.final is not None:
        (body,) = connection.execute(_BODY, (known.key,)).fetchone()
        if body == found.body:
            if found.final <= known.final:
                return  # otherwise this version of the package reads more out of it than another
        elif known.final and not found.final:
            if not connection.execute(_SHELVED, (known.key, found.body)).fetchone():
                connection.execute(_SHELVE_NEW, (known.key, *how))
            return
        else:
            connection.execute(_SHELVE, (known.key,))
    connection.execute(_KEEP, (known.key, *how))
    put(known.key, found.row, requests, is_first=known.final is None)
