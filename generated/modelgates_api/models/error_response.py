# Generated from openapi.yaml by `nox -s regenerate`; do not edit.
from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from attrs import define as _define
from modelgates_runtime import decoders as _decoders
from modelgates_runtime import model as _model
from modelgates_runtime import schema as _schema
from modelgates_runtime.drift import MISSING as _MISSING
from modelgates_runtime.schema import OPTIONAL_TEXTS as _optional_texts

_new = object.__new__


@_define(kw_only=True, eq=False, repr=False, getstate_setstate=False, weakref_slot=False)
class ErrorResponse(_model.Model):
    """ErrorResponse

    Attributes:
        error: Not described in the spec.
        modelgates_metadata: Not described in the spec.
        user_id: Not described in the spec.
    """

    error: ErrorDetail
    modelgates_metadata: ErrorResponseModelgatesMetadataType0 | None = _MISSING
    user_id: None | str = _MISSING

    @classmethod
    def __fields__(cls) -> _schema.Schema:
        return _schema.Schema(
            _schema.Field("error", "error", _decoders.Object(ErrorDetail), required=True),
            _schema.Field(
                "modelgates_metadata",
                "modelgates_metadata",
                _decoders.Nullable(_decoders.Object(ErrorResponseModelgatesMetadataType0)),
                required=False,
            ),
            _schema.Field(
                "user_id", "user_id", _decoders.Nullable(_decoders.STRING), required=False
            ),
        )

    @classmethod
    def __decode__(cls, source: dict[str, Any], pointer: str) -> Self:
        _self = _new(cls)
        _rest: Iterable[str] = ()
        _source = source if len(source) >= 3 else cls.__schema__().fill(source)
        try:
            _value = _source["error"]
            if _value.__class__ is dict:
                _self.error = ErrorDetail.__decode__(_value, pointer + "/error")
            else:
                _rest = (*_rest, "error")
            _value = _source["modelgates_metadata"]
            if _value is None:
                _self.modelgates_metadata = None
            elif _value.__class__ is dict:
                _self.modelgates_metadata = ErrorResponseModelgatesMetadataType0.__decode__(
                    _value, pointer + "/modelgates_metadata"
                )
            elif _value is _MISSING:
                _self.modelgates_metadata = None
            else:
                _rest = (*_rest, "modelgates_metadata")
            _value = _source["user_id"]
            _self.user_id = None if _value is None else _optional_texts[_value]
        except (KeyError, TypeError):
            _rest = cls.__schema__().fields
        if _rest or len(source) != 3:
            _self._settle(source, _rest, pointer)
        return _self


# At the end, because models may refer to each other.
from ..models.error_detail import ErrorDetail  # noqa: E402
from ..models.error_response_modelgates_metadata_type_0 import (
    ErrorResponseModelgatesMetadataType0,  # noqa: E402
)

# attrs copied the globals before these imports, and `typing.get_type_hints` reads that copy.
ErrorResponse.__init__.__globals__.update(globals())
