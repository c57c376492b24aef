"""Types that the generated code shares."""

from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, BinaryIO, Final, Generic, NamedTuple, TypeVar

import modelgates_runtime  # for an annotation; the module is imported on first use

if TYPE_CHECKING:
    import modelgates_runtime.limits

# A part of a multipart/form-data body: file name, content, media type.
FileContent = IO[bytes] | bytes | str
FileTypes = (
    tuple[str | None, FileContent, str | None]
    | tuple[str | None, FileContent, str | None, Mapping[str, str]]
)
RequestFiles = list[tuple[str, FileTypes]]

T = TypeVar("T")

_REQUEST_IDS: Final = ("x-request-id", "request-id", "cf-ray")


class File(NamedTuple):
    """A file to upload, or a binary body that was received."""

    payload: BinaryIO
    file_name: str | None = None
    mime_type: str | None = None

    def to_tuple(self) -> FileTypes:
        """Return the file as a part of multipart/form-data."""
        return self.file_name, self.payload, self.mime_type


class Response(NamedTuple, Generic[T]):
    """A successful response, with its decoded body.

    Attributes:
        parsed: The body, decoded by the spec's schema for its status.
        status_code: The HTTP status.
        headers: The headers by lower-case name.
        body: The raw body, after decoding its content encoding.
        attempts: The number of requests sent.
        elapsed_s: The duration of the call in seconds, retries included.
    """

    parsed: T
    status_code: int
    headers: Mapping[str, str]
    body: bytes
    attempts: int = 1
    elapsed_s: float = 0.0

    @property
    def request_id(self) -> str | None:
        """The server's id of the request, if it sent one."""
        return request_id(self.headers)

    @property
    def rate_limit(self) -> "modelgates_runtime.limits.RateLimit | None":
        """The rate limit in the response headers; None if they have none."""
        from modelgates_runtime.limits import RateLimit  # noqa: PLC0415 - rarely needed

        return RateLimit.from_headers(self.headers)

    def __repr__(self) -> str:
        return (
            f"Response(parsed={self.parsed!r}, status_code={self.status_code}, "
            f"attempts={self.attempts}, elapsed_s={self.elapsed_s:.3f})"
        )


def request_id(headers: Mapping[str, str]) -> str | None:
    """Return the server's id of a request, if it sent one."""
    return next((value for name in _REQUEST_IDS if (value := headers.get(name))), None)


__all__ = ["File", "FileTypes", "RequestFiles", "Response"]
