"""What a client generated from one schema makes of the values of another.

This says of the generated decoders (`overlays/modelgates_runtime/decoders.py`) what they do, in the
terms of schemas; the backtest holds it against what they did.
"""

import json
from collections.abc import Callable
from datetime import date, datetime
from typing import Final
from uuid import UUID

from common.effects import Effect

from specdiff.schemas import ANY, Choices, Schema, as_json

#: Formats of strings that have a type of their own in models; others stay strings.
TYPED_FORMATS: Final[dict[str, Callable[[str], object]]] = {
    "date": date.fromisoformat,
    "date-time": datetime.fromisoformat,
    "uuid": UUID,
}


def effect(old: Choices, new: Choices) -> Effect:
    """Return what reading does with the values of `new`, their parts aside."""
    if new.nullable and not old.nullable and not _takes_anything(old):
        return Effect.BROKEN
    return max((best(old, schema) for schema in new.schemas), default=Effect.ABSORBED)


def best(old: Choices, new: Schema) -> Effect:
    """Return what the choice that fits best does with the values of one schema."""
    return min((fit(schema, new) for schema in old.schemas), default=Effect.BROKEN)


def fit(old: Schema, new: Schema) -> Effect:
    """Return what the decoder of one schema does with the values of another, their parts aside."""
    if old.type == ANY:
        return Effect.ABSORBED
    if new.type not in {old.type, "integer" if old.type == "number" else old.type}:
        return Effect.BROKEN
    if (constant := old.keywords.get("const")) is not None:
        other = new.keywords.get("const")
        same = other is not None and other.value == constant.value
        return Effect.ABSORBED if same else Effect.BROKEN
    form, listed = typed_format(old), listing(new)
    if form and form != typed_format(new):
        fits = listed is not None and all(_is_of_format(form, value) for value in listed)
        return Effect.ABSORBED if fits else Effect.BROKEN
    if old.values is not None and (listed is None or any(v not in old.values for v in listed)):
        return Effect.SURFACED
    return Effect.ABSORBED


def listing(schema: Schema) -> list[str] | None:
    """Return the JSON of the only values that a schema allows, if it lists them."""
    constant = schema.keywords.get("const")
    if constant is not None:
        return [as_json(constant.value)]
    return None if schema.values is None else list(schema.values)


def _is_of_format(form: str, value: str) -> bool:
    """Whether a string, in JSON, is read as of a format."""
    try:
        TYPED_FORMATS[form](str(json.loads(value)))
    except ValueError:
        return False
    return True


def typed_format(schema: Schema) -> str | None:
    """Return the format of a string that has a type of its own."""
    node = schema.keywords.get("format")
    if schema.type != "string" or node is None or schema.values is not None:
        return None
    return node.value if isinstance(node.value, str) and node.value in TYPED_FORMATS else None


def _takes_anything(choices: Choices) -> bool:
    return any(schema.type == ANY for schema in choices.schemas)
