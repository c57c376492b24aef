"""Outcomes of every kind without a server, and subprocesses that use a ledger."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

from modelgates_client import (
    GenerationNotReadyError,
    NotFoundError,
    PermissionDeniedError,
    Response,
)
from modelgates_client.bulk.outcomes import Failed, Pending, Resolved
from modelgates_client.ledger.values import decode
from modelgates_client.records.generation import GenerationResponse


def body(generation_id, *, final=True, **changes):
    """Return the body of a response with a record."""
    record = {"id": generation_id, "finish_reason": "stop" if final else None, **changes}
    return json.dumps({"data": record}).encode()


def response(generation_id, content=None, *, requests=1, request_id="req-1", **changes):
    """Return the response of a call for an id."""
    content = body(generation_id, **changes) if content is None else content
    headers = {"x-request-id": request_id}
    record = decode(content, 200, generation_id)
    return Response(GenerationResponse(data=record), 200, headers, content, requests, 0.25)


def resolved(generation_id, content=None, **changes):
    """Return the outcome of an id with a record."""
    return Resolved(generation_id, response(generation_id, content, **changes))


def pending(generation_id, received=None, requests=1):
    """Return the outcome of an id without a final record; `received`: a provisional one."""
    last = None if received is not None else NotFoundError("no such record", 404)
    error = GenerationNotReadyError(generation_id, 1.0, requests, received, last)
    return Pending(generation_id, error)


def failed(generation_id, message="not under this key", requests=1):
    """Return the outcome of an id that the server refuses."""
    return Failed(generation_id, PermissionDeniedError(message, 403, requests))


def rows(ledger, *columns):
    """Return some columns of the view `rows`, ordered by id."""
    names = ", ".join(f'"{name}"' for name in columns)
    with ledger._database.reading() as connection:
        return connection.execute(f"SELECT {names} FROM rows ORDER BY generation_id").fetchall()


def integrity_check(path):
    """Return the result of SQLite's integrity check, from a separate connection."""
    connection = sqlite3.connect(path)
    try:
        (result,) = connection.execute("PRAGMA integrity_check").fetchone()
        return result
    finally:
        connection.close()


def start_program(code, *arguments, unprivileged=False):
    """Start a subprocess that imports this module; `unprivileged`: permissions apply to it.

    Root may write everywhere, so the subprocess drops this capability.
    """
    mine = str(Path(__file__).parent)
    start = f"import sys; sys.path.insert(0, {mine!r})\nfrom sample_outcomes import *\n{code}"
    command = [sys.executable, "-c", start, *map(str, arguments)]
    if unprivileged and os.geteuid() == 0:
        setpriv = shutil.which("setpriv")
        assert setpriv, "root needs setpriv, of util-linux, to try what others may not do"
        command = [setpriv, "--bounding-set=-dac_override,-dac_read_search", *command]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def finish(process):
    """Wait for a subprocess; return the rest of its output, and its errors."""
    with process:  # closes the pipes, and waits
        return process.stdout.read(), process.stderr.read()


def output_words(process):
    """Return the words that a subprocess prints; it has to succeed."""
    out, err = finish(process)
    assert process.returncode == 0, err
    return out.split()
