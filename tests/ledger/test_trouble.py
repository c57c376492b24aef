"""Writing fails because the disk is full or the file is locked: no data is lost."""

import sqlite3
import threading

import pytest

from modelgates_client import PermissionDeniedError
from modelgates_client.bulk.outcomes import Failed
from modelgates_client.ledger import Ledger, LedgerCounts, LedgerError

from .sample_outcomes import (
    body,
    failed,
    finish,
    integrity_check,
    output_words,
    resolved,
    rows,
    start_program,
)

FULL = """
import resource, signal
from modelgates_client.ledger import Ledger, LedgerError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def allow(size):
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard if size is None else size, hard))

stored = 0
with Ledger(sys.argv[1]) as ledger:
    allow(int(sys.argv[2]))
    try:
        while stored < 5000:
            ledger.add(resolved(f"gen-{number:05}") for number in range(stored, stored + 50))
            stored += 50
        print("there was room for all")
    except LedgerError as error:
        print("full" if "the disk" in str(error) and "free" in str(error) else error)
    print(ledger.counts().final - stored)
    allow(None)
    ledger.add(resolved(f"gen-{number:05}") for number in range(stored, stored + 50))
    print(ledger.counts().final - stored)
print(stored)
"""


@pytest.mark.parametrize("size", [150_000, 500_000, 2_000_000])
def test_a_full_disk_loses_no_data(path, size):
    """The error says what to do, and the object can be used again; log or ledger hits the limit."""
    output = output_words(start_program(FULL, path, size))
    assert output[:3] == ["full", "0", "50"]
    stored = int(output[3]) + 50
    assert 50 < stored < 5000
    assert integrity_check(path) == "ok"
    with Ledger(path) as ledger:
        ids = [f"gen-{number:05}" for number in range(stored)]
        assert [generation_id for generation_id, _ in ledger.bodies()] == ids
        assert rows(ledger, "generation_id") == [(each,) for each in ids]


def test_a_database_at_its_maximum_size_loses_no_data(ledger):
    """SQLite reports it as full; reading goes on."""
    ledger.add([resolved("gen-0")])
    with ledger._database.reading() as connection:
        connection.execute("PRAGMA max_page_count = 40")
    with pytest.raises(LedgerError, match=r"the disk is full .*; free some space and try again"):
        ledger.add(resolved(f"gen-{number}", title="x" * 5000) for number in range(1, 100))
    assert ledger.counts() == LedgerCounts(final=1, provisional=0, pending=0, failed=0)
    with ledger._database.reading() as connection:
        connection.execute("PRAGMA max_page_count = 4000")
    ledger.add(resolved(f"gen-{number}") for number in range(1, 100))
    assert ledger.counts().final == 100


def test_a_ledger_can_be_created_after_the_disk_was_full(path):
    """No partial ledger is left."""
    code = FULL.replace("with Ledger", "allow(4096)\nwith Ledger", 1)
    process = start_program(code, path, 4096)
    _, err = finish(process)
    assert "LedgerError" in err
    assert "the disk" in err
    with Ledger(path) as ledger:
        assert ledger.counts() == LedgerCounts(0, 0, 0, 0)


@pytest.fixture
def locked(path, ledger):
    """The file, locked by another connection until the test executes `ROLLBACK`."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield other
    other.close()


def test_a_lock_that_lasts_is_an_error_that_can_be_retried(path, locked):
    """After the timeout."""
    locked.execute("ROLLBACK")
    with Ledger(path, timeout_s=0.05) as ledger:
        locked.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match=r"locked for too long .*; try again when"):
            ledger.add([resolved("gen-1")])
        assert ledger.record("gen-1") is None
        locked.execute("ROLLBACK")
        ledger.add([resolved("gen-1")])
        assert ledger.record("gen-1").body == body("gen-1")


def test_a_short_lock_is_waited_for(ledger, locked):
    """The write succeeds as soon as it is released."""
    adding = threading.Thread(target=ledger.add, args=([resolved("gen-1")],))
    adding.start()
    locked.execute("ROLLBACK")
    adding.join()
    assert ledger.counts().final == 1


def test_a_locked_file_can_only_be_opened_for_reading(path, locked):
    """Opening it for writing is an error."""
    with pytest.raises(LedgerError, match="locked for too long"):
        Ledger(path, timeout_s=0.05)
    with Ledger(path, read_only=True, timeout_s=0.05) as reader:
        assert reader.counts() == LedgerCounts(0, 0, 0, 0)


def test_a_missing_table_is_an_error_with_sqlites_message(path, ledger):
    """Another program may have dropped it."""
    other = sqlite3.connect(path)
    other.execute("DROP TABLE queue")
    other.close()
    with pytest.raises(LedgerError, match=r"no such table: .*queue.*another program changed"):
        ledger.counts()


def test_a_stored_error_has_no_key_and_a_bounded_length(ledger):
    """A server may echo a key, and send any text."""
    message = "the key sk-mg-v1-secret is unknown \ud800\x1b[31m\n" + "x" * 100_000
    ledger.add([failed("gen-1", message), failed("gen-2", "x" * 978 + "sk-mg-v1-secret")])
    (first,), (second,) = rows(ledger, "error")
    assert first.startswith("PermissionDeniedError: HTTP 403: the key sk-mg-… is unknown \ufffd")
    assert "\x1b" not in first
    assert len(first) == len(second) == 1000
    assert "secret" not in first + second


def test_a_key_at_the_end_of_a_stored_error_is_removed():
    """Keys are removed before the text is cut."""
    from modelgates_client.ledger.text_encoding import error_text  # noqa: PLC0415 - of this test alone

    for length in range(900, 2100):
        error = PermissionDeniedError("x" * length + " sk-mg-v1-secret", 403)
        assert "v1" not in error_text(Failed("gen-1", error).error)


def test_a_write_within_a_write_is_an_error(ledger):
    """It would end the outer transaction, which goes on."""
    with ledger._database.writing() as connection:
        with pytest.raises(RuntimeError, match="within a write"):
            ledger.enqueue(["gen-1"])
        connection.execute("INSERT INTO ids (id) VALUES ('gen-2')")
    assert ledger.counts().final == 1
