"""Predicts how a client generated from one schema reads the values of another.

It describes the behaviour of the decoders (`overlays/modelgates_runtime/decoders.py`) in the
terms of schemas; the backtest checks it against their actual results.
"""

import json
from collections.abc import Callable
from datetime import date, datetime
from typing import Final
from uuid import UUID

from common.effects import Effect
from normalizing.shapes import Shape

from specdiff.schemas import ANY, Choices, kind, listing

#: String formats with their own Python type in models; others stay strings.
TYPED_FORMATS: Final[dict[str, Callable[[str], object]]] = {
    "date": date.fromisoformat,
    "date-time": datetime.fromisoformat,
    "uuid": UUID,
}


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
