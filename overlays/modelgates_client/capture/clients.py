"""`capture`: make an application's existing client record the ids of its generations.

Only public features of the libraries are used: the event hooks of httpx and httpx2,
`Response.stream`, and the `copy` method of an `OpenAI` client.
"""

import sys
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from modelgates_client.capture.id_recorder import IdRecorder, Sink
from modelgates_client.capture.streams import LIBRARIES, observe
from modelgates_client.errors import ConfigurationError

C = TypeVar("C")


def capture(client: C, *, to: Sink, labels: Mapping[str, str] | None = None) -> C:
    """Record the id of each generation that a client receives, from now on.

    Responses are passed on unchanged, and errors in capturing are logged, never raised in the
    application. The id is in the headers of the response, or at the beginning of its body, so a
    stream that is cancelled or breaks off is captured, too. Errors and other responses are ignored.

    With a ledger, each id is a line in a file next to it, `…-captured`, which is handed to the
    operating system before the application receives the response headers: a killed process loses no
    id. The ledger imports the lines when it is opened. Many processes may write to the file. It is
    removed once all of it is imported and no process writes to it any more. While processes do, it
    is renamed when it has grown to 1 MiB, and removed when they have opened a new one. (Not where
    files cannot be locked: on Windows, and on some network file systems.)

    Args:
        client: An `httpx.Client` or `AsyncClient`, their counterparts in httpx2, or an `OpenAI`,
            `AsyncOpenAI` or similar client; of these, the HTTP client inside is captured, for all
            clients that share it.
        to: The path of a ledger, which need not exist yet; a `Ledger`; or a function that takes an
            id. It is called in the thread that made the call, and must be quick.
        labels: Labels for all generations of this client; labels set by `labels` override them.

    Returns:
        The client that was passed in.

    Raises:
        ConfigurationError: The client, `to` or the labels cannot be used.
        LedgerError: The file next to the ledger cannot be written to.
    """
    http_client, is_async = _http_client(client)
    recorder = IdRecorder(to, labels)
    hook_class = _AsyncHook if is_async else _Hook
    hooks = http_client.event_hooks
    others = [
        each
        for each in hooks["response"]
        if not (isinstance(each, hook_class) and each.recorder.target == recorder.target)
    ]
    # Its own hook comes first, because another one may read the body.
    http_client.event_hooks = {**hooks, "response": [hook_class(recorder), *others]}
    return client


class _Hook:
    def __init__(self, recorder: IdRecorder) -> None:
        self.recorder: Final = recorder

    def __call__(self, response: Any) -> None:
        observe(response, self.recorder, is_async=False)


class _AsyncHook:
    def __init__(self, recorder: IdRecorder) -> None:
        self.recorder: Final = recorder

    async def __call__(self, response: Any) -> None:
        observe(response, self.recorder, is_async=True)


def _http_client(client: Any) -> tuple[Any, bool]:
    """Return the httpx or httpx2 client that a client is or contains, and whether it is async.

    Raises:
        ConfigurationError: There is none.
    """
    for candidate in (client, _inner_client(client)):
        for name in LIBRARIES:
            library = sys.modules.get(name)
            if library is None:
                continue
            if isinstance(candidate, library.Client):
                return candidate, False
            if isinstance(candidate, library.AsyncClient):
                return candidate, True
    raise ConfigurationError(
        f"a {type(client).__name__} cannot be captured: expected a client of httpx or httpx2, or "
        "one with a copy method like OpenAI's. If it takes an http_client, capture that instead"
    )


class _ConstructorArguments(Exception):  # noqa: N818 - it carries a value, and is not an error
    """Carries the HTTP client that was passed to a constructor."""


def _inner_client(client: Any) -> Any:
    """Return the HTTP client inside a client like `OpenAI`; None for any other client.

    Its `copy` method passes the HTTP client to the constructor, which is public, unlike the
    attribute that holds it. So `copy` is called on a subclass whose constructor captures the
    argument, and which looks up all other attributes in the client.
    """
    if not (hasattr(client, "copy") and hasattr(client, "base_url")):
        return None

    class Copying(type(client)):  # type: ignore[misc] # a class known only at run time
        def __init__(self, *_: Any, http_client: Any = None, **__: Any) -> None:
            raise _ConstructorArguments(http_client)

        def __getattr__(self, name: str) -> Any:
            return getattr(client, name)

    copying: Any = Copying.__new__(Copying)
    try:
        copying.copy()
    except _ConstructorArguments as arguments:
        return arguments.args[0]
    except Exception:  # noqa: BLE001 - another kind of client, whose `copy` may do anything
        return None
    return None
