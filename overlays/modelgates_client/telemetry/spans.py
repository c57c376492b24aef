"""`CaptureSpanProcessor`: records the generation ids in spans of other instrumentations."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from modelgates_client.capture.id_recorder import IdRecorder, Sink
from modelgates_client.records.generation_ids import is_id
from modelgates_client.telemetry.names import RESPONSE_ID

if TYPE_CHECKING:
    _SpanProcessor = Any  # lets type checkers accept it as the SDK's
else:
    _SpanProcessor = object


class Span(Protocol):
    """The part of a finished span that is read."""

    @property
    def attributes(self) -> Mapping[str, object] | None:
        """The attributes of the span."""
        ...


class CaptureSpanProcessor(_SpanProcessor):  # type: ignore[misc] # see above
    """Records the generation ids in spans that follow the GenAI conventions.

    The id is taken from each span with a `gen_ai.response.id` of this gateway; ids of other
    providers are ignored. Only recorded spans are seen: with sampled traces, `capture` sees all
    calls, and this processor does not. An id recorded by both counts once. Errors are logged, and
    never raised in the application.

    It has the interface of the SDK's span processors without importing OpenTelemetry.

    >>> provider.add_span_processor(CaptureSpanProcessor(to="costs.db"))  # doctest: +SKIP
    """

    def __init__(self, *, to: Sink, labels: Mapping[str, str] | None = None) -> None:
        """Record ids like `capture`.

        Args:
            to: The path of a ledger, a `Ledger`, or a function that takes an id. It is called in
                the thread that ends the span, and must be quick.
            labels: Labels for all generations; labels set by `modelgates_client.capture.labels`
                where a span ends override them.

        Raises:
            ConfigurationError: `to` or the labels cannot be used.
            LedgerError: The file next to the ledger cannot be written to.
        """
        self._recorder: Final = IdRecorder(to, labels)

    def on_start(self, span: object, parent_context: object = None) -> None:
        """Do nothing: there is no response yet."""

    def _on_ending(self, span: object) -> None:
        """Do nothing; the SDK calls it on every processor."""

    def on_end(self, span: Span) -> None:
        """Record the generation id of a span, if it has one."""
        generation_id = (span.attributes or {}).get(RESPONSE_ID)
        if isinstance(generation_id, str) and is_id(generation_id):
            self._recorder.record(generation_id, self._recorder.current_labels())

    def shutdown(self) -> None:
        """Do nothing: recorded ids are already written."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - the SDK's signature
        """Return True: recorded ids are already written."""
        return True
