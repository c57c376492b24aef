"""The hand-written package stands when the spec calls things by other names."""

import json
import os
import re
import shutil
import subprocess
import sys
from random import Random

import pytest
from common import documents

from ..typed import mypy
from .conftest import FROZEN, PINNED, ROOT

#: Component schemas that hand-written code knows, and names that the spec might give them.
RENAMED = {
    "GenerationResponseData": "GenerationData",
    "GenerationResponseDataApiType": "Kind",
    "GenerationResponse": "Envelope",
    "ProviderResponseProviderName": "Upstream",
    "UnauthorizedResponse": "Error401",
    "UnauthorizedResponseErrorData": "Detail401",
    "TooManyRequestsResponse": "Z",
}

FETCH = """
import sys
from modelgates_client import ModelGates
with ModelGates(api_key="key", base_url=sys.argv[1]) as client:
    record = client.generations.get("gen-1")
    print(type(record).__name__, record.id, record.provider_responses[0].provider_name)
    try:
        client.generations.get("gone")
    except Exception as error:
        print(error.status_code)
"""


def tag(text: str) -> str:
    """Rename the tag."""
    return text.replace("subpackage_generations", "Usage & records")


def titles(text: str) -> str:
    """Rename every schema's title."""
    return re.sub(r"(?m)^( +title: )(\w+)$", r"\1Renamed\2", text)


def components(text: str) -> str:
    """Rename component schemas, and the references to them."""
    for old, new in RENAMED.items():
        text = re.sub(rf"(?m)(^    |/schemas/){old}\b", rf"\g<1>{new}", text)
    return text


def everything(text: str) -> str:
    """Rename all of these, and keep the order."""
    return components(titles(tag(text)))


def attempts(text: str) -> str:
    """Rename the schema of one attempt."""
    return re.sub(r"(?m)(^    |/schemas/)ProviderResponse\b", r"\1Attempt", everything(text))


#: Computes everything that is computed of a record, and makes a row of it.
COMPUTE = """
import json, sys
from modelgates_client import Generation
from modelgates_client.rows.row import row_of
record = Generation.from_dict(json.load(sys.stdin))
print(record.cost, record.attempts, record.created, record.is_final, sep="\\n")
print(record.native_tokens_per_second, [entry.pointer for entry in record.drift], sep="\\n")
from modelgates_client.records.summary import summarize
assert "unknown" in summarize(record)
row_of("gen-1", record, 0, 1)
"""


def retyped(text: str) -> str:
    """Give other types to fields that computing uses, and drop one of them."""
    spec = documents.parse(text.encode(), "openapi.yaml")
    record = spec["components"]["schemas"]["GenerationResponseData"]
    record["properties"]["created_at"]["format"] = "date-time"
    record["properties"]["total_cost"] = {"type": ["number", "string"]}
    record["properties"]["generation_time"] = {"type": "string"}
    record["properties"]["cost"] = {"type": "object", "properties": {"usd": {"type": "number"}}}
    for name in ("provider_responses", "finish_reason", "is_byok"):
        del record["properties"][name]
        record["required"] = [key for key in record.get("required", ()) if key != name]
    return json.dumps(spec)


def rename(project, change) -> None:
    """Vendor a renamed spec, regenerate, and add the hand-written package to the result."""
    before = project.read("openapi.yaml")
    text = change(before)
    assert text != before
    project.set_spec(text)
    done = project.regenerate()
    assert done.returncode == 0, done.stderr
    shutil.copytree(
        ROOT / "overlays" / "modelgates_client",
        project.root / "generated" / "modelgates_client",
        ignore=shutil.ignore_patterns("__pycache__"),
    )


def run(project, *arguments, stdin=None) -> subprocess.CompletedProcess:
    """Run Python where only the two packages are."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=project.root / "generated",
        env={**os.environ, "PYTHONPATH": str(project.root / "generated")},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("change", [tag, titles, components, everything, attempts])
def test_a_record_is_fetched(project, change, bodies, httpserver):
    """Whatever the spec calls the tag, the titles and the schemas."""
    rename(project, change)
    schemas = FROZEN[PINNED].document["components"]["schemas"]
    record = bodies.valid(schemas["GenerationResponse"], schemas, Random(1))
    attempt = {"status": 200, "provider_name": "OpenAI"}
    record["data"].update(id="gen-1", provider_responses=[attempt])
    gone = {"error": {"code": 410, "message": "gone"}}
    httpserver.expect_request("/generation", query_string="id=gen-1").respond_with_json(record)
    httpserver.expect_request("/generation").respond_with_data(json.dumps(gone), status=410)

    done = run(project, "-c", FETCH, httpserver.url_for("/").rstrip("/"))

    assert done.stdout.split() == ["Generation", "gen-1", "OpenAI", "410"], done.stderr


def test_a_record_of_other_fields_is_computed_with(project):
    """Missing fields are unknown, and nothing raises."""
    rename(project, retyped)
    record = {
        "created_at": "2026-05-13T10:00:00Z",
        "total_cost": "0.5",
        "generation_time": "long",
        "native_tokens_completion": 7,
        "cost": {"usd": 1},
    }

    done = run(project, "-c", COMPUTE, stdin=json.dumps(record))

    assert done.returncode == 0, done.stderr
    cost, attempts, created, is_final, rate, drift = done.stdout.splitlines()
    assert cost == "Cost(charged=None, upstream=None, cache_saving=None, all_in=None)"
    assert attempts == "Attempts(all=(), known=False)"
    assert (created, is_final, rate) == ("2026-05-13 10:00:00+00:00", "False", "None")
    assert not {"/created_at", "/total_cost", "/generation_time", "/cost"} & set(drift)


def test_it_type_checks(project):
    """Under --strict, with everything renamed."""
    rename(project, everything)
    generated = project.root / "generated"
    without = "--exclude=/frozen/"  # PyInstaller has no types
    done = mypy(without, "modelgates_client", cwd=generated, PYTHONPATH=str(generated))

    assert done.returncode == 0, done.stdout + done.stderr
