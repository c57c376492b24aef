"""What a client does less well over a client of httpx that it is given, and why."""

import sys

from .clients import AWAITED, BLOCKING

#: No blocking call is cut between two reads, and httpx reads a head to its end.
ENDLESS_HEADS = frozenset(
    {"100-endless", "103-endless-drip", "drip-head", "headers-endless-drip", "proxy-drips"}
)

#: httpx takes what a server sent beyond an answer for the beginning of the next one.
BEYOND_ANSWERS = frozenset(
    {
        "error-before-own-record",
        "extra-after-404",
        "extra-after-chunks",
        "extra-beyond-length",
        "extra-forged-same-segment",
        "extra-forged-twice",
        "extra-head-part",
        "extra-in-204",
        "extra-in-304",
        "extra-record-same-segment",
        "one-behind",
        "one-behind-forged",
        "tls-extra-forged-same-segment",
    }
)

#: What is made of an answer, the same over any engine: on an interpreter, each is tried on a client
#: that blocks and on one that is awaited; on the next interpreter, on others.
ABOVE = frozenset({"page", "error-body", "retry", "json", "record"})


def is_met(fault, flavour):
    """Whether a fault can meet a flavour, and ends there."""
    if flavour == "fast" and fault.scheme == "proxy":
        return False  # through a proxy, httptools is not used
    return not (flavour == "given" and fault.id in ENDLESS_HEADS)


def is_tried(fault, flavour, number):
    """Whether a fault, the so manieth, is tried on a flavour."""
    if not is_met(fault, flavour):
        return False
    if fault.kind not in ABOVE:
        return True
    turn = number + sys.version_info[1]
    return flavour in {BLOCKING[turn % len(BLOCKING)], AWAITED[turn % len(AWAITED)]}
