"""The responses that are served and decoded, and what the generator makes of the spec by itself."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common import toolchain
from common.project import Project
from common.tool_errors import ToolError

from benchmarks.synthetic_year import items

SCHEMAS = "schemas.json"  # the spec's `components.schemas`
COMPLETE = "complete.json"  # a record with every key of the spec, served at the third attempt
RECORDS = "records.jsonl"  # many records of one account, a body per line
GENERATOR_CLIENT = "plain_client"  # the package that the generator makes without our overlays
EXTENDED_PATH = "extended"  # serves records with keys that the SDK of another gateway requires

_RECORD = "tests/records/2026-02-cancelled-stream.json"
_SCHEMA = "GenerationResponseData"
_EXTENSION = ("data_region", "preset_id", "workspace_id")
_TEXTS = {
    "http_referer": "https://example.com/",
    "request_id": "req-1771967973-7hQ2mVbXcN4rTz8sLw1k",
    "session_id": "session-5f2c9d",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
}


def write(project: Project, folder: Path, count: int) -> None:
    """Write the files into a folder.

    Args:
        project: The project with the spec and the recorded response.
        folder: Where contenders and servers look for them.
        count: The number of ids of the account, most of which have a record.

    Raises:
        ToolError: The spec or the recorded response is not as expected.
    """
    from common import documents  # noqa: PLC0415 - needs what `check_versions` has looked for

    try:
        schemas = documents.load(project.spec)["components"]["schemas"]
        recorded: dict[str, Any] = json.loads((project.root / _RECORD).read_bytes())["data"]
        full = complete(recorded, schemas)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ToolError(
            f"{_RECORD}, or {_SCHEMA} of the spec, is not as expected: {error!r}"
        ) from None
    lines = b"".join(encode(record) + b"\n" for record in of_one_account(full, count))
    (folder / SCHEMAS).write_text(json.dumps(schemas))
    (folder / COMPLETE).write_bytes(encode(full))
    (folder / RECORDS).write_bytes(lines)


def served(folder: Path) -> dict[str, bytes]:
    """Return what the server responds with, by the first part of the path."""
    body = (folder / COMPLETE).read_bytes()
    extended = {**dict.fromkeys(_EXTENSION), **json.loads(body)["data"]}
    return {"": body, EXTENDED_PATH: encode(extended)}


def write_generator_client(project: Project, folder: Path) -> None:
    """Generate what anyone gets from the spec: without overlays, templates or configuration.

    Raises:
        ToolError: The generator fails.
    """
    options = ["--path", str(project.spec), "--meta", "none"]
    options += ["--output-path", str(folder / GENERATOR_CLIENT)]
    path = os.pathsep.join([toolchain.search_path(), os.environ.get("PATH", "")])
    command = [sys.executable, "-m", "openapi_python_client", "generate", *options]
    environ = {**os.environ, "PATH": path}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    if done.returncode:
        raise ToolError(f"the generator fails: {(done.stderr or done.stdout).strip()[-300:]}")


def encode(record: dict[str, Any]) -> bytes:
    """Return a response's body, without spaces as servers send it."""
    return json.dumps({"data": record}, separators=(",", ":")).encode()


def complete(recorded: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Return a record that has every key of the spec and was served at the third attempt.

    The keys stay in the order of the recorded response: Structs are fastest (by a quarter here)
    when the order is their own, which they cannot expect of a live server.
    """
    last = recorded["provider_responses"][-1]
    failed = [
        {**last, "id": "oAbYqLe-2kFHot-9c3ad8a5", "provider_name": "Together", "status": 503},
        {**last, "id": "req_01kjam3q9wf3trw8", "provider_name": "Groq", "status": 429},
    ]
    properties = schemas[_SCHEMA]["properties"]
    missing = {
        key: _TEXTS.get(key, _allowed(schema, schemas))
        for key, schema in properties.items()
        if key not in recorded
    }
    return {**recorded, **missing, "provider_responses": [*failed, last]}


def _allowed(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """Return a value that a schema allows: null, or else the first one of an enum."""
    schema = schemas.get(str(schema.get("$ref")).rpartition("/")[2], schema)
    is_nullable = not isinstance(schema.get("type"), str)
    return None if is_nullable or "enum" not in schema else schema["enum"][0]


def of_one_account(full: dict[str, Any], count: int) -> Iterator[dict[str, Any]]:
    """Yield complete records with the ids, numbers and times of the usual ones of a year."""
    for place, item in enumerate(items(count)):
        if item.record and not item.kind:
            attempts = [
                {**attempt, "id": f"chatcmpl-{number}-{item.generation_id}"}
                for number, attempt in enumerate(full["provider_responses"])
            ]
            yield {
                **full,
                **item.record,
                "provider_responses": attempts,
                "request_id": f"req-{item.generation_id}",
                "session_id": f"session-{place // 20:06x}",
                "upstream_id": attempts[-1]["id"],
            }
