"""Types that the generated code shares."""

from collections.abc import Mapping
from typing import IO, BinaryIO, Generic, TypeVar

from attrs import define, frozen

# What httpx takes for `files=`; see its documentation of multipart file encoding.
FileContent = IO[bytes] | bytes | str
FileTypes = (
    tuple[str | None, FileContent, str | None]
    | tuple[str | None, FileContent, str | None, Mapping[str, str]]
)
RequestFiles = list[tuple[str, FileTypes]]

T = TypeVar("T")


@define
class File:
    """A file to upload, or a binary body that came."""

    payload: BinaryIO
    file_name: str | None = None
    mime_type: str | None = None

    def to_tuple(self) -> FileTypes:
        """Return the form that httpx takes for multipart/form-data."""
        return self.file_name, self.payload, self.mime_type


@frozen
class Response(Generic[T]):
    """An answer of the server: its status, any status, with what its body says."""

    status_code: int
    content: bytes
    headers: Mapping[str, str]
    parsed: T


__all__ = ["File", "FileTypes", "RequestFiles", "Response"]
