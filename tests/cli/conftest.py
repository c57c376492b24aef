"""Fixtures of the command's tests."""

import json

import pytest
from pytest_httpserver import HTTPServer

from modelgates_client.testing import StubAPI

from .command_runs import KEY, Command, ScriptedServer, record


@pytest.fixture
def api():
    """A stub that has two records and accepts the key of these tests."""
    with StubAPI([record("gen-1"), record("gen-2", total_cost=0.5)]) as stub:
        stub.api_key = KEY
        yield stub


@pytest.fixture
def command(api):
    """The command, configured for the stub."""
    return Command(api.base_url)


@pytest.fixture
def scripted_server():
    """A server whose responses a test sets."""
    with HTTPServer(host="127.0.0.1") as server:
        yield ScriptedServer(server)


@pytest.fixture
def scripted_command(scripted_server):
    """The command, configured for the scripted server."""
    return Command(scripted_server.base_url)


@pytest.fixture
def write(tmp_path):
    """Return a function that writes recorded lines to a file and returns its name."""

    def write(*lines, name="recorded.jsonl"):
        file = tmp_path / name
        file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        return str(file)

    return write
