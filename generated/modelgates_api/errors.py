# Generated from openapi.yaml by `nox -s regenerate`; do not edit.
"""The errors of the generated code, and the root of the client's errors."""

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
