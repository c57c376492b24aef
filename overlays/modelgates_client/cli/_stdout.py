"""Writing data: all of it or an error, and no noise where its reader has gone."""

import os
import sys
from collections.abc import Callable
from typing import TextIO

from modelgates_client.errors import ConfigurationError


class ReaderGoneError(Exception):
    """Nobody reads the output any more, as when `head` has seen enough."""


class UnwritableError(Exception):
    """The output cannot be written: a full disk, for one."""


class Stdout:
    """The process's standard output."""

    def __init__(self) -> None:
        """Take stdout; what its encoding cannot show is no reason to fail.

        Raises:
            ConfigurationError: It is closed.
        """
        stream: TextIO | None = sys.stdout
        if stream is None:
            raise ConfigurationError("stdout is closed")
        reconfigure: Callable[..., object] | None = getattr(stream, "reconfigure", None)
        if reconfigure is not None:  # Python's own stream has it, others need not
            reconfigure(errors="replace")
        self.stream = stream

    @property
    def is_terminal(self) -> bool:
        """Whether people read it."""
        return self.stream.isatty()

    def write(self, text: str) -> None:
        """Write a text, so that its reader has it now.

        Raises:
            ReaderGoneError: There is no reader any more.
            UnwritableError: It could not be written.
        """
        if not text:
            return
        try:
            self.stream.write(text)
            self.stream.flush()
        except BrokenPipeError:
            self._abandon()
            raise ReaderGoneError from None
        except OSError as error:
            self._abandon()
            raise UnwritableError(f"stdout: {error.strerror}") from None

    def _abandon(self) -> None:
        """Let Python flush what is left into nothing when it ends, in place of complaining."""
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, self.stream.fileno())
        os.close(nothing)
