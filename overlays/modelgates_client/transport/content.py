"""Decode a body's content encoding within a size limit (RFC 9110, section 8.4)."""

import zlib
from typing import Final

#: The `Accept-Encoding` header of requests.
ACCEPTED: Final = "gzip, deflate"

_MAX_LAYERS: Final = 3  # more layers of encoding are an attack
_MAX_MEMBERS: Final = 100  # so are more gzip members: each copies the remaining bytes
_GZIP: Final = 16 + zlib.MAX_WBITS
_ZLIB_METHOD: Final = 8  # in the low half of the first byte of a zlib stream (RFC 1950)


class ContentError(ValueError):
    """The body cannot be decoded."""


class TooLargeError(ContentError):
    """The decoded body is larger than the limit."""


def decode(body: bytes, encodings: str, limit: int) -> bytes:
    """Decode a body whose content encodings were applied in the given order.

    Memory use stays within the limit, whatever the body contains.

    Raises:
        TooLargeError: The decoded body is larger than `limit` bytes.
        ContentError: The body is not in the declared encoding, is truncated, or uses an encoding
            that was not accepted.
    """
    names = [name for part in encodings.lower().split(",") if (name := part.strip())]
    layers = [name for name in names if name != "identity"]
    if len(layers) > _MAX_LAYERS:
        raise ContentError(f"the body is encoded {len(layers)} times")
    for name in reversed(layers):
        if name in {"gzip", "x-gzip"}:
            body = _inflate(body, _GZIP, limit, members=True)
        elif name == "deflate":
            wrapped = (
                len(body) > 1 and body[0] & 15 == _ZLIB_METHOD and not int.from_bytes(body[:2]) % 31
            )
            body = _inflate(body, zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS, limit)
        else:
            raise ContentError(f"content encoding {name!r} was not asked for")
    if len(body) > limit:
        raise TooLargeError(f"the body is larger than {limit} bytes")
    return body


def _inflate(body: bytes, window: int, limit: int, *, members: bool = False) -> bytes:
    # `members`: a gzip body may have several members in sequence (RFC 1952, section 2.2).
    decoded = b""
    rest = body
    for _ in range(_MAX_MEMBERS):
        stream = zlib.decompressobj(window)
        try:
            decoded += stream.decompress(rest, limit + 1 - len(decoded))
        except zlib.error as error:
            raise ContentError(f"the compressed body is broken: {error}") from None
        if len(decoded) > limit:
            raise TooLargeError(f"decompressed, the body is larger than {limit} bytes")
        if not stream.eof:
            raise ContentError("the compressed body is cut off")
        rest = stream.unused_data.lstrip(b"\0") if members else stream.unused_data
        if not rest:
            return decoded
        if not members:
            raise ContentError("there is data after the compressed body")
    raise ContentError(f"the compressed body has more than {_MAX_MEMBERS} parts")
