"""How the maintainer's tools talk: what they are doing, and no, in one line that says why."""

import argparse
import sys
from collections.abc import Callable
from typing import NoReturn


class Failure(Exception):  # noqa: N818 - a refusal, not an error of the program
    """Something that the maintainer has to mend; its text is the whole message."""


class Arguments(argparse.ArgumentParser):
    """A parser of arguments that says no in the same way."""

    def error(self, message: str) -> NoReturn:
        """Refuse the arguments."""
        raise Failure(f"{message}; see --help")


def run(main: Callable[[], None], *, status: int = 1) -> None:
    """Run a script's `main`; a `Failure` ends it with one line on stderr.

    Args:
        main: What the script does.
        status: The exit status of a failure: another than 1 where that says something else.
    """
    try:
        main()
    except Failure as failure:
        _end(str(failure), status)
    except BrokenPipeError:
        sys.exit(status)
    except KeyboardInterrupt:
        _end("interrupted", status)
    except OSError as error:
        what = " and ".join(str(name) for name in (error.filename, error.filename2) if name)
        _end(f"{what or 'a file'} cannot be used: {error.strerror or error}", status)


def progress(words: str) -> None:
    """Say on a terminal what is being done; an empty text takes it away."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{words}", end="", file=sys.stderr, flush=True)


def _end(message: str, status: int) -> NoReturn:
    line = f"error: {' '.join(message.split())}"
    if status == 1:
        sys.exit(line)
    print(line, file=sys.stderr)
    sys.exit(status)
