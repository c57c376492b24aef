"""The errors that calls raise; all derive from `ModelGatesError`.

ModelGatesError
├── ConfigurationError        the client cannot be made like this
├── ClientClosedError         the client was closed
├── APIConnectionError        there was no answer
├── APIStatusError            the server answered with an error
├── ResponseValidationError   the server answered with success, but not with a record
└── FieldError                an attribute was read that has no value of its type
"""

from modelgates_api.errors import ModelGatesError
from modelgates_api.runtime.values import printable


class ConfigurationError(ModelGatesError):
    """The client cannot be made from these arguments and this environment."""


class APIConnectionError(ModelGatesError):
    """There was no answer: no connection, a time-out, or a broken transfer."""


class _AnswerError(ModelGatesError):
    """What the errors that an answer causes have in common."""

    def __init__(self, message: str, status_code: int, body: str) -> None:
        super().__init__(message, status_code, body)
        self.message = message
        self.status_code = status_code
        self.body = body

    def __str__(self) -> str:
        return printable(f"HTTP {self.status_code}: {self.message}")


class APIStatusError(_AnswerError):
    """The server answered with an error.

    Attributes:
        message: What the server said, or what is wrong with what it said.
        status_code: The HTTP status, whatever it is.
        body: The beginning of the body, as text.
    """


class ResponseValidationError(_AnswerError):
    """The server answered with success, but not with a record.

    Attributes:
        message: What is wrong with the answer.
        status_code: The HTTP status.
        body: The beginning of the body, as text.
    """
