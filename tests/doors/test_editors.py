"""Completion in editors, and mocks: lazily loaded names are visible to both."""

import inspect
from unittest.mock import create_autospec

import jedi
import pytest

import modelgates_client
from modelgates_client import AsyncModelGates, ModelGates


def completions(code):
    """Return the names that an editor suggests at the end of some code."""
    return {completion.name for completion in jedi.Script(code).complete()}


@pytest.mark.slow("the editor's library reads the package's source")
def test_an_editor_completes_the_names_of_the_package():
    """All public names are suggested."""
    assert set(modelgates_client.__all__) - {"__version__"} <= completions(
        "import modelgates_client\nmodelgates_client."
    )


@pytest.mark.slow("the editor's library reads the package's source")
def test_an_editor_completes_attributes_of_a_client():
    """From the client to the cost of a record."""
    assert "all_in" in completions(
        "from modelgates_client import ModelGates\nModelGates().generations.get('').cost."
    )


def test_a_mock_of_a_client_has_its_resources():
    """With their signatures, so that a misspelt call fails."""
    client = create_autospec(ModelGates, instance=True)
    client.generations.get.return_value = 1
    assert client.generations.get("gen-1") == 1
    with pytest.raises(TypeError):
        client.generations.get("gen-1", "gen-2")
    with pytest.raises(AttributeError):
        client.generations.fetch("gen-1")


def test_a_mock_of_an_async_client_is_async():
    """Its methods return coroutines."""
    client = create_autospec(AsyncModelGates, instance=True)
    coroutine = client.generations.get("gen-1")
    assert inspect.iscoroutine(coroutine)
    coroutine.close()
