"""The responses that are served and decoded, and what the generator makes of the spec by itself."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common import toolchain
from common.project import Project
from common.tool_errors import ToolError

SCHEMAS = "schemas.json"  # the spec's `components.schemas`
COMPLETE = "complete.json"  # a record with every key of the spec, served at the third attempt
EXTENDED = "extended.json"  # the same, with keys that the SDK of another gateway insists on
RECORDS = "records.jsonl"  # many records of one account, a body a line
GENERATOR_CLIENT = "plain_client"  # the package that the generator makes without our overlays

_RECORD = "tests/records/2026-02-cancelled-stream.json"
_SCHEMA = "GenerationResponseData"
_EXTENSION = ("data_region", "preset_id", "workspace_id")


def write(project: Project, folder: Path, count: int) -> None:
    """Write all of these into a folder.

    Args:
        project: Whose spec and record they are made of.
        folder: Where contenders and servers look for them.
        count: How many records of one account.

    Raises:
        ToolError: The spec or the record is not as it was, or the generator fails.
    """
    from common import documents  # noqa: PLC0415 - needs what `check_versions` has looked for

    try:
        schemas = documents.load(project.spec)["components"]["schemas"]
        properties = schemas[_SCHEMA]["properties"]
        real: dict[str, Any] = json.loads((project.root / _RECORD).read_bytes())["data"]
        full = complete(real, properties)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ToolError(
            f"{_RECORD}, or {_SCHEMA} of the spec, is not as it was: {error!r}"
        ) from None
    (folder / SCHEMAS).write_bytes(json.dumps(schemas).encode())
    (folder / COMPLETE).write_bytes(encode(full))
    (folder / EXTENDED).write_bytes(encode({**dict.fromkeys(_EXTENSION), **full}))
    (folder / RECORDS).write_bytes(b"".join(encode(one) + b"\n" for one in distinct(full, count)))


def write_generator_client(project: Project, folder: Path) -> None:
    """Generate what anyone would get from the spec: no overlays, templates or configuration.

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


def complete(real: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    """Return a record that has every key of the spec and was served at the third attempt.

    The keys stay in the order of the real record: Structs, which are fastest when the order is
    their own (by a quarter here), do not get to choose it from a live server either.
    """
    served = real["provider_responses"][-1]
    failed = [
        {**served, "id": "oAbYqLe-2kFHot-9c3ad8a5", "provider_name": "Together", "status": 503},
        {**served, "id": "req_01kjam3q9wf3trw8", "provider_name": "Groq", "status": 429},
    ]
    texts = {
        "http_referer": "https://example.com/",
        "request_id": "req-1771967973-7hQ2mVbXcN4rTz8sLw1k",
        "session_id": "session-5f2c9d",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
    }
    missing = {key: texts.get(key) for key in properties if key not in real}
    return {**real, **missing, "provider_responses": [*failed, served]}


def distinct(full: dict[str, Any], count: int) -> Iterator[dict[str, Any]]:
    """Yield records of one account: each its own ids, numbers and times, few models and origins."""
    chance = random.Random(0)  # noqa: S311 - the same records every time; nothing is secret
    models = ["meta-llama/llama-4-scout-17b-16e-instruct", "openai/gpt-5-mini", "z-ai/glm-4.7"]
    providers = ["DeepInfra", "Together", "Groq", "Fireworks", "Novita", "Cerebras"]
    origins = [f"https://{name}.example.com/" for name in ("app", "batch", "docs")]
    agents = [full["user_agent"], "python-httpx/0.28.1", "OpenAI/Python 2.8.0", "node"]
    for number in range(count):
        model, origin = chance.choice(models), chance.choice(origins)
        names = chance.sample(providers, k=3)
        attempts = [
            {
                **attempt,
                "endpoint_id": f"9cf05ded-eefe-41b4-8c08-{models.index(model):04}{name:->8.8}",
                "id": f"chatcmpl-{chance.getrandbits(96):024x}",
                "latency": chance.randrange(100, 9000),
                "model_permaslug": model,
                "provider_name": name,
            }
            for name, attempt in zip(names, full["provider_responses"], strict=True)
        ]
        tokens = {
            key: chance.randrange(10, 50_000)
            for key, value in full.items()
            if "tokens" in key and value is not None
        }
        cost = round(chance.uniform(1e-6, 0.2), 8)
        second = f"{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}"
        yield {
            **full,
            **tokens,
            "created_at": f"2026-02-24T{second}.{chance.randrange(1000):03}Z",
            "generation_time": chance.randrange(500, 90_000),
            "http_referer": origin,
            "id": f"gen-{1771967973 + number}-{chance.getrandbits(80):020x}",
            "latency": chance.randrange(100, 9000),
            "model": model,
            "origin": origin,
            "provider_name": names[-1],
            "provider_responses": attempts,
            "request_id": f"req-{1771967973 + number}-{chance.getrandbits(80):020x}",
            "session_id": f"session-{number // 20:06x}",
            "total_cost": cost,
            "upstream_id": attempts[-1]["id"],
            "usage": cost,
            "user_agent": chance.choice(agents),
        }
