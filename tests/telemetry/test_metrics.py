"""What records say, as metrics: by the conventions' names, bounded, and never 0 for unknown."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
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


class Recorded:
    """The metrics of some records.

    Attributes:
        metrics: What records them.
    """

    def __init__(self, **options):
        self._reader = InMemoryMetricReader()
        provider = MeterProvider([self._reader])
        self.metrics = RecordMetrics(meter_provider=provider, **options)

    def of(self, *records):
        """Record metrics; return the data points of each, by its name."""
        for record in records:
            self.metrics(Generation.from_dict(record))
        return self.points()

    def points(self):
        """Return the data points so far."""
        data = self._reader.get_metrics_data()
        found = data.resource_metrics[0].scope_metrics[0].metrics if data else []
        return {each.name: list(each.data.data_points) for each in found}


def test_a_real_record_is_recorded_whole():
    """Billed tokens, seconds, dollars, with what tells generations apart."""
    points = Recorded().of(json.loads(RECORD.read_bytes())["data"])
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
    """As their own package has them, and the table in the docstring."""
    theirs = {vars(gen_ai_metrics)[name] for name in vars(gen_ai_metrics) if name.isupper()}
    theirs |= {vars(gen_ai_attributes)[name] for name in vars(gen_ai_attributes) if name.isupper()}
    theirs |= {error_attributes.ERROR_TYPE}
    ours = {value for name, value in vars(names).items() if name.isupper()}
    assert {each for each in ours if not each.startswith("modelgates.")} <= theirs
    assert all(f"`{each}`" in names.__doc__ for each in ours if not each.endswith("."))


def test_what_is_paid_with_an_own_key_is_added_beside_the_charge():
    """Together they are all that was paid; without one nothing is counted twice."""
    own = {"total_cost": 0.25, "is_byok": True, "upstream_inference_cost": 0.5}
    points = Recorded().of(own, {**own, "is_byok": False})
    costs = {each.attributes["modelgates.cost.payer"]: each.value for each in points[names.COST]}
    assert costs == {"account": 0.5, "own_key": 0.5}


@pytest.mark.parametrize("cost", [None, "free", ...])
def test_a_cost_that_is_not_known_is_no_zero(cost):
    """It is counted as unknown."""
    record = {"is_byok": False} if cost is ... else {"is_byok": False, "total_cost": cost}
    points = Recorded().of(record)
    assert [each.value for each in points[names.UNKNOWN_COST]] == [1]
    assert names.COST not in points
    assert names.TOKEN_USAGE not in points


def test_a_refund_is_counted_by_itself():
    """Counters only rise."""
    points = Recorded().of({"is_byok": False, "total_cost": -0.5})
    assert [each.value for each in points[names.REFUNDED]] == [0.5]
    assert names.COST not in points


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"finish_reason": "stop"}, None),
        ({"finish_reason": "error"}, "_OTHER"),
        ({"finish_reason": None, "provider_responses": [{"status": 503}]}, "503"),
        ({"finish_reason": "stop", "provider_responses": [{"status": 429}, {"status": 200}]}, None),
    ],
)
def test_what_failed_says_by_what(said, error):
    """By the status of the last attempt, if it is known."""
    points = Recorded().of({"total_cost": 1, "is_byok": False, **said})
    assert points[names.COST][0].attributes.get("error.type") == error


def test_a_model_that_a_router_chose_was_not_asked_for():
    """It is the one that answered."""
    record = {"model": "a/b", "router": "modelgates/auto", "total_cost": 1, "is_byok": False}
    attributes = Recorded().of(record)[names.COST][0].attributes
    assert attributes["gen_ai.response.model"] == "a/b"
    assert "gen_ai.request.model" not in attributes


def test_attributes_have_few_values():
    """A model of any name makes no time series beyond those; all are added up."""
    records = [{"model": f"a/{n}", "total_cost": 1, "is_byok": False} for n in range(50)]
    points = Recorded(max_values=3).of(*records)[names.COST]
    models = {each.attributes["gen_ai.response.model"]: each.value for each in points}
    assert models == {"a/0": 1, "a/1": 1, "a/2": 1, "_OTHER": 47}


FIELDS = st.sampled_from(
    ["total_cost", "is_byok", "native_tokens_prompt", "generation_time", "model", "cancelled"]
)
VALUES = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3)


@given(st.dictionaries(FIELDS, VALUES | st.just(10**400)))
def test_no_record_makes_it_raise(fields):
    """Whatever the server sent."""
    Recorded().of(fields)


def test_a_resolver_records_with_the_labels_of_the_ledger(monkeypatch, tmp_path):
    """As an application has it: each label is an attribute."""
    path = str(tmp_path / "costs.db")
    with StubAPI() as stub:
        monkeypatch.setenv("MODELGATES_BASE_URL", stub.base_url)
        monkeypatch.setenv("MODELGATES_API_KEY", stub.api_key)
        stub.add("gen-1", total_cost=0.5, is_byok=False)
        CaptureFile(path).append("gen-1", {"feature": "search"})
        recorded = Recorded(ledger=path)
        with Resolver(path, on_record=recorded.metrics) as resolver:
            assert resolver.drain(timeout=60)
        recorded.metrics.close()
    (cost,) = recorded.points()[names.COST]
    assert cost.value == 0.5
    assert cost.attributes["modelgates.label.feature"] == "search"


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    """In one line."""
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.metrics", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'modelgates-client\[otel\]'"):
        RecordMetrics()
