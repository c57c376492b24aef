"""Types that the generated code shares."""

from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, BinaryIO, Final, Generic, NamedTuple, TypeVar

import modelgates_runtime  # an annotation names what it loads when it is asked for

if TYPE_CHECKING:
    import modelgates_runtime.limits

# What a part of a multipart/form-data body holds: file name, content, media type.
FileContent = IO[bytes] | bytes | str
FileTypes = (
    tuple[str | None, FileContent, str | None]
    | tuple[str | None, FileContent, str | None, Mapping[str, str]]
)
RequestFiles = list[tuple[str, FileTypes]]

T = TypeVar("T")

_REQUEST_IDS: Final = ("x-request-id", "request-id", "cf-ray")


class File(NamedTuple):
    """A file to upload, or a binary body that came."""

    payload: BinaryIO
    file_name: str | None = None
    mime_type: str | None = None

    def to_tuple(self) -> FileTypes:
        """Return the form that a part of multipart/form-data is made of."""
        return self.file_name, self.payload, self.mime_type


class Response(NamedTuple, Generic[T]):
    """A successful answer of the server, with what its body says.

    Attributes:
        parsed: The body, decoded as the spec says for its status.
        status_code: The HTTP status.
        headers: By name in lower case.
        body: The body as it came, its content encoding undone.
        attempts: How many requests it took.
        elapsed_s: Seconds that the call took, retries included.
    """

    parsed: T
    status_code: int
    headers: Mapping[str, str]
    body: bytes
    attempts: int = 1
    elapsed_s: float = 0.0

    @property
    def request_id(self) -> str | None:
        """The server's own name for the request, if it gave one."""
        return request_id(self.headers)

    @property
    def rate_limit(self) -> "modelgates_runtime.limits.RateLimit | None":
        """What the server says of its rate limit; None if it says nothing of it."""
        from modelgates_runtime.limits import RateLimit  # noqa: PLC0415 - rarely needed

        return RateLimit.of(self.headers)

    def __repr__(self) -> str:
        return (
            f"Response(parsed={self.parsed!r}, status_code={self.status_code}, "
            f"attempts={self.attempts}, elapsed_s={self.elapsed_s:.3f})"
        )


def request_id(headers: Mapping[str, str]) -> str | None:
    """Return the server's own name for a request, if it gave one."""
    return next((value for name in _REQUEST_IDS if (value := headers.get(name))), None)


__all__ = ["File", "FileTypes", "RequestFiles", "Response"]
