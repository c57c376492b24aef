"""OpenTelemetry: ids from spans, and metrics of what they cost; metrics need the extra `otel`.

>>> provider.add_span_processor(CaptureSpanProcessor(to="costs.db"))  # doctest: +SKIP
>>> resolver = Resolver("costs.db", on_record=RecordMetrics(ledger="costs.db"))  # doctest: +SKIP

| module    | subject                                          |
|-----------|--------------------------------------------------|
| `spans`   | `CaptureSpanProcessor`: ids from finished spans  |
| `metrics` | `RecordMetrics`: what a record says, as metrics  |
| `names`   | the names of both, and which convention has them |
| `bounds`  | how many values an attribute may have            |
"""

from modelgates_client.telemetry.metrics import RecordMetrics
from modelgates_client.telemetry.spans import CaptureSpanProcessor

__all__ = ["CaptureSpanProcessor", "RecordMetrics"]
