# Generated from openapi.yaml by `nox -s regenerate`; do not edit.
"""The operations of `generations`, as methods of a client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from modelgates_runtime import operation as _operation
from modelgates_runtime import resource as _resource

if TYPE_CHECKING:
    from ..models.generation_response import GenerationResponse


class GenerationsResource(_resource.Resource):
    """The operations of `generations`."""

    def get_generation(
        self, *, id: str, **options: Unpack[_operation.CallOptions]
    ) -> GenerationResponse:
        """Get request & usage metadata for a generation

        Args:
            id: The generation ID
            options: Options of this call: `timeout`, `max_retries`, `headers`, `validation`,
                `idempotency_key`; see `CallOptions`.

        Returns:
            The decoded body of the response.

        Source: openapi.yaml, operation `get-generation`.
        """
        from ..api.generations import get_generation as _module

        return self._client.send(_module.get_generation(id=id), **options)


class AsyncGenerationsResource(_resource.AsyncResource):
    """The operations of `generations`, for an async client."""

    async def get_generation(
        self, *, id: str, **options: Unpack[_operation.CallOptions]
    ) -> GenerationResponse:
        """Get request & usage metadata for a generation

        Args:
            id: The generation ID
            options: Options of this call: `timeout`, `max_retries`, `headers`, `validation`,
                `idempotency_key`; see `CallOptions`.

        Returns:
            The decoded body of the response.

        Source: openapi.yaml, operation `get-generation`.
        """
        from ..api.generations import get_generation as _module

        return await self._client.send(_module.get_generation(id=id), **options)
