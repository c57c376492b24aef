# ruff: noqa: S608 - the statements are built from constants; values are bound
"""Writing outcomes to the ledger: the rules that decide which record an id has.

- A record replaces one with another body, which moves to the history.
- A record that is not final never replaces one that is; it is added to the history.
- The same body again changes nothing.
- Without a final record an id stays in the queue, failed ones included; with one it leaves it.
- A forgotten id stays forgotten without a record; with one it is like any other.
"""

import sqlite3
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, cast

from modelgates_client._version import __version__
from modelgates_client.bulk.outcomes import Failed, Outcome, Pending, Resolved
from modelgates_client.ledger.derived import PutRow, Row
from modelgates_client.ledger.errors import DamagedError
from modelgates_client.ledger.text_encoding import encode_id, error_text, replace_surrogates
from modelgates_client.ledger.values import checksum
from modelgates_client.records.generation import Generation, GenerationResponse
from modelgates_runtime.types import Response

_COLUMNS: Final = (
    "final, obtained_at, requests, status, request_id, elapsed_s, client, body, checksum"
)

_SELECT_STATE: Final = """
    SELECT ids.key, records.final, queue.state, forgotten.key IS NOT NULL,
        coalesce(queue.requests, forgotten.requests, records.requests, 0)
    FROM ids LEFT JOIN records ON records.key = ids.key LEFT JOIN queue ON queue.key = ids.key
    LEFT JOIN forgotten ON forgotten.key = ids.key
    WHERE ids.id = ?"""
_INSERT_ID: Final = "INSERT INTO ids (id) VALUES (?)"
_SELECT_BODY: Final = "SELECT body FROM records WHERE key = ?"
_PUT_RECORD: Final = (
    f"INSERT OR REPLACE INTO records (key, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_ARCHIVE_RECORD: Final = (
    f"INSERT INTO history (key, {_COLUMNS}) SELECT key, {_COLUMNS} FROM records WHERE key = ?"
)
_IS_ARCHIVED: Final = "SELECT 1 FROM history WHERE key = ? AND body = ?"
_ARCHIVE_NEW: Final = f"INSERT INTO history (key, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_DEQUEUE: Final = "DELETE FROM queue WHERE key = ?"
_UNFORGET: Final = "DELETE FROM forgotten WHERE key = ?"
_QUEUE: Final = """
    INSERT INTO queue (key, state, added_at, tried_at, tried_by, requests, status, error)
    VALUES (:key, :state, :now, :now, :newest, :requests, :status, :error)
    ON CONFLICT (key) DO UPDATE SET
        state = excluded.state, tried_at = excluded.tried_at, tried_by = excluded.tried_by,
        requests = excluded.requests, status = excluded.status, error = excluded.error,
        leased_by = CASE WHEN leased_by = :holder THEN NULL ELSE leased_by END"""

#: Makes the row of a record from the encoded id, the record, the time in µs, and the requests.
MakeRow = Callable[[str, Generation, int, int], Row]


class ReceivedRecord(NamedTuple):
    """A record that was received.

    Attributes:
        final: Whether it is final: 1 or 0, as SQLite stores it.
        status: The HTTP status.
        request_id: The id that the server gave the request.
        elapsed_s: Seconds that the call took.
        body: The body, as received.
        row: Its row, except for the number of requests, which only the ledger knows.
    """

    final: int
    status: int
    request_id: str | None
    elapsed_s: float
    body: bytes
    row: Row


class PreparedOutcome(NamedTuple):
    """An outcome with all values that are written, prepared before anything is locked.

    Attributes:
        encoded_id: The id, as the ledger stores it.
        received: The record; None if there is none.
        requests: How many requests were made for this outcome.
        state: The id's state in the queue if it has no record: `pending` or `failed`.
        status: The HTTP status of the last response; None if there was none.
        error: The text of the last request's error; None if it succeeded.
    """

    encoded_id: str
    received: ReceivedRecord | None
    requests: int
    state: str
    status: int | None
    error: str | None


def prepare(outcome: Outcome, now: int, make_row: MakeRow) -> PreparedOutcome:
    """Return the values of an outcome that are written.

    Args:
        outcome: The outcome of an id.
        now: When it was received, in microseconds since 1970-01-01 UTC.
        make_row: Makes the row of a record.

    Raises:
        TypeError: It is not an outcome, or its id is not a string.
    """
    if not isinstance(outcome, Resolved | Pending | Failed):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        raise TypeError(f"an outcome is Resolved, Pending or Failed, not {type(outcome).__name__}")
    encoded_id = encode_id(outcome.generation_id)
    if isinstance(outcome, Resolved):
        received = _received(encoded_id, outcome.response, now, make_row)
        requests = outcome.response.attempts
        return PreparedOutcome(encoded_id, received, requests, "pending", received.status, None)
    error = outcome.error
    requests = getattr(error, "attempts", 0)  # errors before any request have none
    text = error_text(error)
    if isinstance(outcome, Failed):
        status = getattr(error, "status_code", None)
        return PreparedOutcome(encoded_id, None, requests, "failed", status, text)
    status = getattr(outcome.error.last_error, "status_code", None)
    if outcome.error.response is None:
        return PreparedOutcome(encoded_id, None, requests, "pending", status, text)
    received = _received(encoded_id, outcome.error.response, now, make_row)
    status = status or received.status
    return PreparedOutcome(encoded_id, received, requests, "pending", status, text)


def _received(
    encoded_id: str, response: Response[GenerationResponse], now: int, make_row: MakeRow
) -> ReceivedRecord:
    record = response.parsed.data
    return ReceivedRecord(
        int(record.is_final),
        response.status_code,
        replace_surrogates(response.request_id),
        response.elapsed_s,
        response.body,
        make_row(encoded_id, record, now, response.attempts),
    )


class WriteContext(NamedTuple):
    """When and by which holder outcomes are written.

    Attributes:
        now: Microseconds since 1970-01-01 UTC.
        holder: The number of the `Ledger` object that writes.
        newest_holder: The highest holder number; holders after it may request the ids again.
    """

    now: int
    holder: int
    newest_holder: int


def write(
    connection: sqlite3.Connection,
    outcomes: Iterable[PreparedOutcome],
    context: WriteContext,
    put_row: PutRow,
) -> None:
    """Write outcomes in order.

    Raises:
        DamagedError: The stored state of an id is damaged.
    """
    for outcome in outcomes:
        stored = connection.execute(_SELECT_STATE, (outcome.encoded_id,)).fetchone()
        if stored is None:
            inserted = connection.execute(_INSERT_ID, (outcome.encoded_id,))
            key = cast("int", inserted.lastrowid)  # None only before a first insertion
            state = _StoredState(key, None, None, 0, 0)
        else:
            state = _StoredState(*stored)
        if not isinstance(state.requests, int) or not isinstance(state.final, int | None):  # pyright: ignore[reportUnnecessaryIsInstance] - storage may have changed them
            raise DamagedError(f"the state of {outcome.encoded_id!r} has values of a wrong type")
        _write(connection, outcome, state, context, put_row)


class _StoredState(NamedTuple):
    """What the ledger has of an id: the `final` flag of its record, its state in the queue."""

    key: int
    final: int | None
    queue_state: str | None
    is_forgotten: int
    requests: int


def _write(
    connection: sqlite3.Connection,
    outcome: PreparedOutcome,
    stored: _StoredState,
    context: WriteContext,
    put_row: PutRow,
) -> None:
    requests = stored.requests + outcome.requests
    final = stored.final
    if stored.is_forgotten:
        if outcome.received is None:
            return
        connection.execute(_UNFORGET, (stored.key,))
    if outcome.received is not None:
        _write_record(connection, outcome.received, stored, context.now, requests, put_row)
        final = final or outcome.received.final
    if final:
        if stored.queue_state is not None:
            connection.execute(_DEQUEUE, (stored.key,))
        return
    connection.execute(
        _QUEUE,
        {
            "key": stored.key,
            # a provisional record may become final, whatever failed this time
            "state": outcome.state if final is None else "pending",
            "now": context.now,
            "newest": context.newest_holder,
            "holder": context.holder,
            "requests": requests,
            "status": outcome.status,
            "error": outcome.error,
        },
    )


def _write_record(  # noqa: PLR0913, PLR0917 - private; all belong to one record
    connection: sqlite3.Connection,
    received: ReceivedRecord,
    stored: _StoredState,
    now: int,
    requests: int,
    put_row: PutRow,
) -> None:
    """Store a record, unless the ledger has the same or a better one."""
    values = (
        received.final,
        now,
        requests,
        received.status,
        received.request_id,
        received.elapsed_s,
        __version__,
        received.body,
        checksum(received.body),
    )
    if stored.final is not None:
        (body,) = connection.execute(_SELECT_BODY, (stored.key,)).fetchone()
        if body == received.body:
            if received.final <= stored.final:
                return  # if it is more final: this version of the package reads more out of it
        elif stored.final and not received.final:
            if not connection.execute(_IS_ARCHIVED, (stored.key, received.body)).fetchone():
                connection.execute(_ARCHIVE_NEW, (stored.key, *values))
            return
        else:
            connection.execute(_ARCHIVE_RECORD, (stored.key,))
    connection.execute(_PUT_RECORD, (stored.key, *values))
    put_row(stored.key, received.row, requests, is_first=stored.final is None)
