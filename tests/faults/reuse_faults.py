"""Faults of reused connections: data and responses that belong to another request."""

from functools import partial

from modelgates_client import (
    APIConnectionError,
    APIStatusError,
    NotFoundError,
    ResponseValidationError,
)

from .faults import CLOSE, FINISH, RESET, STALL, VALUE, Fault, good, play, sequence
from .wire import (
    CHUNKED,
    CLOSE as CLOSING,
    GOOD,
    ID,
    NEXT_ID,
    OTHER_ID,
    WRONG_COST,
    body,
    chunked,
    error_body,
    head,
    response,
)

_fault = partial(Fault, "reuse", awaits_server=True)
_fresh = partial(_fault, allowed=(VALUE,), connections=2)
_own = partial(_fault, allowed=(VALUE,), connections=2)

_OTHER_RECORD = response(body(OTHER_ID))
#: The id of the next request with a wrong cost, which a check of ids cannot detect.
_FORGED = response(body(NEXT_ID, total_cost=WRONG_COST))
_SAME = response(body(ID, total_cost=WRONG_COST))
_BODY = body()
_LATER = 0.03  # seconds after the response, which the client has received by then
_NOT_FOUND = response(error_body("not here", 404), "404 Not Found")
_TIMED_OUT = response(b"", "408 Request Timeout", CLOSING)


FAULTS = (
    _fresh("extra-record-same-segment", sequence((GOOD + _OTHER_RECORD,))),
    _fresh("extra-record-later", sequence((good, _LATER, _OTHER_RECORD))),
    _fresh("extra-forged-same-segment", sequence((GOOD + _FORGED,))),
    _fresh("extra-forged-later", sequence((good, _LATER, _FORGED))),
    _fresh("extra-forged-twice", sequence((GOOD + _FORGED + _FORGED,))),
    _fresh("extra-forged-split", sequence((GOOD + _FORGED[:50], _LATER, _FORGED[50:]))),
    _fresh("extra-head-part", sequence((GOOD + _FORGED[:9],), (_FORGED[9:],))),
    _fresh("extra-head-part-later", sequence((good, _LATER, _FORGED[:9]), (_FORGED[9:],))),
    _fresh("extra-error-later", sequence((good, _LATER, _NOT_FOUND))),
    _fresh("extra-informational", sequence((good, _LATER, b"HTTP/1.1 103 Hm\r\n\r\n"), (good,))),
    _fresh("extra-408-then-close", sequence((good, _LATER, _TIMED_OUT, CLOSE))),
    _fresh("extra-408-left-open", sequence((good, _LATER, _TIMED_OUT, STALL))),
    _fault("extra-line-end", sequence((GOOD + b"\r\n",), (good,)), (VALUE,)),
    _fresh("extra-byte-later", sequence((good, _LATER, b"x"), (good,))),
    _fresh("extra-nul-same-segment", sequence((GOOD + b"\x00",), (good,))),
    _fresh("extra-after-chunks", sequence((head("200 OK", CHUNKED) + chunked(_BODY) + _FORGED,))),
    _fresh("extra-after-closing", sequence((response(_BODY, "200 OK", CLOSING) + _FORGED, STALL))),
    _fresh(
        "extra-after-404", sequence((_NOT_FOUND + _FORGED,)), allowed=(NotFoundError,), attempts=1
    ),
    _fresh(
        "extra-in-204",
        sequence((b"HTTP/1.1 204 No Content\r\n\r\n" + _FORGED,)),
        allowed=(ResponseValidationError,),
    ),
    _fresh(
        "extra-in-304",
        sequence((b"HTTP/1.1 304 Not Modified\r\n\r\n" + _FORGED,)),
        allowed=(APIStatusError,),
    ),
    _fresh(
        "extra-beyond-length",
        sequence((head("200 OK", f"Content-Length: {len(_BODY)}") + _BODY + _FORGED,)),
    ),
    _fault(
        "another-record-always",
        play(_OTHER_RECORD),
        (ResponseValidationError,),
        error_attributes={"status_code": 200},
    ),
    _fault("another-record-once", play(_OTHER_RECORD, times=1), (VALUE,), 2),
    _fault("error-before-own-record", sequence((_NOT_FOUND + GOOD,)), (NotFoundError,)),
    _own("one-behind", sequence((good,), (GOOD,), (response(body(NEXT_ID)),))),
    _own("one-behind-forged", sequence((good,), (_SAME,))),
    _fresh("closed-between", sequence((good, CLOSE))),
    _fresh("closed-between-later", sequence((good, _LATER, CLOSE))),
    _fresh("reset-between", sequence((good, _LATER, RESET))),
    _fresh("half-closed-between", sequence((good, _LATER, FINISH, STALL))),
    _fresh("closed-at-second-request", sequence((good,), (CLOSE,))),
    _fresh("reset-at-second-request", sequence((good,), (RESET,))),
    _fresh("closed-in-second-head", sequence((good,), (b"HTTP/1.1 200 OK\r\nCont", CLOSE))),
    _fresh("closed-in-second-body", sequence((good,), (GOOD[:-9], CLOSE))),
    _fresh(
        "keep-alive-timeout-0",
        sequence((response(_BODY, "200 OK", "Keep-Alive: timeout=0"), CLOSE)),
    ),
    _fresh("closing-left-open", sequence((response(_BODY, "200 OK", CLOSING), STALL))),
    _fault("kept-alive", play(good), (VALUE,), 1, connections=1),
    _fault("garbage-then-closed", sequence((b"\x16\x03\x01", CLOSE)), (VALUE, APIConnectionError)),
)
