"""Sample ledgers, created without a server."""

import json

from modelgates_client import Generation, PermissionDeniedError, Response
from modelgates_client.bulk.outcomes import Failed, Resolved
from modelgates_client.ledger import Ledger
from modelgates_client.records.generation import GenerationResponse
from modelgates_client.reports.reading import rows_of_ledger
from modelgates_client.reports.spending import spending


def record(number, **changes):
    """Return a final record of 2 November 2026, noon, without upstream costs."""
    return {
        "id": f"gen-{number}",
        "finish_reason": "stop",
        "created_at": "2026-11-02T12:00:00Z",
        "is_byok": False,
        **changes,
    }


def make_ledger(path, *records, pending=0, failed=0):
    """Create a ledger with records and ids without a record; return its path."""
    with Ledger(path) as ledger:
        ledger.enqueue([f"gen-pending-{number}" for number in range(pending)])
        ledger.add([resolved(each) for each in records])
        error = PermissionDeniedError("not under this key", 403, 1)
        ledger.add([Failed(f"gen-failed-{number}", error) for number in range(failed)])
    return str(path)


def resolved(item):
    """Return the outcome of an id with a record."""
    body = json.dumps({"data": item}).encode()
    response = Response(GenerationResponse(data=Generation.from_dict(item)), 200, {}, body, 1, 0.25)
    return Resolved(item["id"], response)


def spending_of_ledger(path, *arguments, **options):
    """Return the spending of a ledger."""
    with rows_of_ledger(str(path)) as rows:
        return spending(rows, *arguments, **options)
