"""A spec that has grown: every operation is in the client, without a hand-written line.

In a scratch checkout, as the maintainer does it: vendor, drift, regenerate, types, and the tests
that call every operation there is. The spec has published operations of the sister API
(tests/specs/growth.yaml) and one of each usual kind (tests/specs/kinds.yaml).
"""

import copy
import json
import re
import shutil

import pytest
from common import documents

from .conftest import FROZEN, PINNED, ROOT
from .test_new_version import Checkout

ADDED = {
    name: documents.load(ROOT / "tests" / "specs" / f"{name}.yaml") for name in ("growth", "kinds")
}
#: What kinds.yaml has that is left out, and why.
LEFT_OUT = {
    "get-part": "its query parameter 'document', which is a document within the request",
    "get-either": "the event stream of its response (200), which has no end to wait for",
    "create-stream": "its response (200) is an event stream, which has no end to wait for",
    "get-odd": "its path parameter 'matrix' has the style matrix",
    "head-odd": "the method, since its responses have no body",
    "get-xml": "its response (200) of application/xml cannot be read",
    "post-xml": "its body of application/xml cannot be sent",
}


def merge(into, addition):
    """Put one document into another."""
    for key, value in addition.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


def grown():
    """Return the spec with all of it."""
    spec = copy.deepcopy(FROZEN[PINNED].document)
    for document in ADDED.values():
        merge(spec, document)
    return spec


def rename(spec):
    """Give every tag, path and title another name; operations keep their ids."""
    text = json.dumps(spec)
    tags = {tag for _, _, o in operations(spec) for tag in o.get("tags", [])}
    for number, tag in enumerate(sorted(tags)):
        text = text.replace(f'"{tag}"', f'"subpackage_Tag {number}"')
    text = re.sub(r'"title": "(\w+)"', r'"title": "Renamed\1"', text)
    result = json.loads(text)
    result["paths"] = {f"/v2{path}": item for path, item in result["paths"].items()}
    return result


def operations(spec):
    """Yield the path, the method and each operation of a spec."""
    for path, item in spec["paths"].items():
        for method, operation in item.items():
            if isinstance(operation, dict) and "responses" in operation:
                yield path, method, operation


@pytest.fixture(scope="module", params=[grown, lambda: rename(grown())], ids=["grown", "renamed"])
def updated(request, tmp_path_factory, ours):
    """A checkout with a grown spec, and the outputs of drift and regenerate."""
    checkout = Checkout(tmp_path_factory.mktemp("grown"), ours)
    for name in ("operations", "client", "resources"):
        shutil.copytree(ROOT / "tests" / name, checkout.root / "tests" / name)
    spec = request.param()
    file = checkout.root / "new.json"  # which is read and written ten times faster than YAML
    file.write_text(json.dumps(spec), encoding="utf-8")
    drift, regenerated = checkout.adopt(file)
    return checkout, spec, drift, regenerated


def test_omitted_operations_are_named_with_the_reason(updated):
    """By generation, by drift and by the package itself; everything else is generated."""
    checkout, spec, drift, regenerated = updated
    lines = [
        line.removeprefix("left out: ") for line in regenerated.splitlines() if "left out: " in line
    ]
    assert {re.search(r"\(([\w-]+)\)", line)[1]: line.partition("): ")[2] for line in lines} == (
        LEFT_OUT
    )
    for line in lines:
        assert f"{line.partition(': ')[0]}` is left out: " in drift
    listed = checkout.run(
        "-c", "from modelgates_api.api import *; print(*OPERATIONS); print(*LEFT_OUT, sep='\\n')"
    ).splitlines()
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert "event streams, because they have no end to wait for" in page
    gone = {"create-stream", "get-odd", "head-odd", "get-xml", "post-xml"}
    assert set(listed[0].split()) == {o["operationId"] for *_, o in operations(spec)} - gone
    assert listed[1:] == lines


@pytest.mark.slow("it runs all tests of operations, once for each that there is")
def test_every_operation_is_called(updated):
    """By both clients, on success and on each documented error; not a line was written for it."""
    checkout, *_ = updated
    checkout.run(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "tests/operations"
    )


@pytest.mark.slow("it runs mypy over both packages")
def test_it_type_checks(updated):
    """Under --strict: what was generated, and what stands on it."""
    checkout, *_ = updated
    use = checkout.root / "use.py"
    use.write_text(USE, encoding="utf-8")
    checkout.type_check("-p", "modelgates_api", "-p", "modelgates_client.client", "-m", use.stem)


def test_importing_a_client_of_many_operations_costs_what_one_of_one_does(updated):
    """No module of an operation, nor of a resource, is loaded before it is used."""
    checkout, *_ = updated
    loaded = checkout.run("-c", LOADED).split()
    assert loaded == ["modelgates_api.api.generations.get_generation"]


LOADED = """
import sys
from modelgates_client import ModelGates
client = ModelGates(api_key="sk-mg-1")
names = [name for name in sys.modules if name.startswith("modelgates_api.api.")]
print(*[name for name in names if name.count(".") > 2])
"""

#: What users write: the types are those of the spec.
USE = """
from typing import assert_type

from modelgates_api.models import GenerationResponse
from modelgates_client import AsyncModelGates, Generation, ModelGates

with ModelGates() as client:
    assert_type(client.generations.get("gen-1"), Generation)
    assert_type(client.generations.get_generation(id="gen-1", timeout=5), GenerationResponse)


async def main() -> None:
    async with AsyncModelGates() as client:
        assert_type(await client.generations.get_generation(id="gen-1"), GenerationResponse)
"""


@pytest.mark.slow("it starts an interpreter and a stub in a scratch checkout")
def test_the_base_class_alone_has_the_operation(updated):
    """Without hand-written code, the operation is still a method of the client."""
    checkout, *_ = updated
    place = checkout.root / "overlays" / "modelgates_client" / "resources" / "generations.py"
    text = place.read_text(encoding="utf-8")
    assert "class Resources(resources.Resources):" in text
    without = (
        f"{text}\nResources = resources.Resources\nAsyncResources = resources.AsyncResources\n"
    )
    place.write_text(without, encoding="utf-8")
    try:
        program = (
            "from modelgates_client.testing import StubAPI\n"
            "from modelgates_client import ModelGates\n"
            "with StubAPI() as stub:\n"
            "    stub.add('gen-1', total_cost=0.25)\n"
            "    client = ModelGates(api_key=stub.api_key, base_url=stub.base_url)\n"
            "    print(client.generations.get_generation(id='gen-1').data.total_cost)\n"
            "    print(hasattr(client.generations, 'get'))\n"
        )
        assert checkout.run("-c", program).split() == ["0.25", "False"]
    finally:
        place.write_text(text, encoding="utf-8")
