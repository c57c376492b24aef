"""Runs in a worker process: a generated client decodes bodies, line by line.

It reads a file of JSON Lines, `[module, code, kind, content]`, and writes one line for each, in
order: an object with the `outcome` `decoded` and the lists `drift`, `unreadable`, `wrong_values`
and `losses`, or with the outcome `invalid`, `unexpected` or `crash`. It ends by itself only after
the last line. Output of the client goes to standard error.
"""

import importlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from backtesting.fidelity import AttributeReader, Runtime, examine

_SHOWN = 200  # characters of an exception that are worth showing


def main() -> None:
    """Decode the bodies of a file.

    Arguments: the directory and the name of the package, the directory of the runtime, the file,
    and how many of its lines to skip.
    """
    directory, package, runtime, file, skipped = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    sys.path[:0] = [directory, runtime]
    decode = decoder(directory, package)
    with Path(file).open(encoding="ascii") as lines:
        for number, line in enumerate(lines):
            if number >= int(skipped):
                answers.write(json.dumps(decode(*json.loads(line))) + "\n")
                answers.flush()


def decoder(directory: str, package: str) -> Callable[[str, int, str, str], dict[str, Any]]:
    """Return a function that decodes one body with a generated package.

    Raises:
        ImportError: The package cannot be imported from that directory.
    """
    errors = importlib.import_module(f"{package}.errors")
    if not Path(str(errors.__file__)).is_relative_to(directory):
        raise ImportError(f"{package} was imported from {errors.__file__}, not {directory}")
    decoded = importlib.import_module("modelgates_runtime.decoded")
    encoding = importlib.import_module("modelgates_runtime.encoding")
    runtime = Runtime(
        lambda body: list(body.drift if hasattr(body, "drift") else decoded.find_drift(body, "")),
        lambda body: body.to_dict() if hasattr(body, "to_dict") else encoding.encode(body),
    )
    reader = AttributeReader(errors.FieldError)
    operations: dict[str, tuple[Callable[[int, bytes], Any], Any]] = {}

    def decode(module: str, code: int, kind: str, content: str) -> dict[str, Any]:
        try:
            if module not in operations:
                loaded = importlib.import_module(f"{package}.{module}")
                operations[module] = loaded.OPERATION.decode, loaded._Answer  # noqa: SLF001 - for this
            parse, hint = operations[module]
            sent = json.loads(content) if kind == "json" else (content if kind == "text" else None)
            try:
                record = parse(code, content.encode())
            except errors.InvalidBodyError as error:
                return {"outcome": "invalid", "detail": str(error.reason)[:_SHOWN]}
            except errors.UnexpectedStatusError:
                return {"outcome": "unexpected"}
            if record is None and sent is not None and _ignores_bodies(parse, code):
                sent = None
            elif record == content:  # read as the text that it is, whatever is in it
                sent = content
            findings, drift = examine(record, hint, sent, reader, runtime)
            return {
                "outcome": "decoded",
                "drift": [[e.pointer, e.kind, e.expected, e.found] for e in drift],
                "unreadable": findings.unreadable,
                "wrong_values": findings.wrong_values,
                "losses": findings.losses,
            }
        except BaseException as error:  # noqa: BLE001 - SystemExit too: the answer is that
            return {"outcome": "crash", "detail": f"{type(error).__name__}: {error}"[:_SHOWN]}

    return decode


def _ignores_bodies(parse: Callable[[int, bytes], Any], code: int) -> bool:
    """Whether the spec gives no body for a status, so that none is read, whatever it is."""
    try:
        return parse(code, b"\0") is None  # no JSON
    except Exception:  # noqa: BLE001 - it is read, whatever becomes of it
        return False
