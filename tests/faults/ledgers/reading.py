"""All operations on a ledger that was damaged."""

from modelgates_client import PermissionDeniedError
from modelgates_client.bulk.outcomes import Failed
from modelgates_client.ledger import Ledger, LedgerError
from modelgates_client.reports.periods import Period

from ...ledger.sample_outcomes import resolved
from ...reports.sample_ledgers import spending_of_ledger
from .damages import damaged

RECORDS = 40  # as few as give both large tables an inner page
ALL = Period(None, None, "UTC")


def create_ledger(path):
    """Create a ledger of some pages; return its content."""
    with Ledger(path) as ledger:
        ledger.enqueue([f"gen-waiting-{number}" for number in range(20)])
        ledger.add(resolved(f"gen-{number}", **fields(number)) for number in range(RECORDS))
        ledger.add([Failed("gen-failed", PermissionDeniedError("not under this key", 403, 1))])
    return path.read_bytes()


def fields(number):
    """Return the fields of a record."""
    return {
        "total_cost": (number + 1) / 1000,
        "created_at": f"2026-11-{1 + number % 9:02}T12:00:00Z",
        "is_byok": False,
        "model": f"model-{number % 4}-{'x' * 160}",
        "native_tokens_prompt": number,
        "title": "x" * (number * 14 % 1800),
    }


def assert_correct_or_error(content, seed, path):
    """Damage a ledger: each operation is correct, or raises an error of one line."""
    path.write_bytes(damaged(content, seed))
    spent = result_or_none(lambda: spending_of_ledger(str(path), ALL, "charged"))
    if spent is not None and not spent.differences:
        assert spent.records == RECORDS
        assert spent.known_usd * 1000 == RECORDS * (RECORDS + 1) // 2
    result_or_none(lambda: read_all(path))
    result_or_none(lambda: write_and_repair(path))


def read_all(path):
    """Read everything."""
    with Ledger(path, read_only=True) as ledger:
        ledger.counts()
        ledger.record("gen-7")
        ledger.history("gen-7")
        assert len({key for key, _ in ledger.bodies()}) <= RECORDS + 1
        return list(ledger.flaws())


def write_and_repair(path):
    """Open it for writing, add to it, and repair it."""
    with Ledger(path) as ledger:
        ledger.enqueue(["gen-new"])
        ledger.add([resolved("gen-7", total_cost=5), resolved("gen-late", total_cost=1)])
        ledger.lease(3)
        ledger.repair(list(ledger.flaws()))


def result_or_none(operation):
    """Return a result; None if there is an error, which has to be one line."""
    try:
        return operation()
    except LedgerError as error:
        message = str(error)
    assert "\n" not in message
    return None
