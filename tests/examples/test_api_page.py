"""The API page's own example, and the same call by curl: what the client gets, they get, too."""

import io
import json
import re
import shutil
import subprocess
from contextlib import redirect_stdout

import pytest

from modelgates_client import ModelGates
from modelgates_client.testing import StubAPI

from ..documents import ROOT, Page

PAGE = (ROOT / "tests" / "pages" / "get-generation.txt").read_text(encoding="utf-8")
SHOWN = Page(ROOT / "docs" / "from-the-api-page.md")


@pytest.fixture
def stub():
    """A stub that has the record of the page's id, by which it is asked for."""
    with StubAPI() as stub:
        stub.add("gen-1234567890", total_cost=0.25)
        yield stub
        assert [request.status for request in stub.requests] == [200] * len(stub.requests)


def directed(example, stub):
    """Put in what the reader of the page has to: the key; and the stub's address."""
    assert "https://modelgates.ai/api/v1" in example
    assert "<token>" in example
    example = example.replace("https://modelgates.ai/api/v1", stub.base_url)
    return example.replace("<token>", stub.api_key)


def client_reads(stub):
    """Return the same record as this package has it."""
    with ModelGates(api_key=stub.api_key, base_url=stub.base_url) as client:
        return client.generations.get("gen-1234567890").to_dict()


def test_the_example_of_the_api_page_is_shown_as_printed_there():
    """But for its line breaks, which are lost on the page as it came."""
    (printed,) = re.findall(r"python\n(import requests .*?)(?:javascript)?\n", PAGE)
    assert "".join(printed.split()) == "".join(SHOWN.file("by_requests.py").split())


def test_the_example_of_the_api_page_gets_what_the_client_gets(stub):
    """By requests."""
    pytest.importorskip("requests")
    out = io.StringIO()
    with redirect_stdout(out):
        exec(directed(SHOWN.file("by_requests.py"), stub), {})

    assert out.getvalue() == f"{ {'data': client_reads(stub)} }\n"


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_curl_gets_what_the_client_gets(stub):
    """The same call."""
    command = directed(SHOWN.file("by_curl.sh"), stub)
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=True, timeout=60)

    assert json.loads(done.stdout) == {"data": client_reads(stub)}
