"""Writing data, to stdout or a file: all of it or an error, and no noise if its reader has gone."""

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from modelgates_client.cli.reading import STDIN
from modelgates_client.errors import ConfigurationError
from modelgates_client.exports.atomic_files import replace_file, temporary_beside

if TYPE_CHECKING:
    from rich.console import Console


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


def check_writable(name: str, inputs: Iterable[str] = ()) -> None:
    """Find out before the work whether there is a place for its result.

    Args:
        name: The file to be written.
        inputs: Files that are read, which must not be lost; `-` is stdin.

    Raises:
        ConfigurationError: It is a folder, or in none, or one of the inputs.
    """
    path = Path(name)
    if path.is_dir():
        raise ConfigurationError(f"the file {name!r}: it is a directory")
    if not path.absolute().parent.is_dir():
        raise ConfigurationError(f"the file {name!r}: its directory does not exist")
    if path.is_file() and any(_is_same(path, source) for source in inputs):
        raise ConfigurationError(f"the file {name!r}: it is an input, so it cannot be overwritten")


def _is_same(path: Path, source: str) -> bool:
    try:
        if source != STDIN:
            return path.samefile(source)
        return sys.stdin is not None and os.path.samestat(path.stat(), os.fstat(sys.stdin.fileno()))
    except (OSError, ValueError):  # it is not there, or has no file: reading it will say so
        return False


def write_file(name: str, text: str) -> None:
    """Write a file at once: readers find it as it was, or as it is now.

    What is no regular file, as `/dev/stderr` or a pipe, is written to.

    Raises:
        UnwritableError: It cannot be written.
    """
    content = text.encode("utf-8", "replace")
    try:
        if Path(name).exists() and not Path(name).is_file():
            Path(name).write_bytes(content)
            return
        path = Path(os.path.realpath(name))  # a link stays one
        with temporary_beside(path) as folder:
            made = folder / "made"
            made.write_bytes(content)
            replace_file(made, path)
    except OSError as error:
        raise UnwritableError(f"the file {name!r}: {error.strerror}") from None


def make_console(stream: TextIO) -> "Console":
    """Return what draws on a terminal, without colours where NO_COLOR asks for that."""
    from rich.console import Console  # noqa: PLC0415 - rich costs, and pipes do without

    return Console(file=stream, color_system=None if os.environ.get("NO_COLOR") else "auto")
