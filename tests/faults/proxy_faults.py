"""Faults of a proxy: it receives a CONNECT request, and never sees the key."""

from functools import partial

from modelgates_client import APIConnectionError, APITimeoutError

from . import tls
from .faults import CLOSE, RESET, STALL, VALUE, Drip, Endless, Fault, connect, play, tunnel
from .wire import KEY, page, response

_fault = partial(Fault, "proxy", allowed=(APIConnectionError,), scheme="proxy")
_late = partial(_fault, allowed=(APITimeoutError,), timeout_s=0.3)

_JOINED = b"HTTP/1.1 200 Connection established\r\n\r\n"

FAULTS = (
    _fault("proxy-as-it-should-be", tunnel(tls.valid), allowed=(VALUE,), attempts=None),
    _fault("proxy-refused", connect(), listening=False),
    _fault("proxy-closes", connect(CLOSE)),
    _fault("proxy-resets", play(RESET)),
    _fault(
        "proxy-wants-password",
        play(
            response(
                b"", "407 Proxy Authentication Required", 'Proxy-Authenticate: Basic realm="x"'
            )
        ),
    ),
    *(
        _fault(f"proxy-{status}", play(page("proxy", f"{status} Whatever"), CLOSE))
        for status in (302, 400, 403, 404, 502, 503, 504)
    ),
    _fault("proxy-garbage", play(b"\x05\xff garbage\r\n\r\n", CLOSE)),
    _fault("proxy-echo", play(response(KEY.encode(), f"403 {KEY}"), CLOSE)),
    _fault("proxy-joins-then-closes", play(_JOINED, CLOSE)),
    _fault("proxy-joins-plain-text", play(_JOINED + response(b"hello"), CLOSE)),
    _late("proxy-silent", play(STALL)),
    _late("proxy-stalls-in-head", play(_JOINED[:20], STALL)),
    _late("proxy-drips", play(Drip(_JOINED, every_s=0.05))),
    _late("proxy-joins-then-silent", play(_JOINED, STALL)),
    _fault(
        "proxy-headers-endless",
        play(b"HTTP/1.1 200 OK\r\n", Endless(b"X: y\r\n" * 99)),
        allowed=(APIConnectionError, APITimeoutError),
    ),
)
