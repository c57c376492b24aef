"""How far long work is, drawn on stderr where that is a terminal, and gone when it is done."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol

from modelgates_client.cli._messages import Messages


class Progress(Protocol):
    """What the work tells of itself."""

    def asking(self, generation_id: str) -> None:
        """Say that an id is being asked for."""
        ...

    def clear(self) -> None:
        """Draw nothing until the next id: something else is written to the terminal."""
        ...


class _Silent:
    """Draws nothing."""

    def asking(self, generation_id: str) -> None:
        """Do nothing."""

    def clear(self) -> None:
        """Do nothing."""


@contextmanager
def progress(messages: Messages, total: int | None) -> Generator[Progress]:
    """Draw which of `total` ids is asked for, if their number is known."""
    stream = sys.stderr
    # It is None where it is closed.
    if messages.quiet or stream is None or not stream.isatty() or os.environ.get("TERM") == "dumb":
        yield _Silent()
        return
    from modelgates_client.cli._drawing import Drawing  # noqa: PLC0415 - rich costs

    with Drawing(total) as drawing:
        before, messages.show = messages.show, drawing.show
        try:
            yield drawing
        finally:
            messages.show = before
