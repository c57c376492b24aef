"""Find the API key in errors, including tracebacks with locals and pickles, and in logs."""

import html
import logging
import pickle
import re
import traceback
from collections.abc import Iterator
from urllib.parse import unquote

from .wire import KEY

#: The middle of the key: any part that is long enough to give it away contains this.
_SECRET = KEY[len(KEY) // 3 : 2 * len(KEY) // 3]
_ESCAPE = re.compile(r"\\+u([0-9a-fA-F]{4})")


def shows(text: str) -> bool:
    """Whether a text contains the key, plainly or with JSON, HTML or URL escapes."""
    unescaped = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    unescaped = re.sub(r"\\+/", "/", unescaped).replace("\x00", "").replace(r"\x00", "")
    forms = (text, unescaped, html.unescape(unescaped), unquote(unescaped))
    return any(_SECRET in form for form in forms)


def of_error(error: BaseException) -> list[str]:
    """Return the places where an error shows the key; it should be empty."""
    places = {text: where for where, text in _texts(error)}  # frames often share a local
    return [where for text, where in places.items() if shows(text)]


def of_records(records: list[logging.LogRecord]) -> list[str]:
    """Return the log records that show the key, by logger and format."""
    return [
        f"log of {record.name}: {record.msg!r}"
        for record in records
        if shows(record.getMessage())
        or shows(repr(vars(record)))
        or (record.exc_info and shows(logging.Formatter().formatException(record.exc_info)))
    ]


def _texts(error: BaseException) -> Iterator[tuple[str, str]]:
    for link in _chain(error, set()):
        name = type(link).__name__
        yield f"str of {name}", str(link)
        yield f"repr of {name}", repr(link)
        yield f"args of {name}", repr(link.args)
        for key, value in vars(link).items():
            yield f"{name}.{key}", f"{value!r} {value!s}"
        frames = traceback.walk_tb(link.__traceback__)
        for frame in traceback.StackSummary.extract(frames, capture_locals=True):
            for key, value in (frame.locals or {}).items():
                yield f"{name}: local {key!r} of {frame.name} in {frame.filename}", value
    yield "traceback", "".join(traceback.format_exception(error))
    yield "pickle", pickle.dumps(error).decode("latin-1")


def _chain(error: BaseException, seen: set[int]) -> Iterator[BaseException]:
    """Return an error, its causes and contexts, and the members of groups."""
    if id(error) in seen:
        return
    seen.add(id(error))
    yield error
    linked = (error.__cause__, error.__context__, *getattr(error, "exceptions", ()))
    for link in linked:
        if link is not None:
            yield from _chain(link, seen)
