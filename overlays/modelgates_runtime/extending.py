"""Classes by hand over generated models, and how bodies are decoded to them."""

from typing import Any, Self, TypeVar

from modelgates_runtime.decoder import Decoder
from modelgates_runtime.decoders import Array, Nullable, Object
from modelgates_runtime.model import Model
from modelgates_runtime.scalars import MISMATCH
from modelgates_runtime.schema import Field, Schema

DecoderT = TypeVar("DecoderT", bound=Decoder)


class Extended(Model):
    """Base of a class over a generated model, before that, of which a field has another class."""

    __slots__ = ()

    @classmethod
    def __decode__(cls, source: dict[str, Any], pointer: str) -> Self:
        """Decode an object by the schema of this class, not by what was generated for its base."""
        self, schema = object.__new__(cls), cls.__schema__()
        if source.keys() == schema.keys:  # the common case, in which there is nothing to note
            for field in schema.fields.values():
                value = field.decoder(source[field.key], pointer + field.segment)
                if value is MISMATCH:
                    break
                setattr(self, field.name, value)
            else:
                return self
        self._settle(source, schema.fields, pointer)
        return self


def reading(schema: Schema, model: type[Model], extended: type[Model]) -> Schema:
    """Return a schema that reads the objects of a model as a class over it."""
    fields = [
        Field(
            field.key,
            field.name,
            decoding(field.decoder, model, extended),
            required=field.required,
        )
        for field in schema.fields.values()
    ]
    return Schema.of(*fields, extra=schema.extra)


def decoding(decoder: Decoder, model: type[Model], extended: type[Model]) -> Decoder:
    """Return a decoder that reads the objects of a model as a class over it."""
    if isinstance(decoder, Object):
        return Object(extended) if decoder.model is model else decoder
    if isinstance(decoder, Nullable | Array):
        return type(decoder)(decoding(decoder.item, model, extended))
    return decoder
