"""Faults of the network: connections refused, broken, silent or slow."""

from functools import partial

from modelgates_client import APIConnectionError, APITimeoutError

from .faults import CLOSE, FINISH, RESET, STALL, VALUE, Drip, Fault, connect, good, play
from .wire import GOOD

_fault = partial(Fault, "network")
_broken = partial(_fault, allowed=(APIConnectionError,), attempts=2)
_late = partial(_fault, allowed=(APITimeoutError,), timeout_s=0.3)
_once = partial(_fault, allowed=(VALUE,), attempts=2)

_HEAD, _BODY = GOOD[:40], GOOD[:-20]
_EMPTY_LINE = GOOD.index(b"\r\n\r\n") + 4

FAULTS = (
    _broken("refused", connect(), listening=False),
    _broken("reset-at-accept", connect(RESET)),
    _broken("close-at-accept", connect(CLOSE)),
    _broken("reset-after-request", play(RESET)),
    _broken("close-after-request", play(CLOSE)),
    _broken("reset-in-status-line", play(b"HTTP/1.", 0.02, RESET)),
    _broken("close-in-status-line", play(b"HTTP/1.", CLOSE)),
    _broken("reset-in-head", play(_HEAD, 0.02, RESET)),
    _broken("close-in-head", play(_HEAD, CLOSE)),
    _broken("close-after-head", play(GOOD[:_EMPTY_LINE], CLOSE)),
    _broken("reset-in-body", play(_BODY, 0.02, RESET)),
    _broken("close-in-body", play(_BODY, CLOSE)),
    _broken("close-before-last-byte", play(GOOD[:-1], CLOSE)),
    _broken("half-close-unanswered", play(FINISH, STALL)),
    _broken("half-close-in-head", play(_HEAD, FINISH, STALL)),
    _broken("half-close-in-body", play(_BODY, FINISH, STALL)),
    _late("never-accepted", connect(), accepting=False),
    _late("silent", play(STALL)),
    _late("silent-without-reading", connect(2.0)),
    _late("stall-in-status-line", play(b"HTTP/1.1 2", STALL)),
    _late("stall-in-head", play(_HEAD, STALL)),
    _late("stall-after-head", play(GOOD[:_EMPTY_LINE], STALL)),
    _late("stall-in-body", play(_BODY, STALL)),
    _late("stall-before-last-byte", play(GOOD[:-1], STALL)),
    _late("drip-head", play(Drip(GOOD, every_s=0.1))),
    _late("drip-body", play(GOOD[:_EMPTY_LINE], Drip(GOOD[_EMPTY_LINE:], every_s=0.05))),
    _late("drip-fast", play(Drip(GOOD, every_s=0.005))),
    _late("stall-once-too-long", play(1.0, good)),
    _fault("slow-but-in-time", play(0.1, Drip(GOOD, every_s=0.02, size=200)), (VALUE,), 1),
    _fault("byte-by-byte", play(Drip(GOOD, every_s=0.0)), (VALUE,), 1),
    _fault("reset-after-answer", play(good, 0.05, RESET), (VALUE,), 1, awaits_server=True),
    _fault("close-after-answer", play(good, CLOSE), (VALUE,), 1, awaits_server=True),
    _fault("half-close-after-answer", play(good, FINISH, STALL), (VALUE,), 1, awaits_server=True),
    _once("reset-once", play(RESET, times=1)),
    _once("close-once", play(CLOSE, times=1)),
    _once("close-in-head-once", play(_HEAD, CLOSE, times=1)),
    _once("close-in-body-once", play(_BODY, CLOSE, times=1)),
    _once("reset-in-body-once", play(_BODY, 0.02, RESET, times=1)),
)
