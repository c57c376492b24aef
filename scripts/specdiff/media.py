"""The media type under which a client reads a body, and the effect of other media types."""

from collections.abc import Iterable

from attrs import evolve
from common.effects import Effect
from normalizing.shapes import Shape
from normalizing.support import media_kind

from specdiff import reading, schemas
from specdiff.document import Document, Node, members_of, parts_of


def by_type(holder: Node) -> dict[str, Node]:
    """Return the media types of a body, without their `charset` parameters."""
    return {_plain(name): node for name, node in members_of(holder.get("content")).items()}


def _plain(name: str) -> str:
    parts = [part.strip() for part in name.split(";")]
    return "; ".join(part for part in parts if not part.lower().startswith("charset="))


def kind(media_type: str) -> str:
    """Return how a media type is decoded: as `json`, `text` or `bytes`."""
    return media_kind(media_type, sent=False) or "bytes"


def read(names: Iterable[str]) -> str | None:
    """Return the media type that a client reads and a server presumably sends, JSON first."""
    order = ("json", "text", "bytes")
    return min(names, key=lambda name: order.index(kind(name)), default=None)


def effect(old: Document, before: dict[str, Node], after: dict[str, Node]) -> Effect:
    """Return the effect of changed media types, whatever the schemas are.

    Args:
        old: The document that the client is generated from.
        before: Its media types of a body.
        after: The media types of that body that the server sends.
    """
    old_type, new_type = read(before), read(after)
    if old_type is None or kind(old_type) == "bytes":
        return Effect.ABSORBED  # nothing is read, or anything
    if kind(old_type) == "json":
        return Effect.ABSORBED if new_type and kind(new_type) == "json" else Effect.BROKEN
    if new_type and kind(new_type) == "text":
        return Effect.ABSORBED
    return max_effect(old, old_type, before)


def max_effect(document: Document, media_type: str, content: dict[str, Node]) -> Effect:
    """Return the strongest possible effect of arbitrary text on a client of a media type.

    Text is always a string, never null or another JSON type.
    """
    if kind(media_type) != "text":
        return Effect.BROKEN
    schema = content[media_type].get("schema")
    if schema is None:
        return Effect.ABSORBED
    choices = schemas.read(document, parts_of(schema))
    texts = tuple(s for s in choices.shapes if schemas.kind(s) in {"string", schemas.ANY})
    if not texts:
        return Effect.ABSORBED
    return reading.best(evolve(choices, shapes=texts), Shape((), "string", ""))
