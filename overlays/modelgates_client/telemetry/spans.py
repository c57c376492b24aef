"""`CaptureSpanProcessor`: takes the ids of generations from the spans that others make."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from modelgates_client.capture.id_recorder import IdRecorder, Sink
from modelgates_client.records.generation_ids import is_id
from modelgates_client.telemetry.names import RESPONSE_ID

if TYPE_CHECKING:
    _SpanProcessor = Any  # a type checker takes it for the SDK's
else:
    _SpanProcessor = object


class Span(Protocol):
    """What is looked at of a span that has ended."""

    @property
    def attributes(self) -> Mapping[str, object] | None:
        """What is said of it."""
        ...


class CaptureSpanProcessor(_SpanProcessor):  # type: ignore[misc] # see above
    """Notes the generations of spans by the GenAI conventions, whoever makes them.

    Each span that has a `gen_ai.response.id` of this gateway gives its id; those of other providers
    are left alone. Only spans that are recorded are seen: where traces are sampled, `capture` sees
    all calls and this does not. An id that both note is one. Nothing that goes wrong is raised in
    the application: it is logged.

    It is a span processor of the SDK's by what it can do; nothing of OpenTelemetry is imported.

    >>> provider.add_span_processor(CaptureSpanProcessor(to="costs.db"))  # doctest: +SKIP
    """

    def __init__(self, *, to: Sink, labels: Mapping[str, str] | None = None) -> None:
        """Note ids as `capture` does.

        Args:
            to: The path of a ledger, a `Ledger`, or a function that takes an id, quickly, in the
                thread that ends the span.
            labels: Labels for all; those of `modelgates_client.capture.labels` around the end of
                a span come over them.

        Raises:
            ConfigurationError: `to` takes no ids, or the labels are none.
            LedgerError: The file beside the ledger cannot be written to.
        """
        self._noting: Final = IdRecorder(to, labels)

    def on_start(self, span: object, parent_context: object = None) -> None:
        """Do nothing: there is no answer yet."""

    def _on_ending(self, span: object) -> None:
        """Do nothing; the SDK calls it of every processor."""

    def on_end(self, span: Span) -> None:
        """Note the id of a span, if it has one."""
        found = (span.attributes or {}).get(RESPONSE_ID)
        if isinstance(found, str) and is_id(found):
            self._noting.recorder()(found)

    def shutdown(self) -> None:
        """Do nothing: what was noted is written."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - the SDK's signature
        """Return that all that was noted is written."""
        return True
