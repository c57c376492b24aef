# Generated from openapi.yaml by `nox -s regenerate`; do not edit.
"""GET /generation"""

from __future__ import annotations

from typing import Unpack

from modelgates_runtime import decoders as _decoders
from modelgates_runtime import operation as _operation
from modelgates_runtime.requests import Parameter as _Parameter

from ...models.error_response import ErrorResponse
from ...models.generation_response import GenerationResponse

OPERATION: _operation.Operation[GenerationResponse] = _operation.Operation(
    id="get-generation",
    method="GET",
    path="/generation",
    responses={
        "200": _operation.Content(_decoders.Object(GenerationResponse)),
        "401": _operation.Content(_decoders.Object(ErrorResponse)),
        "402": _operation.Content(_decoders.Object(ErrorResponse)),
        "404": _operation.Content(_decoders.Object(ErrorResponse)),
        "429": _operation.Content(_decoders.Object(ErrorResponse)),
        "500": _operation.Content(_decoders.Object(ErrorResponse)),
        "502": _operation.Content(_decoders.Object(ErrorResponse)),
    },
    parameters=(_Parameter("id", "id", "query", required=True),),
)

#: The decoded body of any documented status.
_Answer = ErrorResponse | GenerationResponse


def get_generation(*, id: str) -> _operation.Call[GenerationResponse]:
    """Get request & usage metadata for a generation

    Args:
        id: The generation ID

    Returns:
        The call, to be sent by a client.

    Source: openapi.yaml, operation `get-generation`.
    """
    return OPERATION.call({"id": id})


def sync(
    *, client: _operation.Sender, id: str, **options: Unpack[_operation.CallOptions]
) -> GenerationResponse:
    """Send the call of `get_generation` through a sync client."""
    return client.send(get_generation(id=id), **options)


async def asyncio(
    *, client: _operation.AsyncSender, id: str, **options: Unpack[_operation.CallOptions]
) -> GenerationResponse:
    """Send the call of `get_generation` through an async client."""
    return await client.send(get_generation(id=id), **options)
