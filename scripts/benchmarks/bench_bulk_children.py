"""The processes of `bench_bulk.py`: they are told what to do, and answer, in lines of JSON."""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Self

from common.failure import Failure


class Child:
    """A process that is told what to do in lines, and answers in lines."""

    def __init__(self, what: str, command: list[str], scratch: Path) -> None:
        self.what = what
        self._errors = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115 - closed below
        try:
            self._process = subprocess.Popen(
                [sys.executable, *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                env=_environment(),
            )
        except BaseException:
            self._errors.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def say(self, job: dict[str, Any]) -> None:
        """Give it something to do."""
        stdin = _pipe(self._process.stdin)
        with suppress(BrokenPipeError):  # it has ended: `hear` says why
            stdin.write(json.dumps(job) + "\n")
            stdin.flush()

    def hear(self) -> Any:
        """Wait for its next line, and return what it says.

        Raises:
            Failure: It ended.
        """
        line = _pipe(self._process.stdout).readline()
        if line:
            return json.loads(line)
        self._process.wait()
        self._errors.seek(0)
        words = self._errors.read().decode(errors="replace").split("\n")
        raise Failure(f"`{self.what}` ended: {next(filter(None, reversed(words)), 'no word')}")

    def end(self) -> Any:
        """Tell it that there is no more to do, and return what it says."""
        _pipe(self._process.stdin).close()
        self._process.stdin = None  # `communicate` would flush it
        return self.hear()


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise TypeError("it is a pipe for every child")
    return pipe


def _environment() -> dict[str, str]:
    """Return the environment, without what may be meant for a real server."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy")
        and not name.startswith(("MODELGATES_", "OPENROUTER"))
    }
