"""Progress on stderr: drawn by rich on a terminal, else as lines, or not at all.

While a display is active, messages are shown above it; it is removed when the work is done.
"""

import os
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from modelgates_client.cli.messages import Messages
from modelgates_client.cli.output import make_console
from modelgates_client.records.sanitize import sanitize
from modelgates_client.reports.formatting import count

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

    from modelgates_client.bulk.options import Outage
    from modelgates_client.ledger.progress import Progress as FetchProgress
    from modelgates_client.ledger.values import LedgerCounts

_LINE_INTERVAL_S: Final = 5.0
_HOUR_S: Final = 3600


class Spinner:
    """Shows which id is being requested; does nothing if stderr is not a terminal."""

    def __init__(self, progress: "Progress | None", total: int | None) -> None:
        """Count up to `total`, or without a total if it is None."""
        self._progress = progress
        self._total = "?" if total is None else str(total)
        self._number = 0
        self._task = None if progress is None else progress.add_task("", total=None)

    def requesting(self, generation_id: str) -> None:
        """Show that an id is being requested."""
        self._number += 1
        if self._progress is not None and self._task is not None:
            text = f"{self._number}/{self._total} {sanitize(generation_id)}"
            self._progress.update(self._task, description=text)
            self._progress.start()

    def clear(self) -> None:
        """Remove the display until the next id, so that other output can be written."""
        if self._progress is not None:
            self._progress.stop()


@contextmanager
def spinner(messages: Messages, total: int | None) -> Generator[Spinner]:
    """Show which id is being requested, out of `total` if their number is known."""
    if not _is_drawn(messages):
        yield Spinner(None, total)
        return
    from rich.progress import SpinnerColumn, TimeElapsedColumn  # noqa: PLC0415 - rich costs

    with _drawn(messages, [SpinnerColumn()], [TimeElapsedColumn()]) as progress:
        yield Spinner(progress, total)


@contextmanager
def fetch_progress(messages: Messages) -> Generator[Callable[["FetchProgress"], None]]:
    """Yield a function that shows a fetch's progress: a bar on a terminal, else regular lines."""
    if messages.quiet or sys.stderr is None:
        yield lambda _: None
        return
    if not _is_drawn(messages):
        yield _Lines(messages)
        return
    from rich.progress import BarColumn, TimeElapsedColumn  # noqa: PLC0415 - rich costs

    columns: list[ProgressColumn] = [TimeElapsedColumn(), BarColumn(bar_width=24)]
    with _drawn(messages, columns, []) as progress:
        task = progress.add_task("…", total=None)
        progress.start()

        def show(fetch: "FetchProgress") -> None:
            known = fetch.total is not None and fetch.left is not None
            progress.update(
                task,
                description=_bar_text(fetch),
                total=fetch.total if known else None,
                completed=(fetch.total or 0) - (fetch.left or 0) if known else 0,
            )

        yield show


def _is_drawn(messages: Messages) -> bool:
    """Whether progress can be drawn on stderr, which is None if it is closed."""
    stream = sys.stderr
    return not (
        messages.quiet or stream is None or not stream.isatty() or os.environ.get("TERM") == "dumb"
    )


@contextmanager
def _drawn(
    messages: Messages, before: list["ProgressColumn"], after: list["ProgressColumn"]
) -> Generator["Progress"]:
    """Draw a progress line at the bottom of the terminal, and messages above it."""
    from rich.progress import Progress, TextColumn  # noqa: PLC0415 - rich costs
    from rich.text import Text  # noqa: PLC0415 - likewise

    console = make_console(sys.stderr)
    progress = Progress(
        *before,
        TextColumn("{task.description}", markup=False),
        *after,
        console=console,
        transient=True,
        redirect_stdout=False,  # data must not come out on stderr
        redirect_stderr=False,
    )
    show_before = messages.show
    messages.show = lambda line: console.print(Text(line), soft_wrap=True)
    try:
        yield progress
    finally:
        messages.show = show_before
        progress.stop()


class _Lines:
    """Prints the progress of a fetch every few seconds, and when an outage begins or ends."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._next_s = time.monotonic() + _LINE_INTERVAL_S
        self._is_reachable = True

    def __call__(self, progress: "FetchProgress") -> None:
        now = time.monotonic()
        changed = (progress.outage is None) != self._is_reachable
        self._is_reachable = progress.outage is None
        if now >= self._next_s or changed:
            self._next_s = now + _LINE_INTERVAL_S
            self._messages.info(_line_text(progress))


def _line_text(progress: "FetchProgress") -> str:
    if progress.outage is not None:
        return f"{_outage_text(progress.outage)}; {states_text(progress.counts)}"
    known = "" if progress.total is None else f" of {progress.total:,}"
    left = "" if progress.eta_s is None else f", {duration_text(progress.eta_s)} left"
    rate = f"{progress.requests_per_s:,.0f} requests/s"
    return f"{states_text(progress.counts)}{known}; {rate}{left}"


def _bar_text(progress: "FetchProgress") -> str:
    if progress.outage is not None:
        return f"{states_text(progress.counts)} · {_outage_text(progress.outage)}"
    left = "" if progress.eta_s is None else f" · ETA {duration_text(progress.eta_s)}"
    return f"{states_text(progress.counts)} · {progress.requests_per_s:,.0f}/s{left}"


def _outage_text(outage: "Outage") -> str:
    """Describe an outage, with the times of the next probe and of giving up."""
    since = outage.since.astimezone().strftime("%H:%M:%S")
    return (
        f"outage since {since}, {count(outage.waiting, 'id')} waiting, probing: the next try in "
        f"{outage.next_probe_s:.1f} s, giving up in {duration_text(outage.left_s)}"
    )


def states_text(counts: "LedgerCounts") -> str:
    """Return the number of ids in each state, as text."""
    resolved = counts.final + counts.provisional + counts.never_final
    states = ((counts.provisional, "provisional"), (counts.never_final, "never final"))
    open_ = ", ".join(f"{number:,} {state}" for number, state in states if number)
    not_final = f" ({open_})" if open_ else ""
    forgotten = f", {counts.forgotten:,} forgotten" if counts.forgotten else ""
    return (
        f"{resolved:,} resolved{not_final}, {counts.pending:,} pending, {counts.failed:,} failed"
        f"{forgotten}"
    )


def duration_text(seconds: float) -> str:
    """Format a duration for people.

    >>> duration_text(59.6), duration_text(3700)
    ('1:00', '1:01:40')
    """
    whole = round(seconds)
    if whole < _HOUR_S:
        return f"{whole // 60}:{whole % 60:02}"
    return f"{whole // _HOUR_S}:{whole % _HOUR_S // 60:02}:{whole % 60:02}"
