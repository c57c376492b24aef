# Generated from openapi.yaml by `nox -s regenerate`; do not edit.
"""The errors of the generated code, under the root that the whole client shares."""

from modelgates_runtime.errors import (
    ClientClosedError,
    FieldError,
    InvalidBodyError,
    ModelGatesError,
    ResponseError,
    UnexpectedStatusError,
)

__all__ = [
    "ClientClosedError",
    "FieldError",
    "InvalidBodyError",
    "ModelGatesError",
    "ResponseError",
    "UnexpectedStatusError",
]
