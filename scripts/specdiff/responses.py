"""How a client reads a response: under which documented status, and in which media type."""

from collections.abc import Collection, Iterable
from http import HTTPStatus

from attrs import evolve
from common.effects import Effect
from normalizing.operations import Media, NormalResponse, RequestBody
from normalizing.shapes import Shape
from normalizing.wire import codes_of, media_kind, read_status

from specdiff import reading, schemas
from specdiff.document import Document

#: What has a body.
Holder = NormalResponse | RequestBody


def status_kind(status: str) -> str:
    """Return the kind of a status, as named in rules."""
    return "success" if status[:1] in {"2", "3"} else "non-success"


def read_statuses(status: str, before: Collection[str], after: Collection[str]) -> set[str | None]:
    """Return the statuses of `before` under which a client reads a status of `after`.

    Returns:
        Statuses as `before` writes them; None for codes without one.
    """
    return {read_status(code, before) for code in codes_of(status, after)}


def status_effect(status: str, before: Collection[str], after: Collection[str]) -> Effect:
    """Return the effect of responses whose status is documented in `after` only."""
    unread = [code for code in codes_of(status, after) if read_status(code, before) is None]
    if not unread:
        return Effect.ABSORBED
    fails = any(code < HTTPStatus.BAD_REQUEST for code in unread)
    return Effect.BROKEN if fails else Effect.SURFACED


def media_types(holder: Holder) -> dict[str, Media]:
    """Return the media types of a body, without their `charset` parameters."""
    return {_without_charset(media.type): media for media in holder.content}


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


def media_effect(old: Document, before: dict[str, Media], after: dict[str, Media]) -> Effect:
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
    return max_effect(old, before[old_type])


def max_effect(document: Document, media: Media) -> Effect:
    """Return the strongest possible effect of arbitrary text on a client of a media type.

    Text is always a string, never null or another JSON type.
    """
    if _decoding(media.type) != "text":
        return Effect.BROKEN
    if media.source is None:
        return Effect.ABSORBED
    choices = schemas.read(document, (media.source,))
    texts = tuple(s for s in choices.shapes if schemas.kind(s) in {"string", schemas.ANY})
    if not texts:
        return Effect.ABSORBED
    return reading.best(evolve(choices, shapes=texts), Shape((), "string", ""))
