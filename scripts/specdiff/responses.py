"""How a client reads a response: under which documented status, and in which media type.

Source: OpenAPI 3.1.1, section Responses Object: a status takes precedence over its range, a range
over `default`. If a success is documented, clients use `default` for errors only.
"""

from collections.abc import Collection, Iterable, Iterator
from http import HTTPStatus

from attrs import evolve
from common.effects import Effect
from normalizing.shapes import Shape
from normalizing.support import media_kind

from specdiff import reading, schemas
from specdiff.document import Document, Node, members_of, parts_of

_SUCCESS = "2"  # the first digit of its statuses


def status_kind(status: str) -> str:
    """Return the kind of a status, as named in rules."""
    return "success" if status[:1] in {"2", "3"} else "non-success"


def read_statuses(status: str, before: Collection[str], after: Collection[str]) -> set[str | None]:
    """Return the statuses of `before` under which a client reads a status of `after`.

    Returns:
        Statuses as `before` writes them; None for codes without one.
    """
    return {_read_status(code, before) for code in _codes(status, after)}


def status_effect(status: str, before: Collection[str], after: Collection[str]) -> Effect:
    """Return the effect of responses whose status is documented in `after` only."""
    unread = [code for code in _codes(status, after) if _read_status(code, before) is None]
    if not unread:
        return Effect.ABSORBED
    fails = any(code < HTTPStatus.BAD_REQUEST for code in unread)
    return Effect.BROKEN if fails else Effect.SURFACED


def _read_status(code: int, documented: Collection[str]) -> str | None:
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
        if code >= HTTPStatus.OK and _read_status(code, documented) == status:
            yield int(code)


def media_types(holder: Node) -> dict[str, Node]:
    """Return the media types of a body, without their `charset` parameters."""
    content = members_of(holder.get("content"))
    return {_without_charset(name): node for name, node in content.items()}


def _without_charset(name: str) -> str:
    parts = [part.strip() for part in name.split(";")]
    return "; ".join(part for part in parts if not part.lower().startswith("charset="))


def _decoding(media_type: str) -> str:
    """Return how a media type is decoded: as `json`, `text` or `bytes`."""
    return media_kind(media_type, sent=False) or "bytes"


def read_media_type(names: Iterable[str]) -> str | None:
    """Return the media type that a client reads and a server presumably sends, JSON first."""
    order = ("json", "text", "bytes")
    return min(names, key=lambda name: order.index(_decoding(name)), default=None)


def media_effect(old: Document, before: dict[str, Node], after: dict[str, Node]) -> Effect:
    """Return the effect of changed media types, whatever the schemas are.

    Args:
        old: The document that the client is generated from.
        before: Its media types of a body.
        after: The media types of that body that the server sends.
    """
    old_type, new_type = read_media_type(before), read_media_type(after)
    if old_type is None or _decoding(old_type) == "bytes":
        return Effect.ABSORBED  # nothing is read, or anything
    if _decoding(old_type) == "json":
        return Effect.ABSORBED if new_type and _decoding(new_type) == "json" else Effect.BROKEN
    if new_type and _decoding(new_type) == "text":
        return Effect.ABSORBED
    return max_effect(old, old_type, before)


def max_effect(document: Document, media_type: str, content: dict[str, Node]) -> Effect:
    """Return the strongest possible effect of arbitrary text on a client of a media type.

    Text is always a string, never null or another JSON type.
    """
    if _decoding(media_type) != "text":
        return Effect.BROKEN
    schema = content[media_type].get("schema")
    if schema is None:
        return Effect.ABSORBED
    choices = schemas.read(document, parts_of(schema))
    texts = tuple(s for s in choices.shapes if schemas.kind(s) in {"string", schemas.ANY})
    if not texts:
        return Effect.ABSORBED
    return reading.best(evolve(choices, shapes=texts), Shape((), "string", ""))
