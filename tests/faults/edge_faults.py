"""Faults of edges and gateways: pages instead of JSON, and statuses of their own."""

from functools import partial

from modelgates_client import (
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    BadGatewayError,
    BadRequestError,
    EdgeTimeoutError,
    EndpointNotFoundError,
    InsufficientCreditsError,
    InternalServerError,
    OverloadedError,
    PermissionDeniedError,
    RateLimitError,
    ResponseValidationError,
    ServerError,
)

from ..calls.server_turns import RETRYABLE_STATUSES
from .faults import CLOSE, VALUE, Fault, good, play
from .wire import GOOD, body, head, page, response

_page = partial(Fault, "page")

_CLASSES = {
    400: BadRequestError,
    401: AuthenticationError,
    402: InsufficientCreditsError,
    403: PermissionDeniedError,
    404: EndpointNotFoundError,  # the API's own would say it in an error object
    429: RateLimitError,
    500: InternalServerError,
    502: BadGatewayError,
    524: EdgeTimeoutError,
    529: OverloadedError,
}
_PAGES = (
    400,
    401,
    402,
    403,
    404,
    405,
    406,
    408,
    409,
    410,
    413,
    418,
    421,
    422,
    425,
    428,
    429,
    431,
    444,
    451,
    499,
    500,
    501,
    502,
    503,
    504,
    505,
    507,
    508,
    511,
    *range(520, 529),
    529,
    530,
    599,
)


def _class(status: int) -> type[APIStatusError]:
    return _CLASSES.get(status, ServerError if status >= 500 else APIStatusError)


_NO_RECORD = (ResponseValidationError,)

FAULTS = (
    *(
        _page(
            f"page-{status}",
            play(page("an edge says no", f"{status} Whatever")),
            (_class(status),),
            2 if status in RETRYABLE_STATUSES else 1,
            error_attributes={"status_code": status, "code": None},
        )
        for status in _PAGES
    ),
    _page("page-503-once", play(page(status="503 Down"), times=1), (VALUE,), 2),
    _page("page-524-once", play(page(status="524 Late"), times=1), (VALUE,), 2),
    _page("captive-portal", play(page("please log in", "200 OK")), _NO_RECORD),
    _page("captive-portal-as-json", play(response(b"<html>hi</html>")), _NO_RECORD),
    _page("200-empty", play(response(b"")), _NO_RECORD),
    _page("200-empty-closing", play(head("200 OK", "Connection: close"), CLOSE), _NO_RECORD),
    _page("200-plain-text", play(response(b"OK", kind="text/plain")), _NO_RECORD),
    _page("record-as-plain-text", play(response(body(), kind="text/plain")), (VALUE,), 1),
    _page("record-as-html", play(response(body(), kind="text/html")), (VALUE,), 1),
    _page(
        "record-of-odd-charset",
        play(response(body(), kind="application/json; charset=utf-16")),
        (VALUE,),
        1,
    ),
    _page(
        "record-without-type",
        play(GOOD.replace(b"Content-Type: application/json\r\n", b"")),
        (VALUE,),
        1,
    ),
    _page("record-with-404", play(response(body(), "404 Not Found")), (EndpointNotFoundError,), 1),
    _page("record-with-500", play(response(body(), "500 Oh")), (InternalServerError,), 2),
    _page(
        "page-of-5-mb", play(response(b"<p>" * 1_700_000, "502 Bad Gateway")), (BadGatewayError,)
    ),
    _page("page-of-binary", play(response(bytes(range(256)) * 9, "502 Bad")), (BadGatewayError,)),
    _page(
        "page-of-control-codes",
        play(page("\x1b[2J\x07\x9b31m", "403 No")),
        (PermissionDeniedError,),
    ),
    _page(
        "page-truncated",
        play(head("502 Bad", "Content-Length: 900") + b"<html>", CLOSE),
        (BadGatewayError, APIConnectionError),
    ),
    _page("error-empty", play(response(b"", "500 Oh")), (InternalServerError,)),
    _page(
        "cookies-and-cache",
        play(
            response(body(), "200 OK", "Set-Cookie: a=b; Domain=.example", "Age: 9", "X-Cache: HIT")
        ),
        (VALUE,),
        1,
    ),
    _page(
        "page-then-record-on-one-connection", play(page("wait", "503 Down"), times=1), (VALUE,), 2
    ),
    _page("slow-503", play(0.2, page(status="503 Down"), times=1), (VALUE,), 2),
    _page("slow-good", play(0.3, good), (VALUE,), 1),
)
