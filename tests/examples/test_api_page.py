"""The API page's own example, and the same call by curl, return the same as the client."""

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
    """A stub that has the record of the page's id; each request must succeed."""
    with StubAPI() as stub:
        stub.add("gen-1234567890", total_cost=0.25)
        yield stub
        assert [request.status for request in stub.requests] == [200] * len(stub.requests)


def adapt_example(example, stub):
    """Replace the placeholders of an example with the stub's key and address."""
    assert "https://modelgates.ai/api/v1" in example
    assert "<token>" in example
    example = example.replace("https://modelgates.ai/api/v1", stub.base_url)
    return example.replace("<token>", stub.api_key)


def read_with_client(stub):
    """Return the same record as this package reads it."""
    with ModelGates(api_key=stub.api_key, base_url=stub.base_url) as client:
        return client.generations.get("gen-1234567890").to_dict()


def test_the_documented_example_equals_the_api_page():
    """Except for line breaks, which the stored page has lost."""
    (printed,) = re.findall(r"python\n(import requests .*?)(?:javascript)?\n", PAGE)
    assert "".join(printed.split()) == "".join(SHOWN.file("by_requests.py").split())


def test_the_example_of_the_api_page_gets_the_same_record(stub):
    """The example needs requests."""
    pytest.importorskip("requests")
    out = io.StringIO()
    with redirect_stdout(out):
        exec(adapt_example(SHOWN.file("by_requests.py"), stub), {})

    assert out.getvalue() == f"{ {'data': read_with_client(stub)} }\n"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_gets_the_same_record(stub):
    """The documented command is run."""
    command = adapt_example(SHOWN.file("by_curl.sh"), stub)
    result = subprocess.run(["sh", "-c", command], capture_output=True, check=True, timeout=60)

    assert json.loads(result.stdout) == {"data": read_with_client(stub)}
