"""The stub of the API."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from modelgates_client import APIStatusError, Generation, ModelGates
from modelgates_client.testing import StubAPI

RECORD = Path(__file__).parent.parent / "records" / "2026-02-cancelled-stream.json"


@pytest.fixture
def stub():
    with StubAPI([{"id": "gen-1", "total_cost": 1}]) as server:
        yield server


def test_it_serves_the_records_that_it_is_given(stub):
    """A client for the stub gets the record back."""
    with ModelGates(api_key=stub.api_key, base_url=stub.base_url) as client:
        assert client.generations.get("gen-1").to_dict() == {"id": "gen-1", "total_cost": 1}


@pytest.mark.parametrize(
    ("key", "generation_id", "status"),
    [("sk-mg-other", "gen-1", 401), ("sk-mg-stub", "gen-2", 404)],
)
def test_it_refuses_what_the_api_refuses(stub, key, generation_id, status):
    """Another key is unauthorised, an unknown id is not found; both with the spec's error body."""
    with (
        ModelGates(api_key=key, base_url=stub.base_url) as client,
        pytest.raises(APIStatusError) as caught,
    ):
        client.generations.get(generation_id)
    assert caught.value.status_code == status
    assert '"error"' in caught.value.body


def test_a_wrong_path_is_not_answered(stub):
    """A client that forgets the path of the API gets no record."""
    assert httpx.get(stub.base_url.replace("/api/v1", "/generation")).status_code == 500


def test_it_serves_by_hand_and_a_record_can_be_shown():
    """The two commands of the demo work: one serves, the other fetches and prints."""
    stub = subprocess.Popen(
        [sys.executable, "-m", "modelgates_client.testing", str(RECORD)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        settings = dict(stub.stdout.readline().strip().split("=", 1) for _ in range(2))
        get = [sys.executable, "-m", "modelgates_client", "get", "--summary"]
        done = subprocess.run(
            [*get, "gen-1771967973-0hZ8J5kY7qLMOKbPx0u3"],
            env={**os.environ, **settings, "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            encoding="utf-8",
        )
        missing = subprocess.run(
            [*get, "gen-0"],
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
        )
    finally:
        stub.terminate()
        stub.communicate()
    assert "$0.00003452 charged" in done.stdout
    assert (missing.returncode, missing.stdout) == (3, "")
    assert missing.stderr.strip() == "error: gen-0: HTTP 404: Generation not found"


def test_generations_of_the_stub_are_typed(stub):
    """What comes through is the package's own record."""
    with ModelGates(api_key=stub.api_key, base_url=stub.base_url) as client:
        assert isinstance(client.generations.get("gen-1"), Generation)


@pytest.mark.parametrize("content", [None, "{}", "[]", "no JSON"])
def test_a_file_that_is_no_response_is_one_line(tmp_path, content):
    """A missing one, too."""
    path = tmp_path / "body.json"
    if content is not None:
        path.write_text(content)
    command = [sys.executable, "-m", "modelgates_client.testing", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
