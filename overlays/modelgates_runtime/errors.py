"""The errors of decoding, under the root that the whole client shares."""

from typing import Final

from modelgates_runtime.values import printable

_SHOWN: Final = 500  # characters of a body that are worth showing


class ModelGatesError(Exception):
    """Root of every error that this client raises."""


class ClientClosedError(ModelGatesError):
    """A request was made by a client that was closed."""


class FieldError(ModelGatesError):
    """A field was read that has no value of its declared type.

    Attributes:
        name: The attribute, as `Class.attribute`.
        pointer: JSON pointer of the value in the body (RFC 6901).
        expected: What the spec asks for, in words.
        found: The JSON type that came, or `nothing`.
    """

    def __init__(self, name: str, pointer: str, expected: str, found: str) -> None:
        super().__init__(name, pointer, expected, found)
        self.name = name
        self.pointer = pointer
        self.expected = expected
        self.found = found

    def __str__(self) -> str:
        return printable(
            f"{self.name} cannot be read: at {self.pointer or '/'} the spec asks for "
            f"{self.expected}, the server sent {self.found}"
        )


class ResponseError(ModelGatesError):
    """A response that the generated code cannot make a value of.

    Attributes:
        status_code: The HTTP status, whatever it is.
        reason: What is wrong with it, in words.
        body: The beginning of the body, as text.
    """

    def __init__(self, status_code: int, reason: str, content: bytes | str) -> None:
        if isinstance(content, bytes):
            content = content[: 4 * _SHOWN].decode("utf-8", "replace")
        self.status_code = status_code
        self.reason = reason
        self.body = content[:_SHOWN]
        super().__init__(status_code, reason, self.body)

    def __str__(self) -> str:
        return printable(f"HTTP {self.status_code}: {self.reason}; the body begins {self.body!r}")


class InvalidBodyError(ResponseError):
    """The body is not JSON, or not the kind of JSON value that the spec says for this status."""


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
