# Generated from openapi.yaml by `nox -s regenerate`; do not edit.
from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from attrs import define as _define
from modelgates_runtime import decoders as _decoders
from modelgates_runtime import model as _model
from modelgates_runtime import schema as _schema
from modelgates_runtime.drift import MISSING as _MISSING
from modelgates_runtime.schema import TEXTS as _texts

_new = object.__new__


@_define(kw_only=True, eq=False, repr=False, getstate_setstate=False, weakref_slot=False)
class ErrorDetail(_model.Model):
    """ErrorDetail

    Attributes:
        code: Not described in the spec.
        message: Not described in the spec.
        metadata: Not described in the spec.
    """

    code: int
    message: str
    metadata: ErrorDetailMetadataType0 | None = _MISSING

    @classmethod
    def __fields__(cls) -> _schema.Schema:
        return _schema.Schema(
            _schema.Field("code", "code", _decoders.INTEGER, required=True),
            _schema.Field("message", "message", _decoders.STRING, required=True),
            _schema.Field(
                "metadata",
                "metadata",
                _decoders.Nullable(_decoders.Object(ErrorDetailMetadataType0)),
                required=False,
            ),
        )

    @classmethod
    def __decode__(cls, source: dict[str, Any], pointer: str) -> Self:
        _self = _new(cls)
        _rest: Iterable[str] = ()
        _source = source if len(source) >= 3 else cls.__schema__().fill(source)
        try:
            _value = _source["code"]
            if _value.__class__ is int:
                _self.code = _value
            else:
                _rest = (*_rest, "code")
            _self.message = _texts[_source["message"]]
            _value = _source["metadata"]
            if _value is None:
                _self.metadata = None
            elif _value.__class__ is dict:
                _self.metadata = ErrorDetailMetadataType0.__decode__(_value, pointer + "/metadata")
            elif _value is _MISSING:
                _self.metadata = None
            else:
                _rest = (*_rest, "metadata")
        except (KeyError, TypeError):
            _rest = cls.__schema__().fields
        if _rest or len(source) != 3:
            _self._settle(source, _rest, pointer)
        return _self


# At the end, because models may refer to each other.
from ..models.error_detail_metadata_type_0 import ErrorDetailMetadataType0  # noqa: E402

# attrs copied the globals before these imports, and `typing.get_type_hints` reads that copy.
ErrorDetail.__init__.__globals__.update(globals())
