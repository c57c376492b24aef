"""How the maintainer's tools talk: what they are doing, and no, in one line that says why."""

import argparse
import os
import shutil
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

#: The variable in which `scripts/run.py` says how it was started.
RUN_BY = "MODELGATES_RUN_BY"


class ToolError(Exception):
    """Something that the maintainer has to mend; its text is the whole message."""


class Arguments(argparse.ArgumentParser):
    """A parser of arguments that says no in the same way."""

    def error(self, message: str) -> NoReturn:
        """Refuse the arguments."""
        raise ToolError(f"{message}; see --help")


def run(main: Callable[[], None], *, status: int = 1) -> None:
    """Run a script's `main`; a `ToolError` ends it with one line on stderr.

    Args:
        main: What the script does.
        status: The exit status of a failure: another than 1 where that says something else.
    """
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: clears up
    try:
        main()
    except ToolError as failure:
        _end(str(failure), status)
    except ImportError as error:
        if not str(error.name).startswith("openapi_python_client"):
            raise
        _end(f"the generator is not the one that this stands on: {error}", status)
    except BrokenPipeError:
        sys.exit(status)
    except KeyboardInterrupt:
        _end("interrupted", status)
    except shutil.Error as error:  # of a whole tree, each file with its reason
        ((_, _, reason), *_) = error.args[0]
        _end(f"files cannot be copied: {reason}", status)
    except OSError as error:
        what = " and ".join(str(name) for name in (error.filename, error.filename2) if name)
        _end(f"{what or 'a file'} cannot be used: {error.strerror or error}", status)
    finally:
        signal.signal(signal.SIGTERM, before)


def tell(words: str) -> None:
    """Say something that may name commands, as whoever runs this has them."""
    print(_as_run(words))


def _as_run(words: str) -> str:
    """Name sessions by `scripts/run.py` where that was started: nox may not be on the path."""
    by = os.environ.get(RUN_BY)
    return words.replace("`nox -s ", f"`{by} ") if by else words


def progress(words: str) -> None:
    """Say on a terminal what is being done; an empty text takes it away."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{words}", end="", file=sys.stderr, flush=True)


def _end(message: str, status: int) -> NoReturn:
    line = f"error: {_as_run(' '.join(message.split()))}"
    if status == 1:
        sys.exit(line)
    print(line, file=sys.stderr)
    sys.exit(status)
