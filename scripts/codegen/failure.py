"""How the maintainer's tools say no: one line that says what is wrong and how to mend it."""

import sys
from collections.abc import Callable


class Failure(Exception):
    """Something that the maintainer has to mend; its text is the whole message."""


def run(main: Callable[[], None]) -> None:
    """Run a script's `main`; a `Failure` ends it with one line on stderr and exit status 1."""
    try:
        main()
    except Failure as failure:
        text = " ".join(str(failure).split())
        sys.exit(f"error: {text}")
    except BrokenPipeError:
        sys.exit(1)
