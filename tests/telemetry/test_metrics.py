"""Metrics of records: names of the conventions, bounded attributes, and no 0 for unknown."""

import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics
from opentelemetry.semconv.attributes import error_attributes

from modelgates_client import ConfigurationError, Generation
from modelgates_client.capture import Resolver
from modelgates_client.ledger.capture_file import CaptureFile
from modelgates_client.telemetry import RecordMetrics, names
from modelgates_client.testing import StubAPI

RECORD = Path(__file__).parent.parent / "records" / "2026-02-cancelled-stream.json"


class RecordedMetrics:
    """The metrics of some records.

    Attributes:
        metrics: The `RecordMetrics`.
    """

    def __init__(self, **options):
        self._reader = InMemoryMetricReader()
        provider = MeterProvider([self._reader])
        self.metrics = RecordMetrics(meter_provider=provider, **options)

    def record(self, *records):
        """Record metrics; return the data points of each metric by its name."""
        for record in records:
            self.metrics(Generation.from_dict(record))
        return self.points()

    def points(self):
        """Return the data points so far by the metric's name."""
        data = self._reader.get_metrics_data()
        metrics = data.resource_metrics[0].scope_metrics[0].metrics if data else []
        return {each.name: list(each.data.data_points) for each in metrics}


def test_each_metric_of_the_recorded_response():
    """Billed tokens, seconds and dollars, with the attributes that distinguish generations."""
    points = RecordedMetrics().record(json.loads(RECORD.read_bytes())["data"])
    common = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "DeepInfra",
        "gen_ai.request.model": "meta-llama/llama-4-scout-17b-16e-instruct",
        "gen_ai.response.model": "meta-llama/llama-4-scout-17b-16e-instruct",
        "error.type": "cancelled",
    }
    tokens = {each.attributes["gen_ai.token.type"]: each.sum for each in points[names.TOKEN_USAGE]}
    assert tokens == {"input": 64, "output": 98}
    (duration,) = points["gen_ai.client.operation.duration"]
    assert (duration.sum, duration.attributes) == (2.94, common)
    (cost,) = points["modelgates.cost"]
    assert cost.value == 3.452e-05
    assert cost.attributes == {**common, "modelgates.cost.payer": "account"}
    assert points.keys() == {names.TOKEN_USAGE, names.OPERATION_DURATION, names.COST}


def test_names_are_those_of_the_conventions():
    """They are in the conventions' own package and in the table of the docstring."""
    conventional = {vars(gen_ai_metrics)[name] for name in vars(gen_ai_metrics) if name.isupper()}
    conventional |= {
        vars(gen_ai_attributes)[name] for name in vars(gen_ai_attributes) if name.isupper()
    }
    conventional |= {error_attributes.ERROR_TYPE}
    ours = {value for name, value in vars(names).items() if name.isupper()}
    assert {each for each in ours if not each.startswith("modelgates.")} <= conventional
    assert all(f"`{each}`" in names.__doc__ for each in ours if not each.endswith("."))


def test_costs_of_an_own_key_are_a_separate_data_point():
    """The two add up to the total; without an own key nothing is counted twice."""
    own = {"total_cost": 0.25, "is_byok": True, "upstream_inference_cost": 0.5}
    points = RecordedMetrics().record(own, {**own, "is_byok": False})
    costs = {each.attributes["modelgates.cost.payer"]: each.value for each in points[names.COST]}
    assert costs == {"account": 0.5, "own_key": 0.5}


@pytest.mark.parametrize("cost", [None, "free", ...])
def test_an_unknown_cost_is_not_recorded_as_zero(cost):
    """It is counted as unknown."""
    record = {"is_byok": False} if cost is ... else {"is_byok": False, "total_cost": cost}
    points = RecordedMetrics().record(record)
    assert [each.value for each in points[names.UNKNOWN_COST]] == [1]
    assert names.COST not in points
    assert names.TOKEN_USAGE not in points


def test_a_refund_has_its_own_counter():
    """Counters only increase."""
    points = RecordedMetrics().record({"is_byok": False, "total_cost": -0.5})
    assert [each.value for each in points[names.REFUNDED]] == [0.5]
    assert names.COST not in points


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"finish_reason": "stop"}, None),
        ({"finish_reason": "error"}, "_OTHER"),
        ({"finish_reason": None, "provider_responses": [{"status": 503}]}, "503"),
        ({"finish_reason": "stop", "provider_responses": [{"status": 429}, {"status": 200}]}, None),
    ],
)
def test_error_type_is_the_status_of_the_last_attempt(fields, error):
    """It is `_OTHER` if no attempt has a status."""
    points = RecordedMetrics().record({"total_cost": 1, "is_byok": False, **fields})
    assert points[names.COST][0].attributes.get("error.type") == error


def test_a_model_chosen_by_a_router_is_not_the_request_model():
    """It is the response model."""
    record = {"model": "a/b", "router": "modelgates/auto", "total_cost": 1, "is_byok": False}
    attributes = RecordedMetrics().record(record)[names.COST][0].attributes
    assert attributes["gen_ai.response.model"] == "a/b"
    assert "gen_ai.request.model" not in attributes


def test_attributes_have_a_bounded_number_of_values():
    """Models beyond the limit share one time series, in which they are added up."""
    records = [{"model": f"a/{n}", "total_cost": 1, "is_byok": False} for n in range(50)]
    points = RecordedMetrics(max_values=3).record(*records)[names.COST]
    models = {each.attributes["gen_ai.response.model"]: each.value for each in points}
    assert models == {"a/0": 1, "a/1": 1, "a/2": 1, "_OTHER": 47}


FIELDS = st.sampled_from(
    ["total_cost", "is_byok", "native_tokens_prompt", "generation_time", "model", "cancelled"]
)
VALUES = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3)


@given(st.dictionaries(FIELDS, VALUES | st.just(10**400)))
def test_no_record_raises_an_error(fields):
    """Whatever the server sent."""
    RecordedMetrics().record(fields)


def test_labels_of_the_ledger_are_attributes(monkeypatch, tmp_path):
    """An application records metrics with a resolver."""
    path = str(tmp_path / "costs.db")
    with StubAPI() as stub:
        monkeypatch.setenv("MODELGATES_BASE_URL", stub.base_url)
        monkeypatch.setenv("MODELGATES_API_KEY", stub.api_key)
        stub.add("gen-1", total_cost=0.5, is_byok=False)
        CaptureFile(path).append("gen-1", {"feature": "search"})
        recorded = RecordedMetrics(ledger=path)
        with Resolver(path, on_record=recorded.metrics) as resolver:
            assert resolver.drain(timeout=60)
        recorded.metrics.close()
    (cost,) = recorded.points()[names.COST]
    assert cost.value == 0.5
    assert cost.attributes["modelgates.label.feature"] == "search"


def test_a_missing_extra_is_named_with_its_install_command(monkeypatch):
    """The error is one line."""
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.metrics", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'modelgates-client\[otel\]'"):
        RecordMetrics()
