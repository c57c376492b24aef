"""The whole of an answer, beside the record that was made of it."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from modelgates_client.records.generation import Generation

_REQUEST_IDS: Final = ("x-request-id", "request-id", "cf-ray")


class RawResponse(NamedTuple):
    """A record, and the answer that it came in.

    Attributes:
        record: The record.
        status_code: The HTTP status.
        headers: By name in lower case.
        body: The body as it came, its content encoding undone.
        attempts: How many requests it took.
        elapsed_s: Seconds that the call took, retries included.
    """

    record: Generation
    status_code: int
    headers: Mapping[str, str]
    body: bytes
    attempts: int
    elapsed_s: float

    @property
    def request_id(self) -> str | None:
        """The server's own name for the request, if it gave one."""
        return request_id(self.headers)

    def __repr__(self) -> str:
        return (
            f"RawResponse(record={self.record!r}, status_code={self.status_code}, "
            f"attempts={self.attempts}, elapsed_s={self.elapsed_s:.3f})"
        )


def request_id(headers: Mapping[str, str]) -> str | None:
    """Return the server's own name for a request, if it gave one."""
    return next((value for name in _REQUEST_IDS if (value := headers.get(name))), None)
