# Generated from openapi.yaml by `nox -s regenerate`; do not edit.
from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from attrs import define as _define
from modelgates_runtime import decoders as _decoders
from modelgates_runtime import model as _model
from modelgates_runtime import schema as _schema

_new = object.__new__


@_define(kw_only=True, eq=False, repr=False, getstate_setstate=False, weakref_slot=False)
class GenerationResponse(_model.Model):
    """Generation response

    Attributes:
        data: Generation data
    """

    data: Generation

    @classmethod
    def __fields__(cls) -> _schema.Schema:
        return _schema.Schema(
            _schema.Field("data", "data", _decoders.Object(Generation), required=True)
        )

    @classmethod
    def __decode__(cls, source: dict[str, Any], pointer: str) -> Self:
        _self = _new(cls)
        _rest: Iterable[str] = ()
        _source = source if len(source) >= 1 else cls.__schema__().fill(source)
        try:
            _value = _source["data"]
            if _value.__class__ is dict:
                _self.data = Generation.__decode__(_value, pointer + "/data")
            else:
                _rest = (*_rest, "data")
        except (KeyError, TypeError):
            _rest = cls.__schema__().fields
        if _rest or len(source) != 1:
            _self._settle(source, _rest, pointer)
        return _self


# At the end, because models may refer to each other.
from ..models.generation import Generation  # noqa: E402

# attrs copied the globals before these imports, and `typing.get_type_hints` reads that copy.
GenerationResponse.__init__.__globals__.update(globals())
