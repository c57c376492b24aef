"""The errors of decoding, and the root of the client's errors."""

from typing import Final

from modelgates_runtime.values import printable

_MAX_SHOWN: Final = 500  # characters of a body that the error keeps


class ModelGatesError(Exception):
    """Base class of all errors that this client raises."""


class ClientClosedError(ModelGatesError):
    """A request was made with a closed client."""


class FieldError(ModelGatesError):
    """A field was read that has no value of its declared type.

    Attributes:
        name: The attribute, as `Class.attribute`.
        pointer: JSON pointer of the value in the body (RFC 6901).
        expected: A description of what the spec requires.
        found: The JSON type that was received, or `nothing`.
    """

    def __init__(self, name: str, pointer: str, expected: str, found: str) -> None:
        super().__init__(name, pointer, expected, found)
        self.name = name
        self.pointer = pointer
        self.expected = expected
        self.found = found

    def __str__(self) -> str:
        return printable(
            f"{self.name} cannot be read: at {self.pointer or '/'} the spec requires "
            f"{self.expected}, the server sent {self.found}"
        )


class ResponseError(ModelGatesError):
    """A response that the generated code cannot decode.

    Attributes:
        status_code: The HTTP status.
        reason: What is wrong with it, as text.
        body: The beginning of the body, as text.
    """

    def __init__(self, status_code: int, reason: str, content: bytes | str) -> None:
        if isinstance(content, bytes):
            content = content[: 4 * _MAX_SHOWN].decode("utf-8", "replace")
        self.status_code = status_code
        self.reason = reason
        self.body = content[:_MAX_SHOWN]
        super().__init__(status_code, reason, self.body)

    def __str__(self) -> str:
        return printable(
            f"HTTP {self.status_code}: {self.reason}; the body starts with {self.body!r}"
        )


class InvalidBodyError(ResponseError):
    """The body is not JSON, or not of the JSON type that the spec declares for this status."""


class UnexpectedStatusError(ResponseError):
    """The spec does not document this status."""


__all__ = [
    "ClientClosedError",
    "FieldError",
    "InvalidBodyError",
    "ModelGatesError",
    "ResponseError",
    "UnexpectedStatusError",
]
