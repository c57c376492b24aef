"""Control totals: what the rows of a day add up to, whatever was written in which order."""

import datetime
from collections import defaultdict
from decimal import Decimal

import pytest

from modelgates_client.ledger import Ledger, LedgerError, control_totals, derived

from .sample_outcomes import failed, pending, resolved, rows

FIRST = datetime.date(2026, 11, 2)
NAMES = control_totals.ControlTotals().names


def kept(ledger):
    """Return the control totals of a ledger, without those of days that have nothing left."""
    with ledger._database.reading() as connection:
        totals = control_totals.ControlTotals().read(connection)
    return {day: sums for day, sums in totals.items() if any(sums.values())}


def added_up(ledger):
    """Return what its rows add up to, one by one."""
    found = defaultdict(lambda: dict.fromkeys((control_totals.RECORDS, *NAMES), Decimal(0)))
    for state, *values in rows(ledger, "state", *NAMES):
        if state not in {"final", "provisional"}:
            continue
        named = dict(zip(NAMES, values, strict=True))
        created = named["created_at"]
        sums = found[None if created is None else created // control_totals.DAY]
        sums[control_totals.RECORDS] += 1
        for name, value in named.items():
            if value is not None:
                sums[name] += Decimal(value % control_totals.DAY if name == "created_at" else value)
    return dict(found)


def on(day, **changes):
    """Return the fields of a record of a day of November 2026."""
    return {"created_at": f"2026-11-{day:02}T23:59:59.999999Z", **changes}


def fill(ledger):
    """Add records of several days, corrections, some that come twice, and ids without one."""
    ledger.add(
        [
            resolved("gen-1", total_cost=0.1, tokens_prompt=3, **on(2)),
            resolved("gen-2", total_cost=0.2, is_byok=False, **on(2)),
            resolved("gen-3", final=False, total_cost=1e-24, **on(3)),
            resolved("gen-4", total_cost=-5),
            pending("gen-5"),
            failed("gen-6"),
        ]
    )
    ledger.add(
        [
            resolved("gen-1", total_cost=0.7, **on(2)),  # a correction
            resolved("gen-2", total_cost=0.2, is_byok=False, **on(2)),  # the same again
            resolved("gen-3", total_cost=3, **on(4)),  # now final, and of another day
            resolved("gen-4", final=False, total_cost=9, **on(2)),  # not instead of a final one
            resolved("gen-5", total_cost=5, created_at="soon"),
        ]
    )


def test_they_are_the_exact_sums_of_the_rows(ledger):
    """For each UTC day; of records without a readable time, too."""
    fill(ledger)
    assert kept(ledger) == added_up(ledger)
    by_date = {control_totals.date_of(day): sums for day, sums in kept(ledger).items()}
    assert by_date[FIRST]["records"] == 2
    assert by_date[FIRST]["charged_usd"] == Decimal("0.9")
    assert by_date[datetime.date(2026, 11, 4)]["charged_usd"] == 3
    assert by_date[None]["charged_usd"] == 0
    assert by_date[None]["records"] == 2


def test_a_transaction_that_fails_changes_none(ledger, monkeypatch):
    """They and the rows are written together, or not at all."""
    fill(ledger)
    before = kept(ledger)
    monkeypatch.setattr(control_totals.ControlTotals, "write", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ledger.add([resolved("gen-9", total_cost=1, **on(2))])
    assert kept(ledger) == before == added_up(ledger)


def test_an_older_ledger_gets_them_from_its_bodies(path):
    """With the rows, which are made anew; what was kept without a checksum stays without."""
    with Ledger(path) as ledger:
        fill(ledger)
        expected = kept(ledger)
        with ledger._database.writing() as connection:
            connection.execute("DROP TABLE control_totals")
            connection.execute("UPDATE records SET checksum = NULL")
            connection.execute("DELETE FROM meta")
    with Ledger(path) as ledger:
        assert kept(ledger) == expected == added_up(ledger)


def test_rows_made_anew_while_others_add_are_counted_once(path, monkeypatch):
    """What was added meanwhile has its row already."""
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
            self_added = resolved("gen-4", total_cost=8, **on(2))
            with self.putting(connection) as put:
                row = self.row("gen-4", self_added.response.parsed.data, 0, 1)
                put(4, row, 1, is_first=False)
        return count

    monkeypatch.setattr(derived.Derived, "_derive_batch", overtaken)
    with Ledger(path) as ledger:
        assert kept(ledger) == added_up(ledger)


def test_what_differs_is_told_by_day_and_amount(ledger):
    """By how much, and which way."""
    fill(ledger)
    with ledger._database.writing() as connection:
        connection.execute("UPDATE record_rows SET charged_usd = '0.71' WHERE \"the key\" = 1")
    found = control_totals.differences(added_up(ledger), kept(ledger), NAMES)
    assert [str(each) for each in found] == [
        "2026-11-02: charged_usd is 0.91, which differs from the control total by 0.01"
    ]


@pytest.mark.parametrize("total", ["", "1e", "NaN"])
def test_a_total_that_is_none_stops_what_would_change_it(ledger, total):
    """In one line; nothing is added to what is not a number."""
    fill(ledger)
    with ledger._database.writing() as connection:
        connection.execute("UPDATE control_totals SET charged_usd = ?", (total,))
    with pytest.raises(LedgerError, match="it is damaged: an amount is not a number; run "):
        ledger.add([resolved("gen-9", total_cost=1, **on(2))])
    assert ledger.record("gen-9") is None
