"""What editors and mocks see of the package, though all of it loads late."""

import inspect
from unittest.mock import create_autospec

import jedi
import pytest

import modelgates_client
from modelgates_client import AsyncModelGates, ModelGates


def completed(code):
    """Return the names that an editor offers at the end of some code."""
    return {completion.name for completion in jedi.Script(code).complete()}


@pytest.mark.slow("the editor's library reads the package's source")
def test_an_editor_completes_the_names_of_the_package():
    """All that are public."""
    assert set(modelgates_client.__all__) - {"__version__"} <= completed(
        "import modelgates_client\nmodelgates_client."
    )


@pytest.mark.slow("the editor's library reads the package's source")
def test_an_editor_completes_what_a_client_has():
    """From the client to what a record cost."""
    assert "all_in" in completed(
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


def test_a_mock_of_an_awaited_client_is_awaited():
    """What is a coroutine in the client is one in its mock."""
    client = create_autospec(AsyncModelGates, instance=True)
    answer = client.generations.get("gen-1")
    assert inspect.iscoroutine(answer)
    answer.close()
