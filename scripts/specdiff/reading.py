"""Predicts how a client generated from one spec reads the responses of another.

It says under which status and in which media type a response is read, and describes the behaviour
of the decoders (`overlays/modelgates_runtime/decoders.py`) in the terms of schemas; the backtest
checks it against their actual results.
"""

import json
from collections.abc import Callable, Collection, Iterable
from datetime import date, datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

from attrs import evolve
from common.effects import Effect
from normalizing.operations import Media, NormalResponse, RequestBody
from normalizing.shapes import Shape
from normalizing.wire import codes_of, media_kind, read_status

from specdiff.document import Document
from specdiff.schemas import ANY, Choices, kind, listing, read

#: String formats with their own Python type in models; others stay strings.
TYPED_FORMATS: Final[dict[str, Callable[[str], object]]] = {
    "date": date.fromisoformat,
    "date-time": datetime.fromisoformat,
    "uuid": UUID,
}


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
    choices = read(document, (media.source,))
    texts = tuple(s for s in choices.shapes if kind(s) in {"string", ANY})
    if not texts:
        return Effect.ABSORBED
    return best(evolve(choices, shapes=texts), Shape((), "string", ""))


def effect(old: Choices, new: Choices) -> Effect:
    """Return the effect of reading values of `new`, without that of their parts."""
    if new.nullable and not old.nullable:
        return Effect.BROKEN
    return max((best(old, shape) for shape in new.shapes), default=Effect.ABSORBED)


def best(old: Choices, new: Shape) -> Effect:
    """Return the effect of reading values of one shape as the best fitting old shape."""
    return min((fit(shape, new) for shape in old.shapes), default=Effect.BROKEN)


def fit(old: Shape, new: Shape) -> Effect:
    """Return the effect of decoding values of `new` as `old`, without that of their parts."""
    was, now = kind(old), kind(new)
    if was == ANY:
        return Effect.ABSORBED
    if now not in {was, "integer" if was == "number" else was}:
        return Effect.BROKEN
    before, after = listing(old), listing(new)
    if old.is_constant:
        return Effect.ABSORBED if before == after else Effect.BROKEN
    form = typed_format(old)
    if form and form != typed_format(new):
        fits = after is not None and all(_is_of_format(form, value) for value in after)
        return Effect.ABSORBED if fits else Effect.BROKEN
    if old.is_enum and before and (after is None or any(v not in before for v in after)):
        return Effect.SURFACED
    return Effect.ABSORBED


def _is_of_format(form: str, value: str) -> bool:
    """Whether the JSON of a string has a format."""
    try:
        TYPED_FORMATS[form](str(json.loads(value)))
    except ValueError:
        return False
    return True


def typed_format(shape: Shape) -> str | None:
    """Return the format of a string shape if it has its own Python type."""
    form = shape.bounds.get("format")
    if shape.type != "string" or shape.values is not None:
        return None
    return form if isinstance(form, str) and form in TYPED_FORMATS else None
