"""OpenTelemetry: ids from spans, and metrics of cost and usage, which need the extra `otel`.

>>> provider.add_span_processor(CaptureSpanProcessor(to="costs.db"))  # doctest: +SKIP
>>> resolver = Resolver("costs.db", on_record=RecordMetrics(ledger="costs.db"))  # doctest: +SKIP

| module    | subject                                          |
|-----------|--------------------------------------------------|
| `spans`   | `CaptureSpanProcessor`: ids from finished spans  |
| `metrics` | `RecordMetrics`: the metrics of a record         |
| `names`   | the names of both, with the convention's version |
"""

from modelgates_client.telemetry.metrics import RecordMetrics
from modelgates_client.telemetry.spans import CaptureSpanProcessor

__all__ = ["CaptureSpanProcessor", "RecordMetrics"]
