"""Control totals: the sums of the rows of each day, whatever was written in which order."""

import datetime
from collections import defaultdict
from decimal import Decimal

import pytest

from modelgates_client.ledger import Ledger, LedgerError, control_totals, derived

from .sample_outcomes import failed, pending, resolved, rows

FIRST = datetime.date(2026, 11, 2)
NAMES = control_totals.ControlTotals().names


def stored_totals(ledger):
    """Return the control totals of a ledger, without those of days whose sums are 0."""
    with ledger._database.reading() as connection:
        totals = control_totals.ControlTotals().read(connection)
    return {day: sums for day, sums in totals.items() if any(sums.values())}


def summed_rows(ledger):
    """Return the sums of the rows of a ledger, added one by one."""
    sums_by_day = defaultdict(lambda: dict.fromkeys((control_totals.RECORDS, *NAMES), Decimal(0)))
    for state, *values in rows(ledger, "state", *NAMES):
        if state not in {"final", "provisional"}:
            continue
        named = dict(zip(NAMES, values, strict=True))
        created = named["created_at"]
        sums = sums_by_day[None if created is None else created // control_totals.DAY]
        sums[control_totals.RECORDS] += 1
        for name, value in named.items():
            if value is not None:
                sums[name] += Decimal(value % control_totals.DAY if name == "created_at" else value)
    return dict(sums_by_day)


def on_day(day, **changes):
    """Return the fields of a record of a day of November 2026."""
    return {"created_at": f"2026-11-{day:02}T23:59:59.999999Z", **changes}


def fill(ledger):
    """Add records of several days, corrections, repeated records, and ids without a record."""
    ledger.add(
        [
            resolved("gen-1", total_cost=0.1, tokens_prompt=3, **on_day(2)),
            resolved("gen-2", total_cost=0.2, is_byok=False, **on_day(2)),
            resolved("gen-3", final=False, total_cost=1e-24, **on_day(3)),
            resolved("gen-4", total_cost=-5),
            pending("gen-5"),
            failed("gen-6"),
        ]
    )
    ledger.add(
        [
            resolved("gen-1", total_cost=0.7, **on_day(2)),  # a correction
            resolved("gen-2", total_cost=0.2, is_byok=False, **on_day(2)),  # the same again
            resolved("gen-3", total_cost=3, **on_day(4)),  # now final, and of another day
            resolved("gen-4", final=False, total_cost=9, **on_day(2)),  # not instead of a final one
            resolved("gen-5", total_cost=5, created_at="soon"),
        ]
    )


def test_control_totals_are_the_exact_sums_of_the_rows(ledger):
    """For each UTC day, and for records without a readable time."""
    fill(ledger)
    assert stored_totals(ledger) == summed_rows(ledger)
    by_date = {control_totals.date_of(day): sums for day, sums in stored_totals(ledger).items()}
    assert by_date[FIRST]["records"] == 2
    assert by_date[FIRST]["charged_usd"] == Decimal("0.9")
    assert by_date[datetime.date(2026, 11, 4)]["charged_usd"] == 3
    assert by_date[None]["charged_usd"] == 0
    assert by_date[None]["records"] == 2


def test_a_failed_transaction_changes_no_control_total(ledger, monkeypatch):
    """Totals and rows are written together or not at all."""
    fill(ledger)
    before = stored_totals(ledger)
    monkeypatch.setattr(control_totals.ControlTotals, "write", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ledger.add([resolved("gen-9", total_cost=1, **on_day(2))])
    assert stored_totals(ledger) == before == summed_rows(ledger)


def test_an_older_ledger_gets_control_totals_from_its_bodies(path):
    """Rows are rebuilt as well; bodies without a checksum stay without one."""
    with Ledger(path) as ledger:
        fill(ledger)
        expected = stored_totals(ledger)
        with ledger._database.writing() as connection:
            connection.execute("DROP TABLE control_totals")
            connection.execute("UPDATE records SET checksum = NULL")
            connection.execute("DELETE FROM meta")
    with Ledger(path) as ledger:
        assert stored_totals(ledger) == expected == summed_rows(ledger)


def test_rows_added_during_a_rebuild_are_counted_once(path, monkeypatch):
    """The rebuild replaces rows that were added in the meantime."""
    with Ledger(path) as ledger:
        fill(ledger)
        with ledger._database.writing() as connection:
            connection.execute("DELETE FROM meta")
    monkeypatch.setattr(derived, "_BATCH", 1)
    derive_batch, added = derived.Derived._derive_batch, []

    def overtaken(self, connection, progress):
        count = derive_batch(self, connection, progress)
        if not added:
            added.append(True)
            self_added = resolved("gen-4", total_cost=8, **on_day(2))
            with self.putting(connection) as put:
                row = self.row("gen-4", self_added.response.parsed.data, 0, 1)
                put(4, row, 1, is_first=False)
        return count

    monkeypatch.setattr(derived.Derived, "_derive_batch", overtaken)
    with Ledger(path) as ledger:
        assert stored_totals(ledger) == summed_rows(ledger)


def test_a_difference_names_the_day_and_the_signed_amount(ledger):
    """In one line for each sum."""
    fill(ledger)
    with ledger._database.writing() as connection:
        connection.execute("UPDATE record_rows SET charged_usd = '0.71' WHERE \"the key\" = 1")
    differences = control_totals.differences(summed_rows(ledger), stored_totals(ledger), NAMES)
    assert [str(each) for each in differences] == [
        "2026-11-02: charged_usd is 0.91, which differs from the control total by 0.01"
    ]


@pytest.mark.parametrize("total", ["", "1e", "NaN"])
def test_a_damaged_total_refuses_records_of_its_day(ledger, total):
    """The error is one line, and nothing is added."""
    fill(ledger)
    with ledger._database.writing() as connection:
        connection.execute("UPDATE control_totals SET charged_usd = ?", (total,))
    with pytest.raises(LedgerError, match="it is damaged: an amount is not a number; run "):
        ledger.add([resolved("gen-9", total_cost=1, **on_day(2))])
    assert ledger.record("gen-9") is None
