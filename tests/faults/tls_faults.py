"""Faults of TLS: certificates, handshakes, and the end of the encrypted data."""

from functools import partial

from modelgates_client import APIConnectionError, APITimeoutError, ResponseValidationError

from . import tls
from .faults import (
    CLOSE,
    FINISH,
    NOTIFY,
    RESET,
    STALL,
    VALUE,
    BeneathTls,
    Drip,
    Fault,
    connect,
    good,
    play,
    sequence,
    take,
)
from .servers import Peer, Request, Script
from .wire import GOOD, NEXT_ID, WRONG_COST, body, head, response

_fault = partial(Fault, "tls", scheme="https")
_NO_RESPONSE = (APIConnectionError,)
#: Nothing gets better by asking again, and no request may be sent.
_untrusted = partial(
    Fault, "certificate", serve=play(good), allowed=_NO_RESPONSE, attempts=1, scheme="https"
)
_handshake = partial(_fault, allowed=_NO_RESPONSE)
_secure = partial(_fault, context=tls.valid)
_late = partial(_fault, allowed=(APITimeoutError,), timeout_s=0.3)

_BODY = body()
_FORGED = response(body(NEXT_ID, total_cost=WRONG_COST))
_ALERT = b"\x15\x03\x03\x00\x02\x02"


def _hello(*steps: bytes | object) -> Script:
    """Read the client's hello, then take the steps."""

    def script(peer: Peer) -> None:
        peer.receive()
        take(peer, Request(b"GET / HTTP/1.1"), steps)

    return script


CERTIFICATES = (
    _untrusted("self-signed", context=tls.self_signed),
    _untrusted("unknown-authority", context=tls.of_unknown_authority),
    _untrusted("authority-of-same-name", context=tls.of_same_name),
    _untrusted("other-host", context=tls.for_other_host),
    _untrusted("other-address", context=tls.for_other_address),
    _untrusted("sub-domain-only", context=tls.for_sub_domain),
    _untrusted("common-name-only", context=tls.without_name),
    _untrusted("expired", context=tls.expired),
    _untrusted("not-yet-valid", context=tls.not_yet_valid),
    _untrusted("intermediate-missing", context=tls.without_intermediate),
)

FAULTS = (
    _secure("tls-as-it-should-be", play(good), (VALUE,), 1),
    _fault("alpn-other", play(good), (VALUE, APIConnectionError), context=tls.preferring_http_2),
    _fault(
        "client-certificate-wanted",
        play(good),
        _NO_RESPONSE,
        context=tls.requiring_client_certificate,
    ),
    _fault("old-version", play(good), _NO_RESPONSE, context=tls.of_old_version),
    _fault("no-shared-cipher", play(good), _NO_RESPONSE, context=tls.of_no_shared_cipher),
    _late("handshake-stalls-at-accept", connect(STALL)),
    _late("handshake-stalls-after-hello", _hello(STALL)),
    _late("handshake-stalls-halfway", tls.partial_handshake(0.5, Peer.send)),
    _late("handshake-stalls-at-its-end", tls.partial_handshake(1.0, Peer.send)),
    _late(
        "handshake-drips",
        tls.partial_handshake(
            1.0, lambda peer, data: take(peer, Request(b""), (Drip(data, 0.05),))
        ),
    ),
    _handshake("handshake-closed-at-accept", connect(CLOSE)),
    _handshake("handshake-closed-after-hello", _hello(CLOSE)),
    _handshake("handshake-closed-halfway", _hello(b"\x16\x03\x03\x00\x7a\x02", CLOSE)),
    _handshake("handshake-reset", _hello(RESET)),
    _handshake("handshake-half-closed", _hello(FINISH, STALL)),
    _handshake("handshake-refused", _hello(_ALERT + b"\x28", CLOSE)),
    _handshake("handshake-name-unknown", _hello(_ALERT + b"\x70", CLOSE)),
    _handshake("handshake-internal-error", _hello(_ALERT + b"\x50", CLOSE)),
    _handshake("handshake-garbage", _hello(b"\x00\x01\x02garbage" * 99, CLOSE)),
    _handshake("handshake-record-giant", _hello(b"\x16\x03\x03\xff\xff" + b"x" * 66_000, CLOSE)),
    _handshake(
        "plain-text-on-tls-port",
        _hello(response(b"plain HTTP here", "400 Bad Request"), CLOSE),
    ),
    _handshake("plain-record-on-tls-port", _hello(GOOD, CLOSE)),
    _fault(
        "tls-on-plain-text-port",
        play(good),
        _NO_RESPONSE,
        scheme="http",
        context=tls.valid,
        allowed_after=_NO_RESPONSE,
    ),
    _late("silent-after-handshake", play(STALL), context=tls.valid),
    _late("tls-drip-body", play(GOOD[:150], Drip(GOOD[150:], every_s=0.05)), context=tls.valid),
    _secure("tls-slow-but-in-time", play(Drip(GOOD, every_s=0.01, size=99)), (VALUE,), 1),
    _secure("tls-closed-after-request", play(CLOSE), _NO_RESPONSE, 2),
    _secure("tls-reset-in-body", play(GOOD[:-9], 0.02, RESET), _NO_RESPONSE, 2),
    _secure("truncated-with-notify", play(GOOD[:-9], NOTIFY, CLOSE), _NO_RESPONSE, 2),
    _secure("truncated-without-notify", play(GOOD[:-9], CLOSE), _NO_RESPONSE, 2),
    _secure("closing-without-notify", play(head() + _BODY, CLOSE), (VALUE, APIConnectionError)),
    _secure("closing-with-notify", play(head() + _BODY, NOTIFY, CLOSE), (VALUE,), 1),
    _secure(
        "closing-truncated-without-notify",
        play(head() + _BODY[:-9], CLOSE),
        (APIConnectionError, ResponseValidationError),
    ),
    _secure("plain-text-in-tls", play(BeneathTls(GOOD), STALL), _NO_RESPONSE),
    _secure(
        "bad-record-in-body",
        play(GOOD[:-9], BeneathTls(b"\x17\x03\x03\x00\x20" + b"x" * 32)),
        _NO_RESPONSE,
    ),
    _secure("alert-in-body", play(GOOD[:-9], BeneathTls(_ALERT + b"\x14"), STALL), _NO_RESPONSE),
    _secure("tls-once-reset", play(RESET, times=1), (VALUE,), 2),
    _secure(
        "tls-extra-forged-same-segment",
        sequence((GOOD + _FORGED,)),
        (VALUE,),
        awaits_server=True,
        connections=2,
    ),
    _secure(
        "tls-extra-forged-later",
        sequence((good, 0.03, _FORGED)),
        (VALUE,),
        awaits_server=True,
        connections=2,
    ),
    _secure(
        "tls-closed-between-with-notify",
        sequence((good, 0.03, NOTIFY, CLOSE)),
        (VALUE,),
        awaits_server=True,
        connections=2,
    ),
)
