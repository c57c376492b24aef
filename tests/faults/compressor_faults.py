"""Faults of compressors, and unbounded bodies."""

import gzip
import zlib
from collections.abc import Callable
from functools import cache, partial

from modelgates_client import (
    APIConnectionError,
    APITimeoutError,
    InternalServerError,
    NotFoundError,
    ResponseValidationError,
)

from .faults import CLOSE, STALL, VALUE, Endless, Fault, Step, play
from .servers import Peer, Request
from .wire import CHUNKED, body, chunked, error_body, head, response

_fault = partial(Fault, "compressor")
_size = partial(Fault, "size", options={"max_response_bytes": 65_536})

_BODY = body()
_ZIPPED = gzip.compress(_BODY, mtime=0)
_NO_RECORD = (ResponseValidationError,)
_BROKEN = (ResponseValidationError, APIConnectionError)  # damaged in transit, or encoded wrongly
_MAYBE = (VALUE, ResponseValidationError)
_ENDLESS = (ResponseValidationError, APIConnectionError, APITimeoutError)


def _labelled(content: bytes, label: str = "gzip", status: str = "200 OK") -> bytes:
    return response(content, status, f"Content-Encoding: {label}")


def _raw_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(content) + packer.flush()


def _with_name(content: bytes) -> bytes:
    """Give gzip's header an extra field, a name and a comment (RFC 1952)."""
    return (
        content[:3]
        + b"\x1c"
        + content[4:10]
        + b"\x02\x00ab"
        + b"name\x00"
        + b"note\x00"
        + content[10:]
    )


@cache
def bomb(size: int = 64 << 20) -> bytes:
    """Return gzip that decompresses to a thousand times its size: one JSON string of spaces."""
    packer = zlib.compressobj(9, wbits=31)
    parts = [packer.compress(b'{"data": "')]
    parts += [packer.compress(b" " * (1 << 20)) for _ in range(size >> 20)]
    return b"".join((*parts, packer.compress(b'"}'), packer.flush()))


def _bomb(status: str = "200 OK", label: str = "gzip") -> Callable[[Request, Peer], bytes]:
    return lambda *_: _labelled(bomb(), label, status)


def _flipped(at: int) -> bytes:
    return _ZIPPED[:at] + bytes([_ZIPPED[at] ^ 0xFF]) + _ZIPPED[at:][1:]


def _padded(size: int) -> bytes:
    """Return the body of a record, padded to a size."""
    return _BODY + b" " * (size - len(_BODY))


def _unsized(*steps: Step) -> tuple[Step, ...]:
    return (head("200 OK", "Connection: close"), *steps)


COMPRESSOR = (
    _fault("gzip", play(_labelled(_ZIPPED)), (VALUE,), 1),
    _fault("gzip-upper-case", play(_labelled(_ZIPPED, "GZIP")), (VALUE,), 1),
    _fault("gzip-x", play(_labelled(_ZIPPED, "x-gzip")), _MAYBE),
    _fault("gzip-with-name", play(_labelled(_with_name(_ZIPPED))), (VALUE,), 1),
    _fault(
        "gzip-of-two-members",
        play(_labelled(gzip.compress(_BODY[:99]) + gzip.compress(_BODY[99:]))),
        _MAYBE,
    ),
    _fault(
        "gzip-in-tiny-chunks",
        play(head("200 OK", CHUNKED, "Content-Encoding: gzip") + chunked(_ZIPPED, 1)),
        (VALUE,),
        1,
    ),
    _fault("gzip-of-nothing", play(_labelled(gzip.compress(b""))), _NO_RECORD),
    _fault("gzip-empty", play(_labelled(b"")), _NO_RECORD),
    _fault("gzip-truncated", play(_labelled(_ZIPPED[:-40])), _BROKEN),
    _fault("gzip-without-trailer", play(_labelled(_ZIPPED[:-8])), (VALUE, *_BROKEN)),
    _fault("gzip-truncated-at-half", play(_labelled(_ZIPPED[: len(_ZIPPED) // 2])), _BROKEN),
    _fault("gzip-head-only", play(_labelled(_ZIPPED[:10])), _BROKEN),
    _fault("gzip-wrong-checksum", play(_labelled(_flipped(len(_ZIPPED) - 8))), _BROKEN),
    _fault("gzip-wrong-length", play(_labelled(_flipped(len(_ZIPPED) - 4))), _BROKEN),
    _fault("gzip-corrupt", play(_labelled(_flipped(60))), _BROKEN),
    _fault("gzip-wrong-magic", play(_labelled(b"\x1f\x8c" + _ZIPPED[2:])), _BROKEN),
    _fault("gzip-then-garbage", play(_labelled(_ZIPPED + b"garbage")), (VALUE, *_BROKEN)),
    _fault("gzip-then-plain-record", play(_labelled(_ZIPPED + _BODY)), (VALUE, *_BROKEN)),
    _fault("gzip-twice-said-once", play(_labelled(gzip.compress(_ZIPPED))), _NO_RECORD),
    _fault("gzip-twice-said-twice", play(_labelled(gzip.compress(_ZIPPED), "gzip, gzip")), _MAYBE),
    _fault("gzip-five-times", play(_labelled(_ZIPPED, "gzip, gzip, gzip, gzip, gzip")), _BROKEN),
    _fault("gzip-said-of-plain-text", play(_labelled(_BODY)), (VALUE, *_BROKEN)),
    _fault("gzip-not-said", play(response(_ZIPPED)), _NO_RECORD),
    _fault("gzip-said-as-deflate", play(_labelled(_ZIPPED, "deflate")), (VALUE, *_BROKEN)),
    _fault("deflate", play(_labelled(zlib.compress(_BODY), "deflate")), (VALUE,), 1),
    _fault("deflate-raw", play(_labelled(_raw_deflate(_BODY), "deflate")), (VALUE, *_BROKEN)),
    _fault("deflate-truncated", play(_labelled(zlib.compress(_BODY)[:-40], "deflate")), _BROKEN),
    _fault(
        "deflate-wrong-checksum",
        play(_labelled(zlib.compress(_BODY)[:-1] + b"\x00", "deflate")),
        _BROKEN,
    ),
    _fault(
        "deflate-with-dictionary",
        play(_labelled(b"\x78\xbb\x00\x00\x00\x00abc", "deflate")),
        _BROKEN,
    ),
    _fault("brotli-unasked", play(_labelled(b"\x0b\x02\x80hello\x03", "br")), _BROKEN),
    _fault(
        "zstd-unasked", play(_labelled(b"\x28\xb5\x2f\xfd\x00\x58\x00\x00\x00", "zstd")), _BROKEN
    ),
    _fault("unknown-encoding", play(_labelled(b"\x01\x02\x03", "frob")), _BROKEN),
    _fault("unknown-encoding-of-plain-text", play(_labelled(_BODY, "frob")), (VALUE, *_BROKEN)),
    _fault("identity", play(_labelled(_BODY, "identity")), (VALUE,), 1),
    _fault("encoding-empty", play(_labelled(_BODY, "")), (VALUE,), 1),
    _fault("encodings-1000", play(_labelled(_ZIPPED, ", ".join(["gzip"] * 1000))), _BROKEN),
    _fault(
        "error-gzip",
        play(_labelled(gzip.compress(error_body("zipped", 404)), status="404 Not Found")),
        (NotFoundError,),
        1,
        error_attributes={"message": "zipped"},
    ),
    _fault(
        "error-gzip-truncated",
        play(_labelled(_ZIPPED[:-40], status="404 Not Found")),
        (NotFoundError, APIConnectionError),
    ),
    _fault(
        "error-gzip-said-of-plain-text",
        play(_labelled(error_body(), status="500 Oh")),
        (InternalServerError, APIConnectionError),
    ),
)

SIZE = (
    _size("gzip-bomb", play(_bomb()), _NO_RECORD, options={}),
    _size(
        "gzip-bomb-twice",
        play(lambda *_: _labelled(gzip.compress(bomb()), "gzip, gzip")),
        _NO_RECORD,
        options={},
    ),
    _size(
        "gzip-bomb-in-error",
        play(_bomb("500 Oh")),
        (InternalServerError, ResponseValidationError, APIConnectionError),
    ),
    _size(
        "gzip-bomb-as-deflate",
        play(lambda *_: _labelled(zlib.compress(b" " * (8 << 20)), "deflate")),
        _NO_RECORD,
    ),
    _size("gzip-endless", play(*_unsized(), Endless(gzip.compress(b" " * 65_000))), _ENDLESS),
    _size("endless", play(*_unsized(b'{"data": "', Endless(b"x" * 16_384))), _ENDLESS),
    _size("endless-white-space", play(*_unsized(Endless(b" " * 16_384))), _ENDLESS),
    _size(
        "endless-chunks",
        play(head("200 OK", CHUNKED), Endless(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")),
        _ENDLESS,
    ),
    _size(
        "endless-tiny-chunks",
        play(head("200 OK", CHUNKED), Endless(b"1\r\nx\r\n" * 500)),
        _ENDLESS,
        options={"max_response_bytes": 4096},  # as many as one wants: each chunk is a slow step
    ),
    _size(
        "endless-in-error",
        play(head("500 Oh", "Connection: close"), Endless(b"x" * 16_384)),
        (InternalServerError, *_ENDLESS),
    ),
    _size("over-limit-said", play(response(_padded(65_537))), _NO_RECORD),
    _size("over-limit-unsaid", play(*_unsized(_padded(65_537), CLOSE)), _NO_RECORD),
    _size(
        "over-limit-chunked",
        play(head("200 OK", CHUNKED) + chunked(_padded(70_000), 999)),
        _NO_RECORD,
    ),
    _size(
        "over-limit-said-never-sent",
        play(head("200 OK", "Content-Length: 999999999999"), STALL),
        (ResponseValidationError, APITimeoutError),
        timeout_s=0.3,
    ),
    _size("at-limit", play(response(_padded(65_536))), (VALUE,), 1),
    _size("at-limit-gzip", play(_labelled(gzip.compress(_padded(65_536)))), (VALUE,), 1),
    _size("over-limit-by-one-gzip", play(_labelled(gzip.compress(_padded(65_537)))), _NO_RECORD),
)
