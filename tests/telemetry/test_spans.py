"""Ids in spans of the GenAI conventions are captured from any instrumentation."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from modelgates_client import ConfigurationError
from modelgates_client.capture import labels
from modelgates_client.ledger import Ledger
from modelgates_client.telemetry import CaptureSpanProcessor

ID = "gen-1771967973-0hZ8J5kY7qLMOKbPx0u3"


@pytest.fixture
def traced():
    """Return a function that makes a tracer with the processor, and returns a traced call."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()

    def traced(to, **options):
        provider.add_span_processor(CaptureSpanProcessor(to=to, **options))
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        tracer = provider.get_tracer("an-instrumentation")

        def chat(**attributes):
            with tracer.start_as_current_span("chat gpt-4o") as span:
                for name, value in attributes.items():
                    span.set_attribute(f"gen_ai.{name.replace('__', '.')}", value)

        return chat

    yield traced
    assert provider.force_flush()
    provider.shutdown()
    assert exporter.get_finished_spans()


def test_the_id_of_a_span_is_captured(traced):
    """It is captured when the span ends."""
    captured = []
    chat = traced(captured.append)
    chat(operation__name="chat", response__id=ID)
    assert captured == [ID]


@pytest.mark.parametrize(
    "response_id", ["chatcmpl-9J3uyL8", "", "gen-", 7, ("gen-1",), "gen-1 gen-2"]
)
def test_other_response_ids_are_ignored(traced, response_id):
    """Spans may be of other providers, or of no model."""
    captured = []
    chat = traced(captured.append)
    chat(response__id=response_id)
    chat(operation__name="chat")
    chat()
    assert captured == []


def test_a_ledger_gets_ids_with_the_current_labels(traced, tmp_path):
    """A repeated id counts once."""
    path = tmp_path / "costs.db"
    chat = traced(path, labels={"team": "a", "feature": "none"})
    with labels(feature="search"):
        chat(response__id=ID)
        chat(response__id=ID)
    with Ledger(path) as ledger:
        assert ledger.counts().pending == 1
        assert ledger.labels(ID) == {"team": "a", "feature": "search"}


def test_an_error_of_the_sink_is_logged_and_not_raised(traced, caplog):
    """The log has the type of the error."""

    def refuse(_):
        raise LookupError("mine")

    traced(refuse)(response__id=ID)
    assert "was not captured: LookupError" in caplog.text


def test_an_invalid_sink_is_refused():
    """The constructor raises the error, not the end of a span."""
    with pytest.raises(ConfigurationError, match="expected the path of a ledger"):
        CaptureSpanProcessor(to=7)
