"""Writing data to stdout or a file: completely, or with an error."""

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from modelgates_client.cli.reading import STDIN
from modelgates_client.errors import ConfigurationError
from modelgates_client.exports.atomic_files import replacing

if TYPE_CHECKING:
    from rich.console import Console


class ReaderGoneError(Exception):
    """The reader of the output has closed it, as `head` does."""


class UnwritableError(Exception):
    """The output cannot be written, for example because the disk is full."""


class Stdout:
    """The process's standard output."""

    def __init__(self) -> None:
        """Use stdout, replacing characters that its encoding does not have.

        Raises:
            ConfigurationError: Stdout is closed.
        """
        stream: TextIO | None = sys.stdout
        if stream is None:
            raise ConfigurationError("stdout is closed")
        reconfigure: Callable[..., object] | None = getattr(stream, "reconfigure", None)
        if reconfigure is not None:  # a stream other than Python's own may not have it
            reconfigure(errors="replace")
        self.stream = stream

    @property
    def is_terminal(self) -> bool:
        """Whether stdout is a terminal."""
        return self.stream.isatty()

    def write(self, text: str) -> None:
        """Write a text, and flush it.

        Raises:
            ReaderGoneError: The reader has closed the output.
            UnwritableError: The text cannot be written.
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
        """Redirect stdout to the null device, so that Python's flush at exit does not fail."""
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self.stream.fileno())
        os.close(null)


def check_writable(name: str, inputs: Iterable[str] = ()) -> None:
    """Check in advance that an output file can be written.

    Args:
        name: The output file.
        inputs: Input files, which must not be overwritten; `-` is stdin.

    Raises:
        ConfigurationError: It is a directory, is in a directory that does not exist, or is an
            input.
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
    except (OSError, ValueError):  # it does not exist, or is not a file: reading it reports that
        return False


def write_file(name: str, text: str) -> None:
    """Write a file atomically: readers see the old contents or the new ones.

    A file that is not regular, such as `/dev/stderr` or a pipe, is written to directly.

    Raises:
        UnwritableError: The file cannot be written.
    """
    content = text.encode("utf-8", "replace")
    try:
        if Path(name).exists() and not Path(name).is_file():
            Path(name).write_bytes(content)
            return
        with replacing(name) as new:
            new.write_bytes(content)
    except OSError as error:
        raise UnwritableError(f"the file {name!r}: {error.strerror}") from None


def make_console(stream: TextIO) -> "Console":
    """Return a rich console for a terminal, without colours if NO_COLOR is set."""
    from rich.console import Console  # noqa: PLC0415 - slow to load, and not needed in pipes

    return Console(file=stream, color_system=None if os.environ.get("NO_COLOR") else "auto")
