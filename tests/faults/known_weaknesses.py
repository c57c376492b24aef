"""Faults that clients with an `http_client` handle less well, and why."""

import sys

from .clients import ASYNC_FLAVOURS, BORROWED_FLAVOURS, OWN_FLAVOURS, SYNC_FLAVOURS

#: A sync call cannot be interrupted between two reads, and httpx reads a head to its end.
ENDLESS_HEADS = frozenset(
    {"100-endless", "103-endless-drip", "drip-head", "headers-endless-drip", "proxy-drips"}
)

#: httpx takes data after a response for the beginning of the next response.
EXCESS_DATA = frozenset(
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

#: Kinds that concern the content of a response, which all engines handle alike: each fault is
#: tested on one sync and one async client, which differ between Python versions.
CONTENT_KINDS = frozenset({"page", "error-body", "retry", "json", "record"})


def is_applicable(fault, flavour):
    """Whether a fault can occur with a flavour, and its call terminates."""
    if flavour == "fast" and fault.scheme == "proxy":
        return False  # httptools does not support proxies
    return not (flavour == "httpx" and fault.id in ENDLESS_HEADS)


def is_tested(fault, flavour, number):
    """Whether a fault, with its position in the catalogue, is tested with a flavour.

    Of the two clients over httpx, which does the transfer, the tested one alternates with the
    version of Python.
    """
    if not is_applicable(fault, flavour):
        return False
    turn = number + sys.version_info[1]
    if fault.kind in CONTENT_KINDS:
        return flavour in {
            SYNC_FLAVOURS[turn % len(SYNC_FLAVOURS)],
            ASYNC_FLAVOURS[turn % len(ASYNC_FLAVOURS)],
        }
    return flavour in {*OWN_FLAVOURS, BORROWED_FLAVOURS[turn % len(BORROWED_FLAVOURS)]}
