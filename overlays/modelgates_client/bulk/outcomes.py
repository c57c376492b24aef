"""What became of each of many: of an id, a record, a wait that was too short, or a failure.

Of a call, an answer or a failure.
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
    """There is a record.

    Attributes:
        generation_id: Whose record was asked for.
        response: The answer that it came in.
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
        generation_id: Whose record was asked for.
        error: How long it was waited for, and what came last. Where a final record was waited for,
            its `record` is the latest that came.
    """

    generation_id: str
    error: GenerationNotReadyError

    def result(self) -> NoReturn:
        """Raise the error: there is no record to return."""
        raise self.error


@frozen
class Failed:
    """Asking failed, in a way that waiting does not mend.

    Attributes:
        generation_id: Whose record was asked for.
        error: Why there is none.
    """

    generation_id: str
    error: ModelGatesError

    def result(self) -> NoReturn:
        """Raise the error: there is no record to return."""
        raise self.error


#: What became of an id. `result()` of each returns the record or raises, as `concurrent.futures`.
Outcome = Resolved | Pending | Failed


@frozen
class Answered(Generic[T_co]):
    """A call was answered.

    Attributes:
        call: The call.
        response: The answer.
    """

    call: Call[T_co]
    response: Response[T_co]

    def result(self) -> T_co:
        """Return what the answer says."""
        return self.response.parsed


@frozen
class Unanswered:
    """A call failed.

    Attributes:
        call: The call.
        error: Why there is no answer.
    """

    call: Call[Any]
    error: ModelGatesError

    def result(self) -> NoReturn:
        """Raise the error: there is nothing to return."""
        raise self.error


def outcome_of(completed: "Completed") -> Outcome:
    """Return what became of an id."""
    given, result = completed.item, completed.result
    generation_id = given if isinstance(given, str) else repr(given)
    if isinstance(result, GenerationNotReadyError):
        return Pending(generation_id, result)
    if isinstance(result, ModelGatesError):
        return Failed(generation_id, result)
    return Resolved(generation_id, result)


def answer_of(completed: "Completed") -> "Answered[Any] | Unanswered":
    """Return what became of a call."""
    call: Any = completed.item
    error = completed.result
    if not isinstance(error, ModelGatesError):
        return Answered(call, error)
    if isinstance(error, GenerationNotReadyError):  # an outage ended before its turn came again
        error = error.last_error or error
    return Unanswered(call, error)
