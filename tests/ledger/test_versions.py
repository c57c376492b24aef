"""Changes between versions: upgrade steps of the tables, and columns of the rows."""

import hashlib
import json
import sqlite3

import pytest

from modelgates_client.exports.source import open_rows, open_source
from modelgates_client.ledger import (
    Ledger,
    LedgerCounts,
    LedgerError,
    control_totals,
    derived,
    schema,
)
from modelgates_client.reports.periods import Period
from modelgates_client.rows.columns import ALL_COLUMNS

from ..reports.sample_ledgers import spending_of_ledger
from .sample_outcomes import body, failed, pending, resolved, rows

STEP_COUNT = len(schema.STEPS)


def version(path):
    """Return the version of a file, and a dump of its content."""
    connection = sqlite3.connect(path)
    try:
        return connection.execute("PRAGMA user_version").fetchone()[0], list(connection.iterdump())
    finally:
        connection.close()


def add_priority(connection):
    """A step of a later version."""
    connection.execute("ALTER TABLE queue ADD COLUMN priority INTEGER")
    connection.execute("UPDATE queue SET priority = 3")


def index_priority(connection):
    """A step that depends on the one before."""
    connection.execute("CREATE INDEX queue_priority ON queue (priority)")


def fail_halfway(connection):
    """A step that fails halfway."""
    index_priority(connection)
    connection.execute("DELETE FROM records")
    connection.execute("SELECT 1 FROM nowhere")


@pytest.fixture
def old(path):
    """A ledger of the current version, with ids of each kind."""
    with Ledger(path) as ledger:
        ledger.enqueue(["gen-0"])
        ledger.add([resolved("gen-1"), resolved("gen-2", final=False), pending("gen-3")])
        ledger.add([failed("gen-4"), resolved("gen-1", total_cost=1)])
    return path


def test_an_older_ledger_is_upgraded_by_the_missing_steps(old, monkeypatch):
    """In order; its data is kept. A new ledger takes all steps."""
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, add_priority, index_priority))
    with Ledger(old) as ledger:
        assert ledger.counts() == LedgerCounts(final=1, provisional=1, pending=2, failed=1)
        assert ledger.record("gen-1").body == body("gen-1", total_cost=1)
        assert len(ledger.history("gen-1")) == 1
        ledger.add([resolved("gen-3")])
    number, content = version(old)
    assert number == STEP_COUNT + 2
    assert any("queue_priority" in line for line in content)
    Ledger(old.with_name("new.db")).close()
    assert version(old.with_name("new.db"))[0] == STEP_COUNT + 2


def test_a_failed_step_leaves_the_file_unchanged(old, monkeypatch):
    """Earlier steps stay; the next attempt continues after them."""
    steps = schema.STEPS
    monkeypatch.setattr(schema, "STEPS", (*steps, add_priority))
    Ledger(old).close()
    before = version(old)
    monkeypatch.setattr(schema, "STEPS", (*steps, add_priority, fail_halfway))
    with pytest.raises(LedgerError, match="no such table: nowhere"):
        Ledger(old)
    assert version(old) == before
    assert before[0] == STEP_COUNT + 1
    monkeypatch.setattr(schema, "STEPS", (*steps, add_priority, index_priority))
    with Ledger(old) as ledger:
        assert ledger.counts().final == 1
    assert version(old)[0] == STEP_COUNT + 2


def test_reading_an_older_version_is_an_error_with_a_remedy(old, monkeypatch):
    """The file is not changed."""
    before = version(old)
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, add_priority))
    with pytest.raises(LedgerError, match=r"an older version of .*; open it once for writing"):
        Ledger(old, read_only=True)
    assert version(old) == before


def test_a_step_is_applied_once(old, monkeypatch):
    """Opening the ledger again applies none."""
    taken = []
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, taken.append))
    Ledger(old).close()
    Ledger(old).close()
    assert len(taken) == 1


def all_rows(ledger):
    """Return the columns and the rows of the view `rows`."""
    names = [column.name for column in derived.COLUMNS]
    return names, rows(ledger, *names)


def remove_last_column(monkeypatch):
    """Remove the last column, as if it had not been added yet."""
    make, columns = derived.Derived.row, derived.COLUMNS
    monkeypatch.setattr(derived, "COLUMNS", columns[:-1])
    monkeypatch.setattr(derived.Derived, "row", lambda *args: make(*args)[:-1])


def test_rows_are_rebuilt_when_computed_columns_have_changed(old):
    """From the bodies and the queue, with the same result as for a new ledger."""
    with Ledger(old) as ledger:
        expected = all_rows(ledger)
    with pytest.MonkeyPatch.context() as patch:
        remove_last_column(patch)
        with Ledger(old) as ledger:
            ledger.check_rows()
            assert all_rows(ledger) == (expected[0][:-1], [row[:-1] for row in expected[1]])
    with Ledger(old) as ledger:
        ledger.check_rows()
        assert all_rows(ledger) == expected


NEW = ("model", "charged_usd", "user_agent")  # columns of fields that a new spec adds


@pytest.fixture
def before_new_fields(old, monkeypatch):
    """A ledger written by a version whose spec lacks some fields, and its rows with all columns."""
    with Ledger(old) as ledger:
        ledger.add([resolved("gen-5", model="m", total_cost=0.5, user_agent=7)])
        expected = all_rows(ledger)
    with pytest.MonkeyPatch.context() as patch:
        columns, make = derived.COLUMNS, derived.Derived.row
        present = [index for index, column in enumerate(columns) if column.name not in NEW]
        fewer_columns = tuple(columns[index] for index in present)
        for module in (derived, control_totals):
            patch.setattr(module, "COLUMNS", fewer_columns)

        def row(*args):
            values = make(*args)
            lost = [name for name in json.loads(values[-1]) if name not in NEW]
            return [*(values[index] for index in present[:-1]), json.dumps(lost)]

        patch.setattr(derived.Derived, "row", row)
        Ledger(old).close()
        with Ledger(old) as ledger:
            assert all_rows(ledger)[0] == [column.name for column in fewer_columns]
            assert not list(ledger.flaws())
    return old, expected


def without_new(table):
    """Return a table with NULL in the new columns, and what is unreadable in them left out."""
    names, result = table
    nulled = [
        [None if name in NEW else value for name, value in zip(names, row, strict=True)]
        for row in result
    ]
    for row in nulled:
        if row[-1] is not None:
            row[-1] = json.dumps([name for name in json.loads(row[-1]) if name not in NEW])
    return names, [tuple(row) for row in nulled]


def derivations(monkeypatch):
    """Return a list that gets an item for each row that is derived from now on."""
    derived_rows, make = [], derived.Derived.row
    monkeypatch.setattr(derived.Derived, "row", lambda *args: derived_rows.append(1) or make(*args))
    return derived_rows


def test_columns_of_new_fields_are_added_without_deriving_a_row(before_new_fields, monkeypatch):
    """They are NULL in rows that were stored before, and in their order in the table."""
    path, expected = before_new_fields
    derived_rows = derivations(monkeypatch)
    with Ledger(path) as ledger:
        ledger.check_rows()
        assert not derived_rows
        assert all_rows(ledger) == without_new(expected)


def test_columns_of_new_fields_are_filled_as_rows_are_written_again(before_new_fields):
    """The control totals follow, and `flaws` finds nothing wrong before or after."""
    path, _ = before_new_fields
    with Ledger(path) as ledger:
        assert not list(ledger.flaws())
        ledger.add([resolved("gen-5", model="n", total_cost=2, user_agent="x")])
        ledger.add([resolved("gen-6", model="m", total_cost=1)])
        result = rows(ledger, "generation_id", "model", "charged_usd", "user_agent")
        assert ("gen-5", "n", "2.0", "x") in result
        assert ("gen-6", "m", "1.0", None) in result
        assert not list(ledger.flaws())


def test_columns_of_new_fields_are_filled_on_request(before_new_fields, monkeypatch):
    """In batches; an interrupted request continues, and a second one has nothing to do."""
    path, expected = before_new_fields
    monkeypatch.setattr(derived, "_BATCH", 1)
    with Ledger(path) as ledger:
        with monkeypatch.context() as patch:
            derived_rows, make = [], derived.Derived.row

            def interrupted(*args):
                derived_rows.append(args)
                if len(derived_rows) == 2:
                    raise KeyboardInterrupt
                return make(*args)

            patch.setattr(derived.Derived, "row", interrupted)
            with pytest.raises(KeyboardInterrupt):
                ledger.fill_rows()
        ledger.check_rows()  # readers are not refused meanwhile
        assert not list(ledger.flaws())
        assert ledger.fill_rows() == 2
        assert all_rows(ledger) == expected
        assert not list(ledger.flaws())
        assert ledger.fill_rows() == 0


def test_a_reader_is_not_refused_for_lack_of_new_columns(before_new_fields):
    """They are null, in rows and totals alike, and the file is not changed."""
    path, expected = before_new_fields
    before = version(path)
    with Ledger(path, read_only=True) as ledger:
        assert not list(ledger.flaws())
        ledger.check_rows()
        assert all_rows(ledger) == without_new(expected)
        assert ledger.rows(["generation_id", "model"]).column("model").null_count == 6
        assert not list(ledger.flaws())
        unknown = [each.generation_id for each in ledger.unresolved("unknown")]
        assert unknown == ["gen-1", "gen-2", "gen-5"]
    assert version(path) == before


def test_exports_and_reports_read_a_ledger_that_lacks_new_columns(before_new_fields):
    """Amounts that are not known are counted as such, never as 0."""
    path, _ = before_new_fields
    with open_rows(path, ["generation_id", "model", "charged_usd"]) as connection:
        result = connection.execute("SELECT count(*), count(model), count(charged_usd) FROM rows")
        assert result.fetchone() == (6, 0, 0)
    with open_source(path) as source:
        assert source.differences() == ()
    spent = spending_of_ledger(str(path), Period(None, None, "UTC"), "charged")
    assert (spent.records, spent.unknown, spent.known_usd) == (3, 3, 0)
    assert spent.differences == ()


@pytest.mark.parametrize(
    "content",
    [
        "x",
        "[]",
        "[" * 100_000,
        "{}",
        '{"version": Infinity, "columns": {}, "totals": [], "index": [], "unfilled": []}',
        '{"version": 3, "columns": [], "totals": [], "index": [], "unfilled": []}',
        '{"version": 3, "columns": {"a": 1}, "totals": 5, "index": [], "unfilled": []}',
        '{"version": 3, "columns": {}, "totals": [[]], "index": [{}], "unfilled": [5]}',
    ],
)
def test_a_hostile_format_of_the_rows_is_an_error_that_writing_repairs(old, content):
    """Its digest is right: somebody has made it up."""
    text = f"{hashlib.sha256(content.encode()).hexdigest()} {content}"
    with Ledger(old) as ledger:
        expected = all_rows(ledger)
        with ledger._database.writing() as connection:
            connection.execute("UPDATE meta SET value = ? WHERE name = 'columns'", (text,))
    with Ledger(old, read_only=True) as ledger, pytest.raises(LedgerError, match="another version"):
        ledger.check_rows()
    with Ledger(old) as ledger:
        assert all_rows(ledger) == expected
        assert not list(ledger.flaws())


def test_damage_in_a_new_column_is_found(before_new_fields):
    """NULL is the only other value that it may have."""
    path, _ = before_new_fields
    with Ledger(path) as ledger:
        with ledger._database.writing() as connection:
            connection.execute("""UPDATE record_rows SET user_agent = 'x' WHERE "the key" = 2""")
        assert len(list(ledger.flaws())) == 1


def test_the_view_has_the_columns_in_order(ledger):
    """`SELECT *` is enough for a reader."""
    with ledger._database.reading() as connection:
        result = connection.execute("SELECT * FROM rows").description
    assert [name for name, *_ in result] == [column.name for column in ALL_COLUMNS]


def test_reading_does_not_rebuild_rows(old):
    """Records can be read; rows are an error with a remedy."""
    with pytest.MonkeyPatch.context() as patch:
        remove_last_column(patch)
        Ledger(old).close()
    with Ledger(old, read_only=True) as ledger:
        assert ledger.record("gen-1").body == body("gen-1", total_cost=1)
        with pytest.raises(LedgerError, match=r"another version .*; open it once for writing"):
            ledger.check_rows()


def test_an_interrupted_rebuild_continues(old, monkeypatch):
    """In batches; readers are refused until it is complete."""
    with Ledger(old) as ledger:
        ledger.add(resolved(f"gen-1{number}") for number in range(20))
        expected = all_rows(ledger)
    monkeypatch.setattr(derived, "_BATCH", 5)
    with pytest.MonkeyPatch.context() as patch:
        remove_last_column(patch)
        Ledger(old).close()
    derived_rows = []

    def breaking(*args):
        derived_rows.append(args)
        if len(derived_rows) == 13:
            raise KeyboardInterrupt
        return make(*args)

    make = derived.Derived.row
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(derived.Derived, "row", breaking)
        with pytest.raises(KeyboardInterrupt):
            Ledger(old)
    with Ledger(old, read_only=True) as ledger:
        assert len(rows(ledger, "state")) == 10 + 3  # two batches, and what is in the queue
        with pytest.raises(LedgerError, match="a rebuild is unfinished"):
            ledger.check_rows()
    monkeypatch.setattr(
        derived.Derived, "row", lambda *args: derived_rows.append(args) or make(*args)
    )
    with Ledger(old) as ledger:
        ledger.check_rows()
        assert all_rows(ledger) == expected
    assert len(derived_rows) == 13 + 22 - 10


def test_adding_after_another_version_changed_the_columns_is_an_error(old):
    """Nothing is lost, and the error says what to do."""
    with Ledger(old) as ledger:
        with pytest.MonkeyPatch.context() as patch:
            remove_last_column(patch)
            Ledger(old).close()
        with pytest.raises(LedgerError, match="has changed its columns; use a single version"):
            ledger.add([resolved("gen-9")])
        assert ledger.record("gen-9") is None


def test_the_row_of_an_unreadable_body_has_an_error(ledger, path):
    """Its values are null; other rows are not affected."""
    ledger.add([resolved("gen-1"), resolved("gen-2")])
    with ledger._database.writing() as connection:
        connection.execute("UPDATE records SET body = x'7b', checksum = NULL WHERE key = 1")
        connection.execute("DELETE FROM meta")
    with Ledger(path) as other:
        first, second = rows(other, "generation_id", "state", "error", "requests", "created_at")
    assert first[:2] == ("gen-1", "final")
    assert first[2].startswith("ResponseValidationError: HTTP 200: ")
    assert first[3:] == (1, None)
    assert second == ("gen-2", "final", None, 1, None)


def test_a_record_with_surrogates_is_stored(ledger):
    """JSON can contain them, UTF-8 cannot: the body is unchanged, the value in the row is null."""
    ledger.add([resolved("gen-1", model="half\ud800")])
    assert ledger.record("gen-1").generation().model == "half\ud800"
    assert rows(ledger, "model", "unreadable") == [(None, '["model"]')]


def test_a_new_derivation_version_rebuilds_the_rows(old, monkeypatch):
    """With the same columns."""
    monkeypatch.setattr(derived, "VERSION", derived.VERSION + 1)
    with Ledger(old, read_only=True) as ledger, pytest.raises(LedgerError, match="another version"):
        ledger.check_rows()
    with Ledger(old) as ledger:
        ledger.check_rows()


def test_a_ledger_created_by_another_process_meanwhile_is_used(path, monkeypatch):
    """No step is applied twice."""
    check = schema._checked_header

    def overtaken(database, steps):
        header = check(database, steps)
        monkeypatch.setattr(schema, "_checked_header", check)
        with Ledger(path) as other:
            other.add([resolved("gen-1")])
        return header

    monkeypatch.setattr(schema, "_checked_header", overtaken)
    with Ledger(path) as ledger:
        assert ledger.counts().final == 1
