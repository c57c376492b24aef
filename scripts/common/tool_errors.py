"""Errors, arguments and output of the maintainer's tools; an error is one line with its reason."""

import argparse
import os
import shutil
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

#: The environment variable that holds the command by which `scripts/run.py` was started.
RUN_BY = "MODELGATES_RUN_BY"


class ToolError(Exception):
    """A problem for the maintainer to solve; its text is the whole message."""


class Arguments(argparse.ArgumentParser):
    """An argument parser that reports errors in the same way."""

    def error(self, message: str) -> NoReturn:
        """Refuse the arguments."""
        raise ToolError(f"{message}; see --help")


def run(main: Callable[[], None], *, status: int = 1) -> None:
    """Run a script's `main`; a `ToolError` ends it with one line on stderr.

    Args:
        main: The script's main function.
        status: The exit status of a failure; not 1 if the script uses 1 for another result.
    """
    before = signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # as for Ctrl-C, so that cleanup runs
    try:
        main()
    except ToolError as error:
        _end(str(error), status)
    except ImportError as error:
        if not str(error.name).startswith("openapi_python_client"):
            raise
        _end(f"this version of the generator is not supported: {error}", status)
    except BrokenPipeError:
        sys.exit(status)
    except KeyboardInterrupt:
        _end("interrupted", status)
    except shutil.Error as error:  # for a whole tree, with a reason for each file
        ((_, _, reason), *_) = error.args[0]
        _end(f"files cannot be copied: {reason}", status)
    except OSError as error:
        what = " and ".join(str(name) for name in (error.filename, error.filename2) if name)
        _end(f"{what or 'a file'} cannot be used: {error.strerror or error}", status)
    finally:
        signal.signal(signal.SIGTERM, before)


def one_line(text: str) -> str:
    """Return text from a spec as one line without control characters."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def print_hint(message: str) -> None:
    """Print a message, with `nox` commands as the user has to type them."""
    print(_with_command(message))


def _with_command(message: str) -> str:
    """Replace `nox -s` by `scripts/run.py` if that was used: nox may not be on the PATH."""
    command = os.environ.get(RUN_BY)
    return message.replace("`nox -s ", f"`{command} ") if command else message


def progress(message: str) -> None:
    """Show a progress line on a terminal; an empty message clears it."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{message}", end="", file=sys.stderr, flush=True)


def _end(message: str, status: int) -> NoReturn:
    line = f"error: {_with_command(' '.join(message.split()))}"
    if status == 1:
        sys.exit(line)
    print(line, file=sys.stderr)
    sys.exit(status)
