"""An outcome made ready to be written, before anything is locked."""

from collections.abc import Callable
from typing import NamedTuple

from modelgates_client.bulk.outcomes import Failed, Outcome, Pending, Resolved
from modelgates_client.ledger.derived import Row
from modelgates_client.ledger.text_encoding import error_text, storable, stored_id
from modelgates_client.records.generation import Generation, GenerationResponse
from modelgates_runtime.types import Response

#: Makes the row of a record: of its id, the record, the moment in µs, and the requests.
MakeRow = Callable[[str, Generation, int, int], Row]


class ReceivedRecord(NamedTuple):
    """A record that came.

    Attributes:
        final: Whether it is settled, as SQLite has truth values.
        status: The HTTP status.
        request_id: The server's own name for the request.
        elapsed_s: Seconds that the call took.
        body: As it came.
        row: Its row, but for the number of requests, which only the ledger knows.
    """

    final: int
    status: int
    request_id: str | None
    elapsed_s: float
    body: bytes
    row: Row


class PreparedOutcome(NamedTuple):
    """What came for an id.

    Attributes:
        stored: The id, as it is stored.
        found: The record; None if there is none.
        requests: How many requests were made now.
        state: What the id is in the queue without a record: `pending` or `failed`.
        status: The HTTP status of the last answer; None if there was none.
        error: What the last request ended with; None when it brought a record.
    """

    stored: str
    found: ReceivedRecord | None
    requests: int
    state: str
    status: int | None
    error: str | None


def prepare(outcome: Outcome, now: int, make_row: MakeRow) -> PreparedOutcome:
    """Return what an outcome brings.

    Args:
        outcome: What became of an id.
        now: When it came, in microseconds since 1970-01-01 UTC.
        make_row: Makes the row of a record.

    Raises:
        TypeError: It is no outcome, or its id is no string.
    """
    if not isinstance(outcome, Resolved | Pending | Failed):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        raise TypeError(f"an outcome is Resolved, Pending or Failed, not {type(outcome).__name__}")
    stored = stored_id(outcome.generation_id)
    if isinstance(outcome, Resolved):
        found = _found(stored, outcome.response, now, make_row)
        return PreparedOutcome(
            stored, found, outcome.response.attempts, "pending", found.status, None
        )
    error = outcome.error
    requests = getattr(error, "attempts", 0)  # errors that came before any request have none
    said = error_text(error)
    if isinstance(outcome, Failed):
        status = getattr(error, "status_code", None)
        return PreparedOutcome(stored, None, requests, "failed", status, said)
    status = getattr(outcome.error.last_error, "status_code", None)
    if outcome.error.response is None:
        return PreparedOutcome(stored, None, requests, "pending", status, said)
    found = _found(stored, outcome.error.response, now, make_row)
    return PreparedOutcome(stored, found, requests, "pending", status or found.status, said)


def _found(
    stored: str, response: Response[GenerationResponse], now: int, make_row: MakeRow
) -> ReceivedRecord:
    record = response.parsed.data
    return ReceivedRecord(
        int(record.is_final),
        response.status_code,
        storable(response.request_id),
        response.elapsed_s,
        response.body,
        make_row(stored, record, now, response.attempts),
    )
