"""`capture`: clients that an application has, which from then on note what they were answered.

Only what the libraries make public is used: the event hooks of httpx and httpx2, `Response.stream`,
and the `copy` of an `OpenAI` client.
"""

import sys
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from modelgates_client.capture.id_recorder import IdRecorder, Sink
from modelgates_client.capture.streams import LIBRARIES, observe
from modelgates_client.errors import ConfigurationError

C = TypeVar("C")


def capture(client: C, *, to: Sink, labels: Mapping[str, str] | None = None) -> C:
    """Note the id of each generation that a client is answered with, from now on.

    The answers pass on as they are; nothing that goes wrong here is raised there: it is logged. The
    id is in the head of the answer, or at the beginning of its body. So a stream that is cancelled
    or breaks is captured, too. Errors and other answers give nothing.

    Into a ledger an id is a line in a file beside it, `…-captured`, which is on its way to the disk
    before the application has the head of the answer: a process that is killed loses none. The
    ledger takes the lines in when it is opened. Many processes may write. The file goes when all of
    it was taken in and no process writes to it any more; until then it keeps its lines, some 80
    bytes for each call: a gigabyte for twelve million calls of processes that never end.

    Args:
        client: An `httpx.Client` or `AsyncClient`, the same of httpx2, or an `OpenAI`,
            `AsyncOpenAI` or another client of that making; then the HTTP client inside is what is
            captured, for all that share it.
        to: The path of a ledger, which need not exist yet; a `Ledger`; or a function that takes an
            id, quickly, in the thread that made the call.
        labels: Labels for all of this client; those of `labels` come over them.

    Returns:
        The client that was given.

    Raises:
        ConfigurationError: It is no such client, or `to` takes no ids, or the labels are none.
        LedgerError: The file beside the ledger cannot be written to.
    """
    inner, is_awaited = _http_client(client)
    noting = IdRecorder(to, labels)
    kind = _AsyncHook if is_awaited else _Hook
    hooks = inner.event_hooks
    others = [
        each
        for each in hooks["response"]
        if not (isinstance(each, kind) and each.noting.goal == noting.goal)
    ]
    # First, for another hook may read the body.
    inner.event_hooks = {**hooks, "response": [kind(noting), *others]}
    return client


class _Hook:
    def __init__(self, noting: IdRecorder) -> None:
        self.noting: Final = noting

    def __call__(self, response: Any) -> None:
        observe(response, self.noting.recorder(), is_awaited=False)


class _AsyncHook:
    def __init__(self, noting: IdRecorder) -> None:
        self.noting: Final = noting

    async def __call__(self, response: Any) -> None:
        observe(response, self.noting.recorder(), is_awaited=True)


def _http_client(client: Any) -> tuple[Any, bool]:
    """Return the client of httpx or httpx2 that a client is or has, and whether it is awaited.

    Raises:
        ConfigurationError: There is none.
    """
    for candidate in (client, _within(client)):
        for name in LIBRARIES:
            library = sys.modules.get(name)
            if library is None:
                continue
            if isinstance(candidate, library.Client):
                return candidate, False
            if isinstance(candidate, library.AsyncClient):
                return candidate, True
    raise ConfigurationError(
        f"a {type(client).__name__} is none of the clients that can be captured: those of httpx "
        "and httpx2, and what makes its copies as OpenAI does. Where it takes an http_client, give "
        "it one that is captured"
    )


class _ConstructorArguments(Exception):  # noqa: N818 - it carries what was asked for, and is no error
    """What the constructor of a client was handed."""


def _within(client: Any) -> Any:
    """Return the HTTP client of a client as `OpenAI` is; None if it is no such client.

    Its `copy` hands the HTTP client on to the constructor, which is public; the attribute that it
    takes it from is not. So a class with another constructor is let copy itself; what that needs is
    looked up in the client.
    """
    if not (hasattr(client, "copy") and hasattr(client, "base_url")):
        return None

    class Copying(type(client)):  # type: ignore[misc] # which class it is turns out
        def __init__(self, *_: Any, http_client: Any = None, **__: Any) -> None:
            raise _ConstructorArguments(http_client)

        def __getattr__(self, name: str) -> Any:
            return getattr(client, name)

    copying: Any = Copying.__new__(Copying)
    try:
        copying.copy()
    except _ConstructorArguments as handed:
        return handed.args[0]
    except Exception:  # noqa: BLE001 - it is another kind of client, whatever its `copy` does
        return None
    return None
