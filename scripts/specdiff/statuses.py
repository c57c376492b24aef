"""The documented status under which a client reads a response.

Source: OpenAPI 3.1.1, section Responses Object: a status takes precedence over its range, a range
over `default`. If a success is documented, clients use `default` for errors only.
"""

from collections.abc import Collection, Iterator
from http import HTTPStatus

from common.effects import Effect

_SUCCESS = "2"  # the first digit of its statuses


def kind(status: str) -> str:
    """Return the kind of a status, as named in rules."""
    return "success" if status[:1] in {"2", "3"} else "non-success"


def readers(status: str, before: Collection[str], after: Collection[str]) -> set[str | None]:
    """Return the statuses of `before` under which a client reads a status of `after`.

    Returns:
        Statuses as `before` writes them; None for codes without one.
    """
    return {reader(code, before) for code in _codes(status, after)}


def effect(status: str, before: Collection[str], after: Collection[str]) -> Effect:
    """Return the effect of responses whose status is documented in `after` only."""
    unread = [code for code in _codes(status, after) if reader(code, before) is None]
    if not unread:
        return Effect.ABSORBED
    fails = any(code < HTTPStatus.BAD_REQUEST for code in unread)
    return Effect.BROKEN if fails else Effect.SURFACED


def reader(code: int, documented: Collection[str]) -> str | None:
    """Return the documented status that covers a code, or None."""
    choices = [str(code), f"{code // 100}XX"]
    is_success = str(code)[0] == _SUCCESS
    if not (is_success and any(status[0] == _SUCCESS for status in documented)):
        choices.append("default")
    return next((choice for choice in choices if choice in documented), None)


def _codes(status: str, documented: Collection[str]) -> Iterator[int]:
    if status.isdecimal() and len(status) == 3:  # noqa: PLR2004 - of a status
        yield int(status)
        return
    for code in HTTPStatus:
        if code >= HTTPStatus.OK and reader(code, documented) == status:
            yield int(code)
