"""The outcomes of bulk runs: `Resolved`, `Pending` or `Failed` for an id.

For a call, `Answered` or `Unanswered`.
"""

from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from attrs import frozen

from modelgates_client.errors import GenerationNotReadyError
from modelgates_client.records.generation import Generation, GenerationResponse
from modelgates_runtime.errors import ModelGatesError
from modelgates_runtime.operation import Call
from modelgates_runtime.types import Response

if TYPE_CHECKING:
    from modelgates_client.bulk.options import Completed

T_co = TypeVar("T_co", covariant=True)


@frozen
class Resolved:
    """The record of an id was fetched.

    Attributes:
        generation_id: The requested id.
        response: The response with the record.
    """

    generation_id: str
    response: Response[GenerationResponse]

    @property
    def record(self) -> Generation:
        """The record."""
        return self.response.parsed.data

    def result(self) -> Generation:
        """Return the record."""
        return self.response.parsed.data


@frozen
class Pending:
    """There was no record, or no final one, within the time to wait; there may be one later.

    Attributes:
        generation_id: The requested id.
        error: How long the wait was, and its latest result. If a final record was awaited, its
            `record` is the latest one received.
    """

    generation_id: str
    error: GenerationNotReadyError

    def result(self) -> NoReturn:
        """Raise the error: there is no record to return."""
        raise self.error


@frozen
class Failed:
    """The request failed, and waiting longer does not help.

    Attributes:
        generation_id: The requested id.
        error: Why there is no record.
    """

    generation_id: str
    error: ModelGatesError

    def result(self) -> NoReturn:
        """Raise the error: there is no record to return."""
        raise self.error


#: The outcome of an id. `result()` returns the record or raises, as in `concurrent.futures`.
Outcome = Resolved | Pending | Failed


@frozen
class Answered(Generic[T_co]):
    """A call got a successful response.

    Attributes:
        call: The call.
        response: The response.
    """

    call: Call[T_co]
    response: Response[T_co]

    def result(self) -> T_co:
        """Return the parsed body of the response."""
        return self.response.parsed


@frozen
class Unanswered:
    """A call failed.

    Attributes:
        call: The call.
        error: Why there is no response.
    """

    call: Call[Any]
    error: ModelGatesError

    def result(self) -> NoReturn:
        """Raise the error: there is nothing to return."""
        raise self.error


def outcome_of(completed: "Completed") -> Outcome:
    """Return the outcome of an id."""
    item, result = completed.item, completed.result
    generation_id = item if isinstance(item, str) else repr(item)
    if isinstance(result, GenerationNotReadyError):
        return Pending(generation_id, result)
    if isinstance(result, ModelGatesError):
        return Failed(generation_id, result)
    return Resolved(generation_id, result)


def call_outcome_of(completed: "Completed") -> "Answered[Any] | Unanswered":
    """Return the outcome of a call."""
    call: Any = completed.item
    error = completed.result
    if not isinstance(error, ModelGatesError):
        return Answered(call, error)
    if isinstance(error, GenerationNotReadyError):  # the run ended in an outage
        error = error.last_error or error
    return Unanswered(call, error)
