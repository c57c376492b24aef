"""What the tests of the command share."""

import json

import pytest
from pytest_httpserver import HTTPServer

from modelgates_client.testing import StubAPI

from .commands import KEY, Command, OddServer, record


@pytest.fixture
def api():
    """A stub that knows two records, and takes the key of these tests."""
    with StubAPI([record("gen-1"), record("gen-2", total_cost=0.5)]) as stub:
        stub.api_key = KEY
        yield stub


@pytest.fixture
def command(api):
    """The command, against the stub."""
    return Command(api.base_url)


@pytest.fixture
def odd():
    """A server that misbehaves as a test says."""
    with HTTPServer(host="127.0.0.1") as server:
        yield OddServer(server)


@pytest.fixture
def asking(odd):
    """The command, against the server that misbehaves."""
    return Command(odd.base_url)


@pytest.fixture
def write(tmp_path):
    """Write recorded lines to a file and return its name."""

    def write(*lines, name="recorded.jsonl"):
        file = tmp_path / name
        file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        return str(file)

    return write
