# Generated from openapi.yaml by `nox -s regenerate`; do not edit.
"""The models of the spec: one module each, imported on first use (PEP 562)."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .api_type import ApiType
    from .error_detail import ErrorDetail
    from .error_detail_metadata_type_0 import ErrorDetailMetadataType0
    from .error_response import ErrorResponse
    from .error_response_modelgates_metadata_type_0 import ErrorResponseModelgatesMetadataType0
    from .generation import Generation
    from .generation_response import GenerationResponse
    from .provider_name import ProviderName
    from .provider_response import ProviderResponse

_MODULES: dict[str, str] = {
    "ApiType": ".api_type",
    "ErrorDetail": ".error_detail",
    "ErrorDetailMetadataType0": ".error_detail_metadata_type_0",
    "ErrorResponse": ".error_response",
    "ErrorResponseModelgatesMetadataType0": ".error_response_modelgates_metadata_type_0",
    "Generation": ".generation",
    "GenerationResponse": ".generation_response",
    "ProviderName": ".provider_name",
    "ProviderResponse": ".provider_response",
}

__all__ = (
    "ApiType",
    "ErrorDetail",
    "ErrorDetailMetadataType0",
    "ErrorResponse",
    "ErrorResponseModelgatesMetadataType0",
    "Generation",
    "GenerationResponse",
    "ProviderName",
    "ProviderResponse",
)

if not TYPE_CHECKING:  # type checkers would accept any name

    def __getattr__(name):
        module = _MODULES.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = globals()[name] = getattr(import_module(module, __name__), name)
        return value

    def __dir__():
        return sorted(__all__)
