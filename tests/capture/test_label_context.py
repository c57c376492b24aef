"""Labels: those of the block in which a call is made, few and short."""

import asyncio
import contextvars
import threading

import httpx
import pytest

from modelgates_client import ConfigurationError
from modelgates_client.capture import capture, labels
from modelgates_client.capture.label_context import current
from modelgates_client.ledger import Ledger

from .exchanges import ID, URL, Reply


def test_blocks_add_to_the_labels_of_those_around_them():
    """And end with them; None takes one away."""
    with labels(feature="search", tenant="acme"):
        with labels(tenant="other", step="2"):
            assert current() == {"feature": "search", "tenant": "other", "step": "2"}
        with labels(tenant=None, never=None):
            assert current() == {"feature": "search"}
        assert current() == {"feature": "search", "tenant": "acme"}
    assert current() == {}


def test_names_that_are_no_words_of_python_are_given_by_a_mapping():
    """As `**`."""
    with labels(**{"team.name": "x", "a-b": "y"}):
        assert current() == {"team.name": "x", "a-b": "y"}


@pytest.mark.parametrize(
    "named",
    [
        {"": "x"},
        {"a b": "x"},
        {"1": "x"},
        {"é": "x"},
        {"a" * 65: "x"},
        {"a": 5},
        {"a": b"x"},
        {f"n{number}": "x" for number in range(17)},
    ],
)
def test_what_is_no_label_is_refused(named):
    """In the application's own code, before anything is asked for."""
    with pytest.raises(ConfigurationError, match="label"), labels(**named):
        pytest.fail("the block is not entered")
    with httpx.Client() as client, pytest.raises(ConfigurationError, match="label"):
        capture(client, to=print, labels=named)


def test_a_long_text_is_cut():
    """It may come from a request: it must not fail there."""
    with labels(a="x" * 1000, b="\ud800"):
        assert current() == {"a": "x" * 256, "b": "?"}


def test_tasks_and_threads_have_their_own():
    """A thread has those of the context that it is given."""
    found = []

    async def task(name):
        with labels(task=name):
            await asyncio.sleep(0)
            found.append(current()["task"])

    async def main():
        await asyncio.gather(task("a"), task("b"))

    asyncio.run(main())
    assert found == ["a", "b"]
    with labels(feature="search"):
        context = contextvars.copy_context()
        threads = [
            threading.Thread(target=lambda: found.append(dict(current()))),
            threading.Thread(target=lambda: context.run(lambda: found.append(dict(current())))),
        ]
        for thread in threads:
            thread.start()
            thread.join()
    assert found[2:] == [{}, {"feature": "search"}]


def test_a_generator_that_is_closed_elsewhere_raises_nothing():
    """As web frameworks close the body of an answer."""

    def body():
        with labels(feature="search"):
            yield 1

    begun = body()
    contextvars.copy_context().run(next, begun)
    begun.close()
    assert current() == {}


def test_those_of_a_client_are_under_those_of_the_block(tmp_path):
    """The same client captured again has the labels that were given last."""
    path = tmp_path / "costs.db"
    with httpx.Client(transport=Reply(headers={"X-Generation-Id": ID}).blocking(httpx)) as client:
        capture(client, to=path, labels={"feature": "old"})
        capture(client, to=path, labels={"feature": "search", "tenant": "acme"})
        with labels(tenant="other"):
            client.post(URL)
    with Ledger(path) as ledger:
        assert ledger.labels(ID) == {"feature": "search", "tenant": "other"}
