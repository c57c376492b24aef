"""What became of an id: exactly one of a record, a wait that was too short, and a failure."""

from typing import NoReturn

from attrs import frozen

from modelgates_client.errors import GenerationNotReadyError
from modelgates_client.records.generation import Generation
from modelgates_client.records.responses import RawResponse
from modelgates_runtime.errors import ModelGatesError


@frozen
class Resolved:
    """There is a record.

    Attributes:
        generation_id: Whose record was asked for.
        response: The answer that it came in.
    """

    generation_id: str
    response: RawResponse

    @property
    def record(self) -> Generation:
        """The record."""
        return self.response.record

    def result(self) -> Generation:
        """Return the record."""
        return self.response.record


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
