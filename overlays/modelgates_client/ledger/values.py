"""What a ledger tells: plain values."""

import datetime
import zlib
from typing import NamedTuple

from attrs import field, frozen

from modelgates_client.records.generation import Generation


class LedgerCounts(NamedTuple):
    """How many ids a ledger knows, by what is known of them. No id is counted twice.

    Attributes:
        final: There is a record, and it is settled.
        provisional: There is a record that may still change; the id waits in the queue.
        pending: There is no record, or not yet.
        failed: There is none, and another try is not expected to help.
        forgotten: There is none, and nobody asks for one any more.
    """

    final: int
    provisional: int
    pending: int
    failed: int
    forgotten: int = 0


@frozen
class UnresolvedId:
    """An id of which something is not known yet: its record, its last state, its cost.

    Attributes:
        generation_id: The id.
        state: `pending`: there is no record yet; `failed`: another try is not expected to help;
            `provisional`: there is a record, and it may still change; `unknown`: there is a record,
            which does not say what it cost; `forgotten`: nobody asks for a record any more.
        queued_at: When it was queued, aware; None: it is in the queue no more.
        tried_at: When it was last asked for, aware; None: never.
        requests: How many requests were made for it, in all runs.
        status: The HTTP status of the last answer; None: there was none.
        error: Class and message of what the last request ended with; None: with none.
        forgotten_at: When it was forgotten, aware; None: it was not.
    """

    generation_id: str
    state: str
    queued_at: datetime.datetime | None
    tried_at: datetime.datetime | None
    requests: int
    status: int | None
    error: str | None
    forgotten_at: datetime.datetime | None = None


def checksum(body: bytes) -> int:
    """Return the checksum that is kept beside a body: its CRC-32, as gzip and PNG have it."""
    return zlib.crc32(body)


def _size(body: bytes) -> str:
    return f"<{len(body)} bytes>"


@frozen
class StoredRecord:
    """A record as it came, and how.

    Attributes:
        generation_id: Whose record was asked for.
        body: The body of the response, byte by byte.
        obtained_at: When it was added, aware.
        requests: How many requests were made for this id until it came, in all runs.
        request_id: The server's own name for the request, if it gave one.
        status: The HTTP status that it came with.
        elapsed_s: Seconds that the last call took, retries included.
        client: The version of this package that asked for it.
        is_final: Whether the record was settled.
    """

    generation_id: str
    body: bytes = field(repr=_size)
    obtained_at: datetime.datetime
    requests: int
    request_id: str | None
    status: int
    elapsed_s: float | None
    client: str
    is_final: bool

    def generation(self) -> Generation:
        """Return the record, decoded anew.

        Raises:
            ModelGatesError: This version of the package cannot read the body.
        """
        return decode(self.body, self.status, self.generation_id)


def decode(body: bytes, status: int, generation_id: str) -> Generation:
    """Return the record of a body, as it was read when it came.

    Raises:
        ModelGatesError: This version of the package cannot read it.
    """
    from modelgates_client.calls.responses import CallProblem, interpret  # noqa: PLC0415 - few decode
    from modelgates_client.resources.generations import call_for_stored  # noqa: PLC0415 - few decode
    from modelgates_client.transport.messages import HTTPResponse  # noqa: PLC0415 - few decode

    answer = interpret(HTTPResponse(status, {}, body), call_for_stored(generation_id), 1, "lenient")
    if isinstance(answer, CallProblem):
        raise answer.error
    return answer.parsed.data
