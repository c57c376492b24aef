"""What `_progress` draws, by rich."""

import os
from typing import Self

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from modelgates_client.records.harmless import harmless


class Drawing:
    """A line at the bottom of the terminal; messages are shown above it."""

    def __init__(self, total: int | None) -> None:
        """Prepare to count to `total`, if that is known."""
        self._console = (
            Console(stderr=True, color_system=None)
            if os.environ.get("NO_COLOR")
            else Console(stderr=True)
        )
        self._total = "?" if total is None else str(total)
        self._number = 0
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            redirect_stdout=False,  # data must not come out on stderr
            redirect_stderr=False,
        )
        self._task = self._progress.add_task("", total=None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def asking(self, generation_id: str) -> None:
        """Show what is being asked for."""
        self._number += 1
        text = f"{self._number}/{self._total} {harmless(generation_id)}"
        self._progress.update(self._task, description=text)
        self._progress.start()

    def clear(self) -> None:
        """Draw nothing until the next id."""
        self._progress.stop()

    def show(self, line: str) -> None:
        """Show a message above the line."""
        self._console.print(Text(line), soft_wrap=True)
