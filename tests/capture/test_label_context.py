"""Labels: those of the block in which a call is made, limited in number and length."""

import asyncio
import contextvars
import threading

import httpx
import pytest

from modelgates_client import ConfigurationError
from modelgates_client.capture import capture, labels
from modelgates_client.capture.label_context import current
from modelgates_client.ledger import Ledger

from .exchanges import ID, URL, StubResponse


def test_nested_blocks_add_labels():
    """They are removed at the end of the block; None removes one within it."""
    with labels(feature="search", tenant="acme"):
        with labels(tenant="other", step="2"):
            assert current() == {"feature": "search", "tenant": "other", "step": "2"}
        with labels(tenant=None, never=None):
            assert current() == {"feature": "search"}
        assert current() == {"feature": "search", "tenant": "acme"}
    assert current() == {}


def test_names_that_are_not_identifiers_are_accepted():
    """They are passed as `**` of a mapping."""
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
def test_an_invalid_label_is_refused(named):
    """In the application's code, before any request."""
    with pytest.raises(ConfigurationError, match="label"), labels(**named):
        pytest.fail("the block is not entered")
    with httpx.Client() as client, pytest.raises(ConfigurationError, match="label"):
        capture(client, to=print, labels=named)


def test_a_long_value_is_truncated():
    """It may come from a request, so it must not fail."""
    with labels(a="x" * 1000, b="\ud800"):
        assert current() == {"a": "x" * 256, "b": "?"}


def test_tasks_and_threads_have_separate_labels():
    """A thread has the labels of the context that it is run in."""
    seen_labels = []

    async def task(name):
        with labels(task=name):
            await asyncio.sleep(0)
            seen_labels.append(current()["task"])

    async def main():
        await asyncio.gather(task("a"), task("b"))

    asyncio.run(main())
    assert seen_labels == ["a", "b"]
    with labels(feature="search"):
        context = contextvars.copy_context()
        threads = [
            threading.Thread(target=lambda: seen_labels.append(dict(current()))),
            threading.Thread(
                target=lambda: context.run(lambda: seen_labels.append(dict(current())))
            ),
        ]
        for thread in threads:
            thread.start()
            thread.join()
    assert seen_labels[2:] == [{}, {"feature": "search"}]


def test_a_generator_closed_in_another_context_raises_no_error():
    """Web frameworks close the body of a response in another context."""

    def body():
        with labels(feature="search"):
            yield 1

    begun = body()
    contextvars.copy_context().run(next, begun)
    begun.close()
    assert current() == {}


def test_labels_of_the_block_override_those_of_the_client(tmp_path):
    """A client that is captured again has the labels that were given last."""
    path = tmp_path / "costs.db"
    with httpx.Client(
        transport=StubResponse(headers={"X-Generation-Id": ID}).sync_transport(httpx)
    ) as client:
        capture(client, to=path, labels={"feature": "old"})
        capture(client, to=path, labels={"feature": "search", "tenant": "acme"})
        with labels(tenant="other"):
            client.post(URL)
    with Ledger(path) as ledger:
        assert ledger.labels(ID) == {"feature": "search", "tenant": "other"}
