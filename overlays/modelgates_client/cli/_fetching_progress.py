"""How far a fetch is, on stderr: a bar on a terminal, else a line every few seconds."""

import os
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from modelgates_client.cli._messages import Messages
from modelgates_client.records.harmless import harmless

if TYPE_CHECKING:
    from modelgates_client.bulk.asking import Outage
    from modelgates_client.ledger.progress import Progress
    from modelgates_client.ledger.values import Counts

_EVERY_S: Final = 5.0  # between two lines

#: Shows how far it is.
Show = Callable[["Progress"], None]


@contextmanager
def showing(messages: Messages) -> Generator[Show]:
    """Provide what shows progress, as people want to see it where stderr goes."""
    stream = sys.stderr
    if messages.quiet or stream is None:  # it is None where it is closed
        yield _show_nothing
        return
    if not stream.isatty() or os.environ.get("TERM") == "dumb":
        yield _Lines(messages)
        return
    from modelgates_client.cli._fetching_bar import Bar  # noqa: PLC0415 - rich costs

    with Bar() as bar:
        before, messages.show = messages.show, bar.say
        try:
            yield bar.show
        finally:
            messages.show = before


class _Lines:
    """Says how far it is every few seconds."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._next_s = time.monotonic() + _EVERY_S
        self._is_well = True

    def __call__(self, progress: "Progress") -> None:
        now = time.monotonic()
        changed = (progress.outage is None) != self._is_well
        self._is_well = progress.outage is None
        if now >= self._next_s or changed:
            self._next_s = now + _EVERY_S
            self._messages.show(harmless(in_words(progress)))


def _show_nothing(_: "Progress") -> None:
    """Do nothing."""


def in_words(progress: "Progress") -> str:
    """Return how far it is, in a line."""
    if progress.outage is not None:
        return f"{outage_in_words(progress.outage)}; {states(progress.counts)}"
    known = "" if progress.total is None else f" of {progress.total:,}"
    left = "" if progress.eta_s is None else f", {duration(progress.eta_s)} left"
    rate = f"{progress.requests_per_s:,.0f} requests/s"
    return f"{states(progress.counts)}{known}; {rate}{left}"


def outage_in_words(outage: "Outage") -> str:
    """Return what is known of an outage, and what will happen when."""
    since = outage.since.astimezone().strftime("%H:%M:%S")
    return (
        f"outage since {since}, {outage.waiting:,} ids waiting, probing: the next try in "
        f"{outage.next_probe_s:.1f} s, giving up in {duration(outage.left_s)}"
    )


def states(counts: "Counts") -> str:
    """Return how many ids are in which state, in words."""
    resolved = counts.final + counts.provisional
    provisional = f" ({counts.provisional:,} provisional)" if counts.provisional else ""
    forgotten = f", {counts.forgotten:,} forgotten" if counts.forgotten else ""
    return (
        f"{resolved:,} resolved{provisional}, {counts.pending:,} pending, {counts.failed:,} failed"
        f"{forgotten}"
    )


def duration(seconds: float) -> str:
    """Return a time for people.

    >>> duration(59.6), duration(3700)
    ('1:00', '1:01:40')
    """
    whole = round(seconds)
    minutes = f"{whole % 3600 // 60:02}" if whole >= 3600 else f"{whole // 60}"  # noqa: PLR2004 - seconds of an hour
    hours = f"{whole // 3600}:" if whole >= 3600 else ""  # noqa: PLR2004
    return f"{hours}{minutes}:{whole % 60:02}"
