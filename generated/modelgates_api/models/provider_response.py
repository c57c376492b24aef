# Generated from openapi.yaml by `nox -s regenerate`; do not edit.
from __future__ import annotations

from collections.abc import Iterable
from math import isfinite as _isfinite
from typing import Any, Self

from attrs import define as _define
from modelgates_runtime import decoders as _decoders
from modelgates_runtime import model as _model
from modelgates_runtime import schema as _schema
from modelgates_runtime.drift import MISSING as _MISSING
from modelgates_runtime.encoding import HIGHEST as _HIGHEST
from modelgates_runtime.encoding import LOWEST as _LOWEST
from modelgates_runtime.schema import OPTIONAL_TEXTS as _optional_texts

from ..models.provider_name import ProviderName

_new = object.__new__


@_define(kw_only=True, eq=False, repr=False, getstate_setstate=False, weakref_slot=False)
class ProviderResponse(_model.Model):
    """Details of a provider response for a generation attempt

    Attributes:
        status: HTTP status code from the provider
        endpoint_id: Internal endpoint identifier
        id: Upstream provider response identifier
        is_byok: Whether the request used a bring-your-own-key
        latency: Response latency in milliseconds
        model_permaslug: Canonical model slug
        provider_name: Name of the provider
    """

    status: float | None
    endpoint_id: str | None = None
    id: str | None = None
    is_byok: bool | None = None
    latency: float | None = None
    model_permaslug: str | None = None
    provider_name: ProviderName | None = None

    @classmethod
    def __fields__(cls) -> _schema.Schema:
        return _schema.Schema(
            _schema.Field("status", "status", _decoders.Nullable(_decoders.NUMBER), required=True),
            _schema.Field("endpoint_id", "endpoint_id", _decoders.STRING, required=False),
            _schema.Field("id", "id", _decoders.STRING, required=False),
            _schema.Field("is_byok", "is_byok", _decoders.BOOLEAN, required=False),
            _schema.Field("latency", "latency", _decoders.NUMBER, required=False),
            _schema.Field("model_permaslug", "model_permaslug", _decoders.STRING, required=False),
            _schema.Field(
                "provider_name",
                "provider_name",
                _decoders.StrEnumeration(ProviderName),
                required=False,
            ),
        )

    @classmethod
    def __decode__(cls, source: dict[str, Any], pointer: str) -> Self:
        _self = _new(cls)
        _rest: Iterable[str] = ()
        _source = source if len(source) >= 7 else cls.__schema__().fill(source)
        try:
            _value = _source["status"]
            if _value is None:
                _self.status = None
            elif _value.__class__ is int and _LOWEST <= _value <= _HIGHEST:
                _self.status = float(_value)
            elif _value.__class__ is float and _isfinite(_value):
                _self.status = _value
            elif _value is _MISSING:
                _self.status = None
            else:
                _rest = (*_rest, "status")
            _self.endpoint_id = _optional_texts[_source["endpoint_id"]]
            _self.id = _optional_texts[_source["id"]]
            _value = _source["is_byok"]
            if _value is True or _value is False:
                _self.is_byok = _value
            elif _value is _MISSING:
                _self.is_byok = None
            else:
                _rest = (*_rest, "is_byok")
            _value = _source["latency"]
            if _value.__class__ is int and _LOWEST <= _value <= _HIGHEST:
                _self.latency = float(_value)
            elif _value.__class__ is float and _isfinite(_value):
                _self.latency = _value
            elif _value is _MISSING:
                _self.latency = None
            else:
                _rest = (*_rest, "latency")
            _self.model_permaslug = _optional_texts[_source["model_permaslug"]]
            _value = _source["provider_name"]
            if _value is _MISSING:
                _self.provider_name = None
            else:
                _self.provider_name = ProviderName.__members__[_value]
        except (KeyError, TypeError):
            _rest = cls.__schema__().fields
        if _rest or len(source) != 7:
            _self._settle(source, _rest, pointer)
        return _self
