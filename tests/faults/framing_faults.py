"""Faults of the framing of a body: lengths and chunks (RFC 9112, sections 6 and 7)."""

from functools import partial

from modelgates_client import APIConnectionError, APITimeoutError, ResponseValidationError

from .faults import CLOSE, STALL, VALUE, Endless, Fault, play
from .wire import CHUNKED, body, chunked, head, response

_framing = partial(Fault, "framing")

_BODY = body()
_SENT = len(_BODY)
_NO_RESPONSE = (APIConnectionError,)
_MAYBE = (VALUE, APIConnectionError)  # the RFC lets a client repair it, or refuse


def _with(*lines: str | bytes) -> bytes:
    return response(_BODY, "200 OK", *lines)


def _sized(*lines: str) -> bytes:
    return head("200 OK", *lines) + _BODY


def _chunks(data: bytes) -> bytes:
    return head("200 OK", CHUNKED) + data


_FIRST, _REST = b"%x\r\n%s\r\n" % (40, _BODY[:40]), chunked(_BODY[40:])

FAULTS = (
    _framing("length-twice-same", play(_with(f"Content-Length: {_SENT}")), _MAYBE),
    _framing("length-list-same", play(_sized(f"Content-Length: {_SENT}, {_SENT}")), _MAYBE),
    _framing("length-twice-other", play(_with("Content-Length: 7"), CLOSE), _NO_RESPONSE),
    _framing("length-negative", play(_sized("Content-Length: -5"), CLOSE), _NO_RESPONSE),
    _framing("length-no-number", play(_sized("Content-Length: many"), CLOSE), _NO_RESPONSE),
    _framing("length-empty", play(_sized("Content-Length: "), CLOSE), _MAYBE),
    _framing("length-with-plus", play(_sized(f"Content-Length: +{_SENT}"), CLOSE), _MAYBE),
    _framing(
        "length-hexadecimal", play(_sized(f"Content-Length: {_SENT:#x}"), CLOSE), _NO_RESPONSE
    ),
    _framing("length-arabic", play(_sized("Content-Length: ²³"), CLOSE), _NO_RESPONSE),
    _framing(
        "length-5000-digits",
        play(_sized("Content-Length: " + "9" * 5000), CLOSE),
        (*_NO_RESPONSE, ResponseValidationError),
    ),
    _framing(
        "length-too-small", play(_sized(f"Content-Length: {_SENT - 9}")), (ResponseValidationError,)
    ),
    _framing("length-zero", play(_sized("Content-Length: 0")), (ResponseValidationError,)),
    _framing(
        "length-too-large", play(_sized(f"Content-Length: {_SENT + 9}"), CLOSE), _NO_RESPONSE, 2
    ),
    _framing(
        "length-too-large-open",
        play(_sized(f"Content-Length: {_SENT + 9}"), STALL),
        (APITimeoutError,),
        timeout_s=0.3,
    ),
    _framing("length-missing", play(_sized(), CLOSE), (VALUE,), 1),
    _framing(
        "length-missing-truncated",
        play(head() + _BODY[:-30], CLOSE),
        (ResponseValidationError, APIConnectionError),
    ),
    _framing("length-missing-open", play(_sized(), STALL), (APITimeoutError,), timeout_s=0.3),
    _framing(
        "length-and-chunks",
        play(head("200 OK", "Content-Length: 9", CHUNKED) + chunked(_BODY), CLOSE),
        _MAYBE,
    ),
    _framing("length-and-chunks-plain", play(_with(CHUNKED), CLOSE), _NO_RESPONSE),
    _framing("chunked", play(_chunks(chunked(_BODY))), (VALUE,), 1),
    _framing("chunked-bytes", play(_chunks(chunked(_BODY, 1))), (VALUE,), 1),
    _framing(
        "chunked-upper-case",
        play(head("200 OK", "Transfer-Encoding: CHUNKED") + chunked(_BODY)),
        (VALUE,),
        1,
    ),
    _framing(
        "chunked-twice", play(head("200 OK", CHUNKED, CHUNKED) + chunked(_BODY), CLOSE), _MAYBE
    ),
    _framing("coding-identity", play(_with("Transfer-Encoding: identity"), CLOSE), _MAYBE),
    _framing("coding-unknown", play(_with("Transfer-Encoding: frob"), CLOSE), _MAYBE),
    _framing(
        "chunk-extension", play(_chunks(_FIRST.replace(b"\r", b";a=b\r", 1) + _REST)), (VALUE,), 1
    ),
    _framing(
        "chunk-extension-giant",
        play(_chunks(b"28;" + b"x" * 300_000 + _FIRST[2:] + _REST), CLOSE),
        _MAYBE,
    ),
    _framing("chunk-size-leading-zeros", play(_chunks(b"0000" + _FIRST + _REST)), _MAYBE),
    _framing("chunk-size-no-number", play(_chunks(b"zz\r\n" + _BODY), CLOSE), _NO_RESPONSE),
    _framing("chunk-size-negative", play(_chunks(b"-5\r\n" + _BODY), CLOSE), _NO_RESPONSE),
    _framing("chunk-size-prefix", play(_chunks(b"0x28" + _FIRST[2:] + _REST), CLOSE), _NO_RESPONSE),
    _framing(
        "chunk-size-huge",
        play(_chunks(b"f" * 16 + b"\r\n" + _BODY), CLOSE),
        (*_NO_RESPONSE, ResponseValidationError),
    ),
    _framing(
        "chunk-size-100-digits", play(_chunks(b"f" * 100 + b"\r\n" + _BODY), CLOSE), _NO_RESPONSE
    ),
    _framing("chunk-size-empty", play(_chunks(b"\r\n" + _BODY), CLOSE), _NO_RESPONSE),
    _framing(
        "chunk-too-long", play(_chunks(b"5\r\n" + _BODY + b"\r\n0\r\n\r\n"), CLOSE), _NO_RESPONSE
    ),
    _framing("chunk-truncated", play(_chunks(_FIRST[:20]), CLOSE), _NO_RESPONSE, 2),
    _framing("chunk-last-missing", play(_chunks(chunked(_BODY)[:-5]), CLOSE), _NO_RESPONSE, 2),
    _framing("chunk-end-missing", play(_chunks(chunked(_BODY)[:-2]), CLOSE), _NO_RESPONSE, 2),
    _framing("chunk-stall", play(_chunks(_FIRST), STALL), (APITimeoutError,), timeout_s=0.3),
    _framing(
        "chunks-endless-drip",
        play(_chunks(b""), Endless(b"1\r\n \r\n", 0.02)),
        (APITimeoutError,),
        timeout_s=0.3,
    ),
    _framing("trailers", play(_chunks(chunked(_BODY)[:-2] + b"X-Sum: 1\r\n\r\n")), (VALUE,), 1),
    _framing(
        "trailers-bad", play(_chunks(chunked(_BODY)[:-2] + b"no trailer\r\n\r\n"), CLOSE), _MAYBE
    ),
    _framing(
        "trailers-endless",
        play(_chunks(chunked(_BODY)[:-2]), Endless(b"X: y\r\n" * 99)),
        (*_MAYBE, APITimeoutError),
        timeout_s=0.3,
    ),
)
