"""How the maintainer's tools say no: one line that says what is wrong and how to mend it."""

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


def run(main: Callable[[], None]) -> None:
    """Run a script's `main`; a `Failure` ends it with one line on stderr and exit status 1."""
    try:
        main()
    except Failure as failure:
        _end(str(failure))
    except BrokenPipeError:
        sys.exit(1)
    except KeyboardInterrupt:
        _end("interrupted")
    except OSError as error:
        what = " and ".join(str(name) for name in (error.filename, error.filename2) if name)
        _end(f"{what or 'a file'} cannot be used: {error.strerror or error}")


def _end(message: str) -> NoReturn:
    sys.exit(f"error: {' '.join(message.split())}")
