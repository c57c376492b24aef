"""Which of the statuses that an operation documents a client reads an answer by.

Source: OpenAPI 3.1.1, section Responses Object: a status itself comes before its range, a range
before `default`. Where a success is documented, clients take `default` for the errors.
"""

from collections.abc import Collection, Iterator
from http import HTTPStatus

from common.effects import Effect

_SUCCESS = "2"  # the first digit of its statuses


def sort(status: str) -> str:
    """Return what kind of status it is, as rules call it."""
    return "success" if status[:1] in {"2", "3"} else "non-success"


def readers(status: str, before: Collection[str], after: Collection[str]) -> set[str | None]:
    """Return what a client of `before` reads answers of a status of `after` by.

    Returns:
        Statuses of `before`, as it writes them; None where there is none for an answer.
    """
    return {reader(code, before) for code in _codes(status, after)}


def effect(status: str, before: Collection[str], after: Collection[str]) -> Effect:
    """Return what becomes of answers of a status of `after` that `before` has no status for."""
    unread = [code for code in _codes(status, after) if reader(code, before) is None]
    if not unread:
        return Effect.ABSORBED
    fails = any(code < HTTPStatus.BAD_REQUEST for code in unread)
    return Effect.BROKEN if fails else Effect.SURFACED


def reader(code: int, documented: Collection[str]) -> str | None:
    """Return the status, as it is documented, that stands for a code."""
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
