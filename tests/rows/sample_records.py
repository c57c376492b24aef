"""Sample records and ledgers, and the values of their rows as Python types."""

import datetime
import json
from decimal import Decimal

from modelgates_client import (
    GenerationNotReadyError,
    NotFoundError,
    PermissionDeniedError,
    Response,
)
from modelgates_client.bulk.outcomes import Failed, Pending, Resolved
from modelgates_client.ledger import Ledger
from modelgates_client.ledger.capture_file import CaptureFile
from modelgates_client.ledger.values import decode
from modelgates_client.records.generation import GenerationResponse
from modelgates_client.rows.columns import ALL_COLUMNS

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
OBTAINED = 1_800_000_000.0

#: A record with a value in every field that computed columns use.
FULL = {
    "api_type": "completions",
    "app_id": 7,
    "cache_discount": -0.0000125,
    "cancelled": False,
    "created_at": "2026-02-24T21:19:33.705Z",
    "external_user": "u-1",
    "finish_reason": "stop",
    "generation_time": 2000,
    "is_byok": False,
    "latency": 1016.5,
    "model": "vendor/model",
    "native_tokens_completion": 100,
    "native_tokens_prompt": 64,
    "origin": "",
    "provider_name": "DeepInfra",
    "provider_responses": [
        {"provider_name": "Groq", "status": 429, "latency": 12.5},
        {"provider_name": "DeepInfra", "status": 200, "latency": 420},
    ],
    "session_id": "s-1",
    "streamed": True,
    "total_cost": 0.00003452,
    "upstream_inference_cost": 0,
    "usage": 0.00003452,
}

#: Strings that are special in SQL, CSV, spreadsheets, terminals or C.
HOSTILE = (
    "'; DROP TABLE rows; --",
    'say "hi", twice\r\nand on',
    "=HYPERLINK(A1)",
    "-1+1",
    "@x",
    "\tx",
    "\x1b]0;x\x07",
    "nul\x00nul",
    "é😀\u202e",
    "NULL",
    "",
    " ",
    "\\N",
    "{'a': 1}",
)


def record(generation_id="gen-1", **changes):
    """Return a decoded record with these fields."""
    body = json.dumps({"data": {"id": generation_id, **changes}}).encode()
    return decode(body, 200, generation_id)


def resolved(generation_id, **changes):
    """Return the outcome of an id with a record."""
    content = json.dumps({"data": {"id": generation_id, **changes}}).encode()
    data = decode(content, 200, generation_id)
    return Resolved(
        generation_id, Response(GenerationResponse(data=data), 200, {}, content, 2, 0.25)
    )


def pending(generation_id):
    """Return the outcome of an id without a record."""
    last = NotFoundError("no such record", 404)
    return Pending(generation_id, GenerationNotReadyError(generation_id, 1.0, 3, None, last))


def failed(generation_id):
    """Return the outcome of an id that the server refuses."""
    return Failed(generation_id, PermissionDeniedError("=not under this key", 403, 1))


def ledger_of(path, *outcomes, ids=(), now=OBTAINED):
    """Create a ledger; return its path."""
    with Ledger(path, clock=lambda: now) as ledger:
        ledger.enqueue(ids)
        ledger.add(outcomes)
    return path


def label(path, labels):
    """Capture ids with labels by id; a ledger adds them when it is opened next."""
    file = CaptureFile(path)
    for generation_id, labels_of_id in labels.items():
        file.append(generation_id, labels_of_id)


def various():
    """Return outcomes of every kind."""
    own_key = {**FULL, "is_byok": True, "upstream_inference_cost": 0.1, "total_cost": 0.2}
    return (
        resolved("gen-full", **FULL),
        resolved("gen-byok", **own_key),
        resolved("gen-bare"),
        resolved("gen-open", **{**FULL, "finish_reason": None, "provider_responses": []}),
        resolved("gen-odd", **{**FULL, "total_cost": "1", "app_id": 2**70, "usage": 1e-30}),
        resolved("gen-free", **{**FULL, "total_cost": 0, "usage": 0.0}),
        resolved("gen-refund", **{**FULL, "total_cost": -12345678901234.56, "usage": 5e-24}),
        resolved("gen-old", **{**FULL, "created_at": "0001-01-02T03:04:05.678901234+01:00"}),
        *(
            resolved(f"gen-{number}-{text[:3]}", **{**FULL, "model": text, "external_user": text})
            for number, text in enumerate(HOSTILE)
        ),
        pending("gen-pending"),
        failed("gen-failed"),
    )


def typed(column, stored):
    """Return a stored value as its Python type."""
    if stored is None:
        return None
    match column.kind:
        case "usd":
            return Decimal(stored)
        case "time":
            return EPOCH + datetime.timedelta(microseconds=stored)
        case "boolean":
            return bool(stored)
        case "attempts" | "names" | "labels":
            return json.loads(stored)
        case _:
            return stored


def rows_of(path):
    """Return the rows of a ledger by id, with values as Python types."""
    with Ledger(path, read_only=True) as ledger, ledger._database.reading() as connection:
        stored = connection.execute("SELECT * FROM rows").fetchall()
    rows = [
        {c.name: typed(c, value) for c, value in zip(ALL_COLUMNS, row, strict=True)}
        for row in stored
    ]
    by_id = {row["generation_id"]: row for row in rows}
    assert len(by_id) == len(rows)
    return by_id
