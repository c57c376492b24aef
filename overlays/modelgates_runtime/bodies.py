"""Decode a response's body by the spec's schema for its status."""

from typing import Any

from modelgates_runtime.decoder import Decoder
from modelgates_runtime.drift import json_type
from modelgates_runtime.errors import InvalidBodyError
from modelgates_runtime.parsing import parse_json
from modelgates_runtime.scalars import MISMATCH


def decode_json(decoder: Decoder, status_code: int, content: bytes) -> Any:
    """Decode a JSON body.

    Raises:
        InvalidBodyError: It is not JSON, or not of the JSON type that the spec declares.
    """
    try:
        value = parse_json(content)
    except ValueError as error:
        raise InvalidBodyError(
            status_code, f"it cannot be read as JSON: {error}", content
        ) from None
    return _decode(decoder, status_code, content, value)


def decode_text(decoder: Decoder, status_code: int, content: bytes) -> Any:
    """Decode a text body (UTF-8; invalid bytes are replaced).

    Raises:
        InvalidBodyError: The spec declares a format, and the text does not have it.
    """
    return _decode(decoder, status_code, content, content.decode("utf-8", "replace"))


def decode_bytes(decoder: Decoder, status_code: int, content: bytes) -> Any:
    """Decode a binary body.

    Raises:
        InvalidBodyError: The spec declares a type that is not binary.
    """
    return _decode(decoder, status_code, content, content)


def _decode(decoder: Decoder, status_code: int, content: bytes, value: Any) -> Any:
    try:
        decoded = decoder(value, "")
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, ValueError) else "it is nested too deeply"
        raise InvalidBodyError(status_code, reason, content) from None
    if decoded is MISMATCH:
        reason = f"expected {decoder.expected}, found {json_type(value)}"
        raise InvalidBodyError(status_code, reason, content)
    return decoded
