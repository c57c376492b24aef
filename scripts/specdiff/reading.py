"""What a client generated from one schema makes of the values of another.

This says of the generated decoders (`overlays/templates/runtime/decoders.py`) what they do, in the
terms of schemas; the backtest holds it against what they did.
"""

from typing import Final

from specdiff.effects import Effect
from specdiff.schemas import ANY, Choices, Schema

#: Formats of strings that the generator gives a type of their own; others stay strings.
TYPED_FORMATS: Final = frozenset({"binary", "date", "date-time", "uuid"})


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
    if typed_format(old) and typed_format(old) != typed_format(new):
        return Effect.BROKEN
    if old.values is not None and (new.values is None or new.values.keys() - old.values.keys()):
        return Effect.SURFACED
    return Effect.ABSORBED


def typed_format(schema: Schema) -> str | None:
    """Return the format of a string that has a type of its own."""
    node = schema.keywords.get("format")
    if schema.type != "string" or node is None or schema.values is not None:
        return None
    return node.value if node.value in TYPED_FORMATS else None


def _takes_anything(choices: Choices) -> bool:
    return any(schema.type == ANY for schema in choices.schemas)
