"""Hand-written subclasses of generated models, and decoding to them."""

from typing import Any, Self, TypeVar

from modelgates_runtime.decoder import Decoder
from modelgates_runtime.decoders import Array, Nullable, Object
from modelgates_runtime.model import Model
from modelgates_runtime.scalars import MISMATCH
from modelgates_runtime.schema import Field, Schema

DecoderT = TypeVar("DecoderT", bound=Decoder)


class Extended(Model):
    """Mixin of a subclass of a generated model in which a field has another class.

    It must come before the model in the list of bases.
    """

    __slots__ = ()

    @classmethod
    def __decode__(cls, source: dict[str, Any], pointer: str) -> Self:
        """Decode an object by this class's schema instead of the generated code of its base."""
        self, schema = object.__new__(cls), cls.__schema__()
        if source.keys() == schema.keys:  # the common case, without a note
            for field in schema.fields.values():
                value = field.decoder(source[field.key], pointer + field.segment)
                if value is MISMATCH:
                    break
                setattr(self, field.name, value)
            else:
                return self
        self._settle(source, schema.fields, pointer)
        return self


def with_subclass(schema: Schema, model: type[Model], extended: type[Model]) -> Schema:
    """Return a schema that decodes a model's objects as a subclass of the model."""
    fields = [
        Field(
            field.key,
            field.name,
            decoder_with_subclass(field.decoder, model, extended),
            required=field.required,
        )
        for field in schema.fields.values()
    ]
    return Schema(*fields, extra=schema.extra)


def decoder_with_subclass(decoder: Decoder, model: type[Model], extended: type[Model]) -> Decoder:
    """Return a decoder that decodes a model's objects as a subclass of the model."""
    if isinstance(decoder, Object):
        return Object(extended) if decoder.model is model else decoder
    if isinstance(decoder, Nullable | Array):
        return type(decoder)(decoder_with_subclass(decoder.item, model, extended))
    return decoder
