"""Faults of the status: invalid numbers, informational responses, successes and redirects."""

from functools import partial

from modelgates_client import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    ResponseValidationError,
)

from .faults import CLOSE, STALL, VALUE, Endless, Fault, elsewhere, good, play
from .wire import CLOSE as CLOSING, GOOD, body, response

_status = partial(Fault, "status")

_BODY = body()
_NO_RESPONSE = (APIConnectionError,)
_MAYBE = (VALUE, APIConnectionError)  # the RFC allows a client to accept or reject it
_REFUSED = (APIConnectionError, APIStatusError)


def _line(first: bytes) -> bytes:
    return GOOD.replace(b"HTTP/1.1 200 OK", first, 1)


_INFORMED = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

FAULTS = (
    *(
        _status(
            f"status-{word or 'empty'}", play(_line(f"HTTP/1.1 {word} OK".encode()), CLOSE), allowed
        )
        for word, allowed in [
            ("0", _NO_RESPONSE),
            ("20", _NO_RESPONSE),
            ("099", _REFUSED),
            ("2000", _NO_RESPONSE),
            ("abc", _NO_RESPONSE),
            ("-200", _NO_RESPONSE),
            ("2e2", _NO_RESPONSE),
            ("", _NO_RESPONSE),
            ("600", _REFUSED),
            ("999", _REFUSED),
        ]
    ),
    _status(
        "status-other-digits",
        play(_line("HTTP/1.1 \N{FULLWIDTH DIGIT TWO}00 OK".encode()), CLOSE),
        _NO_RESPONSE,
    ),
    _status("100-then-answer", play(_CONTINUE, good), (VALUE,), 1),
    _status("100-many-then-answer", play(_CONTINUE * 20, good), (VALUE,), 1),
    _status("103-then-answer", play(_INFORMED, 0.05, good), (VALUE,), 1),
    _status("199-then-answer", play(b"HTTP/1.1 199 Misc\r\n\r\n", good), _MAYBE),
    _status("100-then-silence", play(_CONTINUE, STALL), (APITimeoutError,), timeout_s=0.3),
    _status("100-then-close", play(_CONTINUE, CLOSE), _NO_RESPONSE, 2),
    _status(
        "100-endless",
        play(Endless(_CONTINUE * 50)),
        (*_NO_RESPONSE, APITimeoutError),
        timeout_s=0.3,
    ),
    _status(
        "103-endless-drip",
        play(Endless(_INFORMED, 0.02)),
        (*_NO_RESPONSE, APITimeoutError),
        timeout_s=0.3,
    ),
    _status(
        "101-unasked",
        play(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n"
            b"Connection: Upgrade\r\n\r\nwhat now",
            STALL,
        ),
        _REFUSED,
    ),
    _status("204", play(b"HTTP/1.1 204 No Content\r\n\r\n"), (ResponseValidationError,)),
    _status("205", play(response(b"", "205 Reset Content")), (ResponseValidationError,)),
    *(
        _status(
            f"{code}-with-record",
            play(response(_BODY, f"{code} Whatever")),
            (VALUE, ResponseValidationError),
            1,
        )
        for code in (201, 202, 203, 206, 226, 299)
    ),
    *(
        _status(
            f"{code}-elsewhere",
            play(elsewhere(f"{code} Look There")),
            (APIStatusError,),
            1,
            error_attributes={"status_code": code},
        )
        for code in (300, 301, 302, 303, 305, 307, 308)
    ),
    _status("302-nowhere", play(response(b"", "302 Found")), (APIStatusError,), 1),
    _status(
        "302-itself", play(response(b"", "302 Found", "Location: ?id=x")), (APIStatusError,), 1
    ),
    _status(
        "302-with-record", play(response(_BODY, "302 Found", "Location: /")), (APIStatusError,), 1
    ),
    _status(
        "302-file",
        play(response(b"", "302 Found", "Location: file:///etc/passwd")),
        (APIStatusError,),
        1,
    ),
    _status("304-unasked", play(b"HTTP/1.1 304 Not Modified\r\n\r\n"), (APIStatusError,), 1),
    _status("200-closing", play(response(_BODY, "200 OK", CLOSING), CLOSE), (VALUE,), 1),
)
