"""Messages to people, on stderr: a line each, harmless to a terminal, without the key."""

import logging
import sys
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager

from modelgates_client.records.drift_observer import LOGGER, OUTAGES
from modelgates_client.records.sanitize import sanitize
from modelgates_client.transport.credentials import Secret


class Messages:
    """What is said on stderr.

    Attributes:
        quiet: Whether nothing but errors is said.
        verbose: Whether details are said, too.
        show: Shows a line. What draws on the terminal replaces it for that time.
    """

    def __init__(self, *, quiet: bool = False, verbose: bool = False) -> None:
        """Say errors and warnings; fewer, or more."""
        self.quiet = quiet
        self.verbose = verbose
        self.show: Callable[[str], object] = write_line
        self._secret: Secret | None = None

    def hide(self, secret: Secret) -> None:
        """Show this key in no message from now on."""
        self._secret = secret

    def error(self, text: str) -> None:
        """Say why something failed."""
        self._say(f"error: {text}")

    def warning(self, text: str) -> None:
        """Say what should be looked after."""
        if not self.quiet:
            self._say(f"warning: {text}")

    def info(self, text: str) -> None:
        """Say how the work is going, or how it ended."""
        if not self.quiet:
            self._say(text)

    def detail(self, text: str) -> None:
        """Say what was asked for by `--verbose`."""
        if self.verbose:
            self._say(text)

    @contextmanager
    def heard(self) -> Generator[None]:
        """Say the package's warnings and what it logs, in place of what Python does with them."""
        handler = _Handler(self)
        level = LOGGER.level
        LOGGER.addHandler(handler)
        LOGGER.setLevel(logging.DEBUG if self.verbose else logging.WARNING)
        OUTAGES.setLevel(logging.INFO)
        try:
            with warnings.catch_warnings():
                warnings.showwarning = self._warned
                yield
        finally:
            LOGGER.setLevel(level)
            OUTAGES.setLevel(logging.NOTSET)
            LOGGER.removeHandler(handler)

    def _warned(self, message: Warning | str, *_: object, **__: object) -> None:
        self.warning(str(message))

    def _say(self, text: str) -> None:
        if self._secret is not None:
            text = self._secret.masked(text)
        self.show(sanitize(text))


class _Handler(logging.Handler):
    """Says what is logged."""

    def __init__(self, messages: Messages) -> None:
        super().__init__()
        self._messages = messages

    def emit(self, record: logging.LogRecord) -> None:
        if record.module == "drift_observer":  # `get` lists drift with the id of each record
            return
        text = record.getMessage()
        if record.levelno >= logging.WARNING or record.name == OUTAGES.name:
            self._messages.warning(text)
        else:
            self._messages.detail(f"{record.levelname.lower()}: {text}")


def write_line(text: str) -> None:
    """Write a line to stderr; where nobody can read it any more, there is no one to tell."""
    stream = sys.stderr
    if stream is None:  # where it is closed
        return
    encoding = stream.encoding or "ascii"
    line = text.encode(encoding, "replace").decode(encoding)
    try:
        stream.write(f"{line}\n")
        stream.flush()
    except OSError:
        return
