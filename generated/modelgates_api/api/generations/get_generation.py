# Generated from openapi.yaml by `nox -s regenerate`; do not edit.
"""GET /generation"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgates_runtime import bodies as _bodies
from modelgates_runtime import decoders as _decoders
from modelgates_runtime import encoding as _encoding
from modelgates_runtime import errors as _errors
from modelgates_runtime import types as _types

from ...models.error_response import ErrorResponse
from ...models.generation_response import GenerationResponse

if TYPE_CHECKING:
    from ... import client as _client


def build_request(
    *,
    id: str,
) -> dict[str, Any]:
    """Return the request, as keyword arguments of `httpx.Client.request`.

    What is None is not sent.
    """
    _headers: dict[str, str] = {}
    _request: dict[str, Any] = {
        "method": "GET",
        "url": "/generation",
        "headers": _headers,
    }
    _request["params"] = _encoding.query(
        {
            "id": id,
        }
    )
    return _request


def parse_response(status_code: int, content: bytes) -> ErrorResponse | GenerationResponse:
    """Return what a response says: the schema that the spec gives for its status.

    Raises:
        InvalidBodyError: The body is not what the spec says for this status.
        UnexpectedStatusError: The spec does not document this status.
    """
    if status_code == 200:
        parsed_200: GenerationResponse = _bodies.decode_json(
            _decoders.Object(GenerationResponse), status_code, content
        )
        return parsed_200
    if status_code == 401:
        parsed_401: ErrorResponse = _bodies.decode_json(
            _decoders.Object(ErrorResponse), status_code, content
        )
        return parsed_401
    if status_code == 402:
        parsed_402: ErrorResponse = _bodies.decode_json(
            _decoders.Object(ErrorResponse), status_code, content
        )
        return parsed_402
    if status_code == 404:
        parsed_404: ErrorResponse = _bodies.decode_json(
            _decoders.Object(ErrorResponse), status_code, content
        )
        return parsed_404
    if status_code == 429:
        parsed_429: ErrorResponse = _bodies.decode_json(
            _decoders.Object(ErrorResponse), status_code, content
        )
        return parsed_429
    if status_code == 500:
        parsed_500: ErrorResponse = _bodies.decode_json(
            _decoders.Object(ErrorResponse), status_code, content
        )
        return parsed_500
    if status_code == 502:
        parsed_502: ErrorResponse = _bodies.decode_json(
            _decoders.Object(ErrorResponse), status_code, content
        )
        return parsed_502
    raise _errors.UnexpectedStatusError(
        status_code, "the spec does not document this status", content
    )


def sync_detailed(
    *,
    client: _client.Client,
    id: str,
) -> _types.Response[ErrorResponse | GenerationResponse]:
    """Get request & usage metadata for a generation

    Args:
        id: The spec says nothing of it.

    Returns:
        The whole answer.

    Raises:
        InvalidBodyError: The body is not what the spec says for this status.
        UnexpectedStatusError: The spec does not document this status.
        httpx.HTTPError: There was no answer.
    """
    return client.send(
        build_request(
            id=id,
        ),
        parse_response,
    )


def sync(
    *,
    client: _client.Client,
    id: str,
) -> ErrorResponse | GenerationResponse:
    """Get request & usage metadata for a generation

    Args:
        id: The spec says nothing of it.

    Returns:
        What the body says.

    Raises:
        InvalidBodyError: The body is not what the spec says for this status.
        UnexpectedStatusError: The spec does not document this status.
        httpx.HTTPError: There was no answer.
    """
    return sync_detailed(
        client=client,
        id=id,
    ).parsed


async def asyncio_detailed(
    *,
    client: _client.Client,
    id: str,
) -> _types.Response[ErrorResponse | GenerationResponse]:
    """Get request & usage metadata for a generation

    Args:
        id: The spec says nothing of it.

    Returns:
        The whole answer.

    Raises:
        InvalidBodyError: The body is not what the spec says for this status.
        UnexpectedStatusError: The spec does not document this status.
        httpx.HTTPError: There was no answer.
    """
    return await client.asend(
        build_request(
            id=id,
        ),
        parse_response,
    )


async def asyncio(
    *,
    client: _client.Client,
    id: str,
) -> ErrorResponse | GenerationResponse:
    """Get request & usage metadata for a generation

    Args:
        id: The spec says nothing of it.

    Returns:
        What the body says.

    Raises:
        InvalidBodyError: The body is not what the spec says for this status.
        UnexpectedStatusError: The spec does not document this status.
        httpx.HTTPError: There was no answer.
    """
    return (
        await asyncio_detailed(
            client=client,
            id=id,
        )
    ).parsed
