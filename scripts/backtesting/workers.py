"""The worker processes that decode: one at a time per client, with a timeout for each body.

The client is not trusted: it is imported by a process of its own, which inherits neither the
environment nor the standard input. One that ends or hangs is a result, not an error.
"""

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from common.project import PACKAGE

from backtesting.bodies import ResponseBody
from backtesting.clients import GeneratedClient

#: Seconds that one body may take; starting takes a part of the first one's.
PATIENCE_S = 60.0

_DEATHS = 3  # of the workers of one client, after which no other is started
_SCRIPTS = str(Path(__file__).parents[1])
_PROGRAM = (
    f"import sys; sys.path.insert(0, {_SCRIPTS!r}); "
    "from backtesting import decoding; decoding.main()"
)
_KEPT = ("PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP")
_SHOWN = 200  # characters of a dead worker's last words that are worth showing


def decode(
    client: GeneratedClient, bodies: Sequence[ResponseBody], patience_s: float = PATIENCE_S
) -> Iterator[dict[str, Any]]:
    """Yield the result of each body in order, in the format that `decoding` documents.

    A body that it has no operation for has the outcome `unknown`.
    """
    modules = [client.module(body) for body in bodies]
    results = _decode_lines(
        client,
        [
            json.dumps([module, body.code, body.kind, body.content])
            for module, body in zip(modules, bodies, strict=True)
            if module is not None
        ],
        patience_s,
    )
    for module in modules:
        yield {"outcome": "unknown"} if module is None else next(results)


def _decode_lines(
    client: GeneratedClient, lines: list[str], patience_s: float
) -> Iterator[dict[str, Any]]:
    done, deaths, reason = 0, 0, ""
    with tempfile.TemporaryDirectory(prefix="modelgates-backtest-") as scratch:
        file = Path(scratch) / "bodies.jsonl"
        file.write_text("".join(f"{line}\n" for line in lines), encoding="ascii", newline="\n")
        while done < len(lines) and deaths < _DEATHS:
            with (Path(scratch) / "stderr").open("w+b") as stderr:
                for result in _run_worker(client, file, done, patience_s, stderr):
                    done += 1
                    yield result
                if done < len(lines):
                    deaths += 1
                    reason = f"the worker {_last_line(stderr) or 'ended or hung without a message'}"
                    yield {"outcome": "crash", "detail": reason}
                    done += 1
    for _ in range(done, len(lines)):
        yield {"outcome": "crash", "detail": f"not tested after {_DEATHS} failures: {reason}"}


def _run_worker(
    client: GeneratedClient, file: Path, skipped: int, patience_s: float, stderr: IO[bytes]
) -> Iterator[dict[str, Any]]:
    """Yield the results of one worker until it ends, hangs or writes an invalid line."""
    arguments = [str(client.directory), PACKAGE, str(client.runtime), str(file), str(skipped)]
    with subprocess.Popen(
        [sys.executable, "-I", "-B", "-c", _PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        env={name: os.environ[name] for name in _KEPT if name in os.environ},
        cwd=file.parent,
    ) as process:
        lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        assert process.stdout is not None  # noqa: S101 - PIPE was asked for
        reading = threading.Thread(target=_enqueue_lines, args=(process.stdout, lines), daemon=True)
        reading.start()
        try:
            while result := _next_result(lines, patience_s):
                yield result
        finally:
            process.kill()
            reading.join()


def _enqueue_lines(stream: IO[bytes], lines: "queue.SimpleQueue[bytes]") -> None:
    for line in stream:
        lines.put(line)
    lines.put(b"")


def _next_result(lines: "queue.SimpleQueue[bytes]", patience_s: float) -> dict[str, Any] | None:
    try:
        line = lines.get(timeout=patience_s)
        result = json.loads(line) if line else None
    except (queue.Empty, ValueError):
        return None
    return result if isinstance(result, dict) else None


def _last_line(stderr: IO[bytes]) -> str:
    stderr.seek(0)
    lines = stderr.read().decode("utf-8", "replace").split("\n")
    text = next((line for line in reversed(lines) if line.strip()), "")
    return "".join(c if c.isprintable() else "?" for c in text)[:_SHOWN]
