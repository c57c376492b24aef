"""The bar that `_fetching_progress` shows, by rich."""

import os
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from modelgates_client.cli._fetching_progress import duration, outage_in_words, states

if TYPE_CHECKING:
    from modelgates_client.ledger import progress as fetching


class Bar:
    """A line at the bottom of the terminal; messages are shown above it."""

    def __init__(self) -> None:
        """Draw an empty bar, without an end until that is known."""
        self._console = (
            Console(stderr=True, color_system=None)
            if os.environ.get("NO_COLOR")
            else Console(stderr=True)
        )
        self._progress = Progress(
            TimeElapsedColumn(),
            BarColumn(bar_width=24),
            TextColumn("{task.description}", markup=False),
            console=self._console,
            transient=True,
            redirect_stdout=False,  # data must not come out on stderr
            redirect_stderr=False,
        )
        self._task = self._progress.add_task("…", total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, progress: "fetching.Progress") -> None:
        """Draw how far it is."""
        parts = [states(progress.counts), f"{progress.requests_per_s:,.0f}/s"]
        if progress.outage is not None:
            parts = [states(progress.counts), outage_in_words(progress.outage)]
        elif progress.eta_s is not None:
            parts.append(f"ETA {duration(progress.eta_s)}")
        known = progress.total is not None and progress.left is not None
        self._progress.update(
            self._task,
            description=" · ".join(parts),
            total=progress.total if known else None,
            completed=(progress.total or 0) - (progress.left or 0) if known else 0,
        )

    def say(self, line: str) -> None:
        """Show a message above the bar."""
        self._console.print(Text(line), soft_wrap=True)
