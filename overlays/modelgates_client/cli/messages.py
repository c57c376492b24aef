"""Messages on stderr: one line each, safe for a terminal, without the API key."""

import logging
import sys
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager

from modelgates_client.records.log import logger, outages_logger
from modelgates_client.records.sanitize import sanitize
from modelgates_client.transport.credentials import Secret


class Messages:
    """Writes messages to stderr.

    Attributes:
        quiet: Whether only errors are shown.
        verbose: Whether details are shown, too.
        show: Writes a line. A progress display replaces it while it is on the terminal.
    """

    def __init__(self, *, quiet: bool = False, verbose: bool = False) -> None:
        """Show errors, warnings and progress; fewer if `quiet`, more if `verbose`."""
        self.quiet = quiet
        self.verbose = verbose
        self.show: Callable[[str], object] = write_line
        self._secret: Secret | None = None

    def hide(self, secret: Secret) -> None:
        """Mask this key in all messages from now on."""
        self._secret = secret

    def error(self, text: str) -> None:
        """Show why something failed."""
        self._write(f"error: {text}")

    def warning(self, text: str) -> None:
        """Show something that needs attention."""
        if not self.quiet:
            self._write(f"warning: {text}")

    def info(self, text: str) -> None:
        """Show progress or a result."""
        if not self.quiet:
            self._write(text)

    def detail(self, text: str) -> None:
        """Show a detail, with `--verbose` only."""
        if self.verbose:
            self._write(text)

    @contextmanager
    def capture_logs(self) -> Generator[None]:
        """Show the package's warnings and log records as messages."""
        handler = _Handler(self)
        level = logger().level
        logger().addHandler(handler)
        logger().setLevel(logging.DEBUG if self.verbose else logging.WARNING)
        outages_logger().setLevel(logging.INFO)
        try:
            with warnings.catch_warnings():
                warnings.showwarning = self._warned
                yield
        finally:
            logger().setLevel(level)
            outages_logger().setLevel(logging.NOTSET)
            logger().removeHandler(handler)

    def _warned(self, message: Warning | str, *_: object, **__: object) -> None:
        self.warning(str(message))

    def _write(self, text: str) -> None:
        if self._secret is not None:
            text = self._secret.masked(text)
        self.show(sanitize(text))


class _Handler(logging.Handler):
    """Shows log records as messages."""

    def __init__(self, messages: Messages) -> None:
        super().__init__()
        self._messages = messages

    def emit(self, record: logging.LogRecord) -> None:
        if record.module == "drift_observer":  # `get` lists drift with the id of each record
            return
        text = record.getMessage()
        if record.levelno >= logging.WARNING or record.name == outages_logger().name:
            self._messages.warning(text)
        else:
            self._messages.detail(f"{record.levelname.lower()}: {text}")


def write_line(text: str) -> None:
    """Write a line to stderr; ignore that stderr is closed, since there is no other place."""
    stream = sys.stderr
    if stream is None:  # it is closed
        return
    encoding = stream.encoding or "ascii"
    line = text.encode(encoding, "replace").decode(encoding)
    try:
        stream.write(f"{line}\n")
        stream.flush()
    except OSError:
        return
