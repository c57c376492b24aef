"""Values that a ledger returns."""

import datetime
import zlib
from typing import NamedTuple

from attrs import field, frozen

from modelgates_client.records.generation import Generation


class LedgerCounts(NamedTuple):
    """How many ids a ledger has, by state. No id is counted twice.

    Attributes:
        final: The record is complete and will not change.
        provisional: There is a record that may still change; the id stays in the queue.
        pending: There is no record yet.
        failed: There is no record, and a retry is not expected to help.
        forgotten: There is no record, and none is requested any more.
        never_final: There is a record that did not become final, and is no longer requested.
    """

    final: int
    provisional: int
    pending: int
    failed: int
    forgotten: int = 0
    never_final: int = 0


class GivenUp(NamedTuple):
    """How many old ids are no longer requested.

    Attributes:
        forgotten: Ids without a record.
        never_final: Ids whose record did not become final; it is kept.
    """

    forgotten: int = 0
    never_final: int = 0


@frozen
class UnresolvedId:
    """An id whose record, final state or cost is not known.

    Attributes:
        generation_id: The id.
        state: `pending`: there is no record yet; `failed`: a retry is not expected to help;
            `provisional`: the record may still change; `unknown`: the record does not state its
            cost; `forgotten`: there is no record, and none is requested any more; `never-final`:
            the record did not become final, and is no longer requested.
        queued_at: When it was queued, as an aware time; None if it is no longer in the queue.
        tried_at: When it was last requested, as an aware time; None if never.
        requests: How many requests were made for it, in all runs.
        status: The HTTP status of the last response; None if there was none.
        error: Class and message of the last request's error; None if there was none.
        forgotten_at: When it was forgotten or given up, as an aware time; None if it was not.
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
    """Return the checksum that is stored with a body: its CRC-32, as in gzip and PNG."""
    return zlib.crc32(body)


def _size(body: bytes) -> str:
    return f"<{len(body)} bytes>"


@frozen
class StoredRecord:
    """A record as it was received, and how it was obtained.

    Attributes:
        generation_id: The id that was requested.
        body: The body of the response, byte by byte.
        obtained_at: When it was added, as an aware time.
        requests: How many requests were made for this id until it was received, in all runs.
        request_id: The id that the server gave the request, if any.
        status: The HTTP status of the response.
        elapsed_s: Seconds that the last call took, retries included.
        client: The version of this package that requested it.
        is_final: Whether the record was final.
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
        """Decode the record.

        Raises:
            ModelGatesError: This version of the package cannot read the body.
        """
        return decode(self.body, self.status, self.generation_id)


def decode(body: bytes, status: int, generation_id: str) -> Generation:
    """Decode a body, in the same way as when it was received.

    Raises:
        ModelGatesError: This version of the package cannot read it.
    """
    from modelgates_client.calls.responses import CallProblem, interpret  # noqa: PLC0415 - few callers decode
    from modelgates_client.resources.generations import call_for_stored  # noqa: PLC0415 - few callers decode
    from modelgates_client.transport.messages import HTTPResponse  # noqa: PLC0415 - few callers decode

    result = interpret(HTTPResponse(status, {}, body), call_for_stored(generation_id), 1, "lenient")
    if isinstance(result, CallProblem):
        raise result.error
    return result.parsed.data
