"""What reading and comparing specs costs grows as the specs do: counted in calls, not in time."""

import copy
import sys

import pytest
from normalizing.normal import normalize
from specdiff import specs

from . import changes as catalogue

pytestmark = pytest.mark.slow("it counts millions of calls")

COUNTS = (1, 10, 50, 100)


def multiplied(count):
    """Return the small spec with each of its operations, and all that they need, so many times."""
    spec, base = catalogue.base(), catalogue.base()
    thing = base["components"]["schemas"]["Thing"]["properties"]
    base["components"]["schemas"]["Thing"] = {
        "properties": {name: thing[name] for name in ("name", "nick", "kind", "parts", "either")}
    }
    spec["paths"], spec["components"]["schemas"] = {}, {}
    for number in range(count):
        one = renumbered(base, number)
        operation = one["paths"].pop("/thing")
        operation["get"]["operationId"] += f"-{number}"
        spec["paths"][f"/thing/{number}"] = operation
        spec["components"]["schemas"].update(one["components"]["schemas"])
    return spec


def renumbered(node, number):
    """Return a copy whose components have a number behind their names."""
    if isinstance(node, list):
        return [renumbered(part, number) for part in node]
    if not isinstance(node, dict):
        return node
    result = {key: renumbered(part, number) for key, part in node.items()}
    if "schemas" in result:
        result["schemas"] = {f"{key}{number}": part for key, part in result["schemas"].items()}
    if "$ref" in result:
        result["$ref"] += str(number)
    return result


def calls(function, *arguments):
    """Return how many calls of Python functions a call comes to."""
    counted = 0

    def count(_frame, event, _argument):
        nonlocal counted
        counted += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        function(*arguments)
    finally:
        sys.setprofile(before)
    return counted


def is_linear(work):
    """Whether an operation costs at 100 what it does at 10, or at most a tenth more."""
    early, late = (work[10] - work[1]) / 9, (work[100] - work[50]) / 50
    return late <= 1.1 * early


@pytest.fixture(scope="module")
def documents():
    """Specs of as many operations."""
    return {count: multiplied(count) for count in COUNTS}


def test_the_normal_form_costs_by_the_size_of_the_document(documents):
    """Each schema is read once, however many references it has."""
    work = {count: calls(normalize, spec) for count, spec in documents.items()}
    assert is_linear(work), work


def test_a_document_against_itself_costs_by_its_size(documents):
    """Only the one new value is reported."""
    work = {}
    for count, old in documents.items():
        new = copy.deepcopy(old)
        new["components"]["schemas"]["Kind0"]["enum"].append("huge")
        changes = []
        work[count] = calls(lambda: changes.extend(specs.compare(old, new)))  # noqa: B023 - at once
        assert [change.pointer for change in changes] == ["#/components/schemas/Kind0/enum/2"]
    assert is_linear(work), work


def test_a_change_in_every_operation_costs_by_their_number(documents):
    """Also where each has something to tell."""
    work = {}
    for count, old in documents.items():
        new = copy.deepcopy(old)
        for number in range(count):
            new["components"]["schemas"][f"Kind{number}"]["enum"].append("huge")
        work[count] = calls(specs.compare, old, new)
    assert is_linear(work), work
