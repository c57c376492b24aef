"""The page that compares this client with others: each cell is what happened here.

All of them ask the same stub for the same record, of which one thing is odd. `UPDATE_DOCS=1` writes
the table anew.
"""

import importlib.metadata
import json
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from modelgates_client import ModelGates
from modelgates_client.testing import StubAPI

from ..documents import ROOT

PAGE = ROOT / "docs" / "comparison.md"
#: A version that is kept, and never changes: the plain client is made of it, whatever is vendored.
SPEC = ROOT / "tests" / "specs" / "versions" / "2026-05-24.yaml"
#: What a newer version of the contract has, and the SDK of it takes no record without.
LATER = dict.fromkeys(("data_region", "preset_id", "workspace_id"))
RECORDED = json.loads((ROOT / "tests" / "records" / "2026-02-cancelled-stream.json").read_bytes())
ID = "gen-1"
OLD_RECORD = {**RECORDED["data"], **LATER, "id": ID}
#: The five fields that the recorded response does not have.
MISSING = ("http_referer", "num_fetches", "service_tier", "user_agent", "web_search_engine")
RECORD = {**OLD_RECORD, **dict.fromkeys(MISSING), "total_cost": 0.25}
KEY = "sk-mg-CANARY-0123456789"


def ours(url):
    """Return this client, and a function that reads a field with it."""
    client = ModelGates(api_key=KEY, base_url=url, timeout=60)
    return client, lambda name: getattr(client.generations.get(ID), name)


def openrouter(url):
    """Return the SDK of a gateway that serves the same operation."""
    client = import_module("openrouter").OpenRouter(api_key=KEY, server_url=url, timeout_ms=60_000)
    return client, lambda name: getattr(client.generations.get_generation(id=ID).data, name)


def openai(url):
    """Return the OpenAI SDK, which can call unknown operations, too."""
    client = import_module("openai").OpenAI(api_key=KEY, base_url=url, timeout=60)
    arguments = {"options": {"params": {"id": ID}}, "cast_to": dict}
    return client, lambda name: client.get("/generation", **arguments)["data"][name]


def generated(url):
    """Return the generator's own client, without this project's templates."""
    client = import_module("plain_client").AuthenticatedClient(base_url=url, token=KEY)
    (path,) = import_module("plain_client").__path__
    (folder,) = [file.parent.name for file in Path(path).glob("api/*/get_generation.py")]
    operation = import_module(f"plain_client.api.{folder}.get_generation")

    def ask(name):
        body = operation.sync(client=client, id=ID, authorization=f"Bearer {KEY}")
        return getattr(body.data, name)

    return client, ask


CONTENDERS = [ours, openrouter, openai, generated]


def serving(**fields):
    """Return a function that prepares a stub to serve a valid record with other fields."""
    return lambda stub: stub.add({**RECORD, **fields})


def failing(how, **arguments):
    """Return a function that prepares a stub to serve that record after one failure."""

    def prepare(stub):
        serving()(stub)
        getattr(stub, how)(ID, times=1, **arguments)

    return prepare


ROWS = {
    "answers as its specification says": (serving(), "total_cost"),
    "sends a record of 2026-02, without five fields": (
        lambda stub: stub.add(OLD_RECORD),
        "total_cost",
    ),
    "sends `free` as the cost; the cost is read": (serving(total_cost="free"), "total_cost"),
    "sends `many` as a token count; the cost is read": (
        serving(tokens_prompt="many"),
        "total_cost",
    ),
    "sends a field that is not declared": (serving(tier="gold"), "total_cost"),
    "answers with the record of another id, once": (failing("mix_up"), "id"),
    "answers 200 with an error in the body, once": (failing("error_in_success"), "total_cost"),
    "answers 402": (failing("fail", status=402), "total_cost"),
    "answers 429, once": (failing("rate_limit"), "total_cost"),
    "answers 503, once": (failing("fail", status=503), "total_cost"),
    "answers 529, once": (failing("fail", status=529), "total_cost"),
    "answers 502 with a page of HTML, once": (failing("edge_page"), "total_cost"),
    "closes the connection without an answer, once": (failing("disconnect"), "total_cost"),
}
SHOWN = "shows the key in its `repr`"


@pytest.fixture(scope="module")
def plain_client(tmp_path_factory):
    """The generator's own package, on the path."""
    folder = tmp_path_factory.mktemp("generated")
    command = ["generate", "--path", str(SPEC), "--meta", "none", "--output-path"]
    output = str(folder / "plain_client")
    subprocess.run([sys.executable, "-m", "openapi_python_client", *command, output], check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield


def outcome(make, prepare, name):
    """Return the outcome as text."""
    with StubAPI() as stub:
        stub.api_key = KEY
        prepare(stub)
        client, get = make(stub.base_url)
        try:
            result = f"`{get(name)!r}`"
        except Exception as error:  # noqa: BLE001 - whatever it is, is the result
            result = f"raises `{type(error).__name__}`"
        close = getattr(client, "close", None)
        if close is not None:
            close()
        retried = "retries, " if len(stub.requests) > 1 else ""
        stub.violations.clear()
    return retried + result


def column(make):
    """Return all outcomes of one contender."""
    results = {label: outcome(make, *row) for label, row in ROWS.items()}
    client, _ = make("http://127.0.0.1:9/api/v1")
    return {**results, SHOWN: "yes" if KEY in repr(client) else "no"}


def column_in_page(number):
    """Return a column of the page's table."""
    rows = re.findall(r"^\| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)[1:]
    return {row.split(" | ")[0]: row.split(" | ")[number + 1] for row in rows}


def write_column(number, column_):
    """Write a column into the page."""
    rows = {label: ["…"] * len(CONTENDERS) for label in column_}
    for index in range(len(CONTENDERS)):
        for label, cell in (column_ if index == number else column_in_page(index)).items():
            rows[label][index] = cell
    text = PAGE.read_text(encoding="utf-8")
    before, rule, after = text.partition("|---|---|---|---|---|\n")
    remainder = after.partition("\n\n")[2]
    table = "\n".join(f"| {label} | {' | '.join(cells)} |" for label, cells in rows.items())
    PAGE.write_text(f"{before}{rule}{table}\n\n{remainder}", encoding="utf-8")


@pytest.mark.slow("four clients, two of which take seconds to be imported, and wait before retries")
@pytest.mark.filterwarnings("ignore")  # warnings of the other clients
@pytest.mark.parametrize("make", CONTENDERS, ids=lambda make: make.__name__)
def test_the_page_states_the_outcomes_of_a_client(make, request):
    """In every row, for the versions that it names."""
    if make is generated:
        request.getfixturevalue("plain_client")
    if make in {openrouter, openai}:
        (version,) = re.findall(rf"`{make.__name__}` ([\d.]+\d)", PAGE.read_text(encoding="utf-8"))
        assert importlib.metadata.version(make.__name__) == version
    results = column(make)
    if os.environ.get("UPDATE_DOCS"):
        write_column(CONTENDERS.index(make), results)
    assert column_in_page(CONTENDERS.index(make)) == results, "run this with UPDATE_DOCS=1"
