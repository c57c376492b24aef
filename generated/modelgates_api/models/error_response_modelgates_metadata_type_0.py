# Generated from openapi.yaml by `nox -s regenerate`; do not edit.
from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from typing import TYPE_CHECKING, Any, Self

from attrs import define as _define
from modelgates_runtime import decoders as _decoders
from modelgates_runtime import model as _model
from modelgates_runtime import schema as _schema

_new = object.__new__


@_define(kw_only=True, eq=False, repr=False, getstate_setstate=False, weakref_slot=False)
class ErrorResponseModelgatesMetadataType0(_model.Model):
    """ErrorResponseModelgatesMetadataType0"""

    if TYPE_CHECKING:

        @property
        def additional_properties(self) -> MutableMapping[str, Any]: ...

    @classmethod
    def __fields__(cls) -> _schema.Schema:
        return _schema.Schema(extra=_decoders.ANYTHING)

    @classmethod
    def __decode__(cls, source: dict[str, Any], pointer: str) -> Self:
        _self = _new(cls)
        _rest: Iterable[str] = ()
        if _rest or len(source) != 0:
            _self._settle(source, _rest, pointer)
        return _self
