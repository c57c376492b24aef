"""Faults that send the key back: wherever a server repeats it, it must not be shown."""

import gzip
import html
import json
from collections.abc import Callable
from functools import partial
from urllib.parse import quote

from modelgates_client import (
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    BadGatewayError,
    EndpointNotFoundError,
    NotFoundError,
    ResponseValidationError,
)

from .faults import CLOSE, VALUE, Fault, play
from .wire import CHUNKED, KEY, body, error_body, head, page, record, response

_fault = partial(Fault, "echo")

_UNAUTHORIZED = (AuthenticationError,)
_NO_RECORD = (ResponseValidationError,)
_NO_RESPONSE = (APIConnectionError,)
_MESSAGE = f"bad key: Bearer {KEY}"


def _refusing(content: bytes, *lines: str, kind: str = "application/json") -> bytes:
    return response(content, "401 Unauthorized", *lines, kind=kind)


def _escaped(text: str) -> str:
    return "".join(f"\\u{ord(char):04x}" for char in text)


def _body(name: str, content: bytes, **more: object) -> Fault:
    return _fault(f"echo-{name}", play(_refusing(content)), _UNAUTHORIZED, **more)


def _header(name: str, line: str) -> Fault:
    return _fault(f"echo-{name}", play(_refusing(error_body("no", 401), line)), _UNAUTHORIZED)


def _straddling(encode: Callable[[str], str] = str) -> bytes:
    """Put a key across every position where a client may truncate the body."""
    keys = encode(KEY) + " "
    return (keys * (200_000 // len(keys))).encode()


FAULTS = (
    _body("message", error_body(_MESSAGE, 401)),
    _body("code", json.dumps({"error": {"code": KEY, "message": "no"}}).encode()),
    _body("metadata", error_body("no", 401, metadata={"headers": {"authorization": [KEY]}})),
    _body("metadata-key", error_body("no", 401, metadata={KEY: 1})),
    _body(
        "user-id", json.dumps({"error": {"code": 401, "message": "no"}, "user_id": KEY}).encode()
    ),
    _body("undeclared", json.dumps({"error": {"code": 401, "message": "no"}, KEY: KEY}).encode()),
    _body("plain", _MESSAGE.encode()),
    _body("escaped", f'{{"error": {{"code": 401, "message": "{_escaped(KEY)}"}}}}'.encode()),
    _body(
        "escaped-upper-case",
        f'{{"error": "{_escaped(KEY).upper()}"}}'.replace("\\U", "\\u").encode(),
    ),
    _body(
        "escaped-in-metadata",
        b'{"error": {"code": 401, "message": "m", "metadata": {"k": "%s"}}}'
        % _escaped(KEY).encode(),
    ),
    _body("escaped-partly", f'{{"error": "{KEY[:9]}{_escaped(KEY[9])}{KEY[10:]}"}}'.encode()),
    _body(
        "escaped-slash", json.dumps({"error": {"message": _MESSAGE}}).replace("/", r"\/").encode()
    ),
    _body(
        "escaped-twice",
        json.dumps({"error": json.dumps({"m": _MESSAGE}).replace("/", r"\/")}).encode(),
    ),
    _body("url-encoded", f"/login?key={quote(KEY, safe='')}".encode()),
    _body("bytes-list", b"\xff" + KEY.encode() + b"\xfe"),
    _body("many", (KEY * 50).encode()),
    _body("at-every-cut", _straddling()),
    _body("at-every-cut-escaped", b'{"error": "' + _straddling(_escaped) + b'"}'),
    _body("utf-16", _MESSAGE.encode("utf-16")),
    _fault("echo-page", play(page(html.escape(_MESSAGE), "401 No")), _UNAUTHORIZED),
    _fault(
        "echo-page-entities",
        play(page("".join(f"&#{ord(char)};" for char in KEY), "401 No")),
        _UNAUTHORIZED,
    ),
    _fault(
        "echo-gzip",
        play(_refusing(gzip.compress(error_body(_MESSAGE, 401)), "Content-Encoding: gzip")),
        _UNAUTHORIZED,
    ),
    _fault(
        "echo-chunks",
        play(
            head("401 No", CHUNKED)
            + b"".join(b"1\r\n%c\r\n" % byte for byte in _MESSAGE.encode())
            + b"0\r\n\r\n"
        ),
        _UNAUTHORIZED,
    ),
    _fault("echo-reason", play(response(b"", f"401 Not {KEY}")), _UNAUTHORIZED),
    _header("request-id", f"X-Request-Id: {KEY}"),
    _header("ray", f"CF-Ray: {KEY}"),
    _header("challenge", f'WWW-Authenticate: Bearer realm="{KEY}"'),
    _header("any-header", f"X-Echo-Authorization: Bearer {KEY}"),
    _header("header-name", f"X-{KEY.replace('/', '-')}: {KEY}"),
    _header("cookie", f"Set-Cookie: session={KEY}"),
    _header("retry-after", f"Retry-After: {KEY}"),
    _header("content-encoding", f"X-Content-Encoding: {KEY}"),
    _fault(
        "echo-unknown-encoding",
        play(response(b"x", "401 No", f"Content-Encoding: {KEY}")),
        (AuthenticationError, APIConnectionError),
    ),
    _fault(
        "echo-location",
        play(response(b"", "302 Found", f"Location: /?key={KEY}")),
        (APIStatusError,),
        1,
    ),
    _fault(
        "echo-location-encoded",
        play(response(b"", "302 Found", f"Location: /?key={quote(KEY, safe='')}")),
        (APIStatusError,),
        1,
    ),
    _fault("echo-status-line", play(f"HTTP/1.1 {KEY}\r\n\r\n".encode(), CLOSE), _NO_RESPONSE),
    _fault("echo-first-line", play(f"{_MESSAGE}\r\n\r\n".encode(), CLOSE), _NO_RESPONSE),
    _fault(
        "echo-bad-header", play(head("401 No", f"{_MESSAGE.replace(':', '')}"), CLOSE), _NO_RESPONSE
    ),
    _fault("echo-bad-length", play(head("401 No", f"Content-Length: {KEY}"), CLOSE), _NO_RESPONSE),
    _fault(
        "echo-bad-coding",
        play(head("401 No", f"Transfer-Encoding: {KEY}"), CLOSE),
        (APIConnectionError, AuthenticationError),
    ),
    _fault(
        "echo-bad-chunk",
        play(head("401 No", CHUNKED) + f"{KEY}\r\n".encode(), CLOSE),
        (APIConnectionError, AuthenticationError),
    ),
    _fault(
        "echo-502-page-truncated",
        play(head("502 Bad", "Content-Length: 9999") + _MESSAGE.encode(), CLOSE),
        (BadGatewayError, APIConnectionError),
    ),
    _fault("echo-request-back", play(lambda request, _: request.head, CLOSE), _NO_RESPONSE),
    _fault(
        "echo-request-as-page",
        play(lambda request, _: response(request.head, "404 No")),
        (EndpointNotFoundError,),
        1,
    ),
    _fault("echo-in-200", play(response(_MESSAGE.encode())), _NO_RECORD),
    _fault("echo-in-200-error", play(response(error_body(_MESSAGE, 404))), (NotFoundError,), 1),
    _fault("echo-in-200-json", play(response(b'{"data": {"id": "%s"' % KEY.encode())), _NO_RECORD),
    _fault("echo-as-id", play(response(body(KEY))), _NO_RECORD),
    _fault("echo-as-enum", play(response(body(api_type=KEY))), (VALUE,)),
    _fault("echo-as-field", play(response(body(**{KEY: 1}))), (VALUE,)),
    _fault(
        "echo-as-enum-strict",
        play(response(body(api_type=KEY))),
        _NO_RECORD,
        options={"validation": "strict"},
    ),
    _fault(
        "echo-as-field-strict",
        play(response(body(**{KEY: record()}))),
        _NO_RECORD,
        options={"validation": "strict"},
    ),
    _fault(
        "echo-with-late-end",
        play(head("401 No", "Content-Length: 9999") + _MESSAGE.encode(), 2.0),
        (APIConnectionError, AuthenticationError, *_NO_RESPONSE),
        timeout_s=0.3,
    ),
)
