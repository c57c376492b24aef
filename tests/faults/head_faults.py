"""Faults of the status line and the headers (RFC 9112, sections 2 to 5)."""

from functools import partial

from modelgates_client import APIConnectionError, APITimeoutError

from .faults import CLOSE, STALL, VALUE, Endless, Fault, play
from .wire import GOOD, body, response

_head = partial(Fault, "head")

_BODY = body()
_NO_RESPONSE = (APIConnectionError,)
_MAYBE = (VALUE, APIConnectionError)  # the RFC lets a client repair it, or refuse


def _line(first: bytes) -> bytes:
    return GOOD.replace(b"HTTP/1.1 200 OK", first, 1)


def _with(*lines: str | bytes) -> bytes:
    return response(_BODY, "200 OK", *lines)


FAULTS = (
    _head("garbage", play(b"\x00\xff\x13 what is this\r\n\r\n", CLOSE), _NO_RESPONSE),
    _head(
        "garbage-without-end",
        play(b"garbage " * 9000, STALL),
        (*_NO_RESPONSE, APITimeoutError),
        timeout_s=0.3,
    ),
    _head("http-0.9", play(_BODY, CLOSE), _NO_RESPONSE),
    _head("http-0.9-page", play(b"<html>hello</html>\r\n", CLOSE), _NO_RESPONSE),
    _head("http-1.0-closing", play(_line(b"HTTP/1.0 200 OK"), CLOSE), (VALUE,), 1),
    _head("http-1.0-open", play(_line(b"HTTP/1.0 200 OK"), STALL), (VALUE,), 1),
    _head("http-2-settings", play(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00", STALL), _NO_RESPONSE),
    _head("http-2-preface", play(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", CLOSE), _NO_RESPONSE),
    _head("http-3-version", play(_line(b"HTTP/3.0 200 OK"), CLOSE), _MAYBE),
    _head("version-missing", play(_line(b"200 OK"), CLOSE), _NO_RESPONSE),
    _head("version-lower-case", play(_line(b"http/1.1 200 OK")), _MAYBE),
    _head("other-protocol", play(b"SSH-2.0-OpenSSH_9.6\r\n", CLOSE), _NO_RESPONSE),
    _head("reason-missing", play(_line(b"HTTP/1.1 200")), (VALUE,), 1),
    _head("reason-not-ascii", play(_line("HTTP/1.1 200 Ça va ✓".encode())), _MAYBE),
    _head("reason-with-nul", play(_line(b"HTTP/1.1 200 O\x00K")), _MAYBE),
    _head("spaces-doubled", play(_line(b"HTTP/1.1  200  OK")), _MAYBE),
    _head("empty-lines-first", play(b"\r\n\r\n" + GOOD), _MAYBE),
    _head("bare-line-feeds", play(GOOD.replace(b"\r\n", b"\n")), _MAYBE),
    _head("header-without-colon", play(_with("this is no header")), _NO_RESPONSE),
    _head("header-without-name", play(_with(": nobody")), _NO_RESPONSE),
    _head("header-name-with-space", play(_with("Bad Name: x")), _NO_RESPONSE),
    _head("header-space-before-colon", play(_with("X-Bad : x")), _MAYBE),
    _head("header-name-control", play(_with(b"X-\x01: x")), _NO_RESPONSE),
    _head("header-value-nul", play(_with(b"X-Nul: a\x00b")), _MAYBE),
    _head("header-value-not-latin", play(_with("X-Text: ✓ żółw".encode())), _MAYBE),
    _head("header-value-bytes", play(_with(b"X-Bytes: \xff\xfe\x80")), _MAYBE),
    _head("header-folded", play(_with("X-Folded: a\r\n b\r\n\tc")), _MAYBE),
    _head("header-empty-value", play(_with("X-Empty:")), (VALUE,), 1),
    _head("header-giant", play(_with("X-Giant: " + "g" * 300_000), CLOSE), _MAYBE),
    _head("headers-many", play(_with(*(f"X-{n}: v" for n in range(20_000))), CLOSE), _MAYBE),
    _head(
        "headers-endless",
        play(b"HTTP/1.1 200 OK\r\n", Endless(b"X-More: y\r\n" * 99)),
        (*_NO_RESPONSE, APITimeoutError),
    ),
    _head(
        "header-line-endless",
        play(b"HTTP/1.1 200 OK\r\nX: ", Endless(b"y" * 999)),
        (*_NO_RESPONSE, APITimeoutError),
    ),
    _head(
        "headers-endless-drip",
        play(b"HTTP/1.1 200 OK\r\n", Endless(b"X: y\r\n", 0.02)),
        (APITimeoutError,),
        timeout_s=0.3,
    ),
)
