# Generated from openapi.yaml by `nox -s regenerate`; do not edit.
"""Contains all the data models used in inputs/outputs"""

from .api_type import ApiType
from .error_detail import ErrorDetail
from .error_detail_metadata_type_0 import ErrorDetailMetadataType0
from .error_response import ErrorResponse
from .error_response_modelgates_metadata_type_0 import ErrorResponseModelgatesMetadataType0
from .generation import Generation
from .generation_response import GenerationResponse
from .provider_name import ProviderName
from .provider_response import ProviderResponse

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
