"""Reconciliation: what the account says and the ledger lacks, and the other way round."""

import csv
import datetime
import io
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelgates_client import ConfigurationError
from modelgates_client.ledger import Ledger
from modelgates_client.reports.figures import ActivitySums
from modelgates_client.reports.reconciliation import (
    COLUMNS,
    ReconciledRecord,
    read_activity,
    reconcile,
    reconcile_ledger,
)

from . import sample_ledgers

NOON = datetime.datetime(2026, 11, 2, 12, tzinfo=datetime.UTC)


def item(**changes):
    """Return an item of activity: two requests of a model, a dollar each."""
    return {
        "date": "2026-11-02",
        "model": "a/b",
        "model_permaslug": "a/b-2026",
        "endpoint_id": "e",
        "provider_name": "P",
        "usage": 2,
        "byok_usage_inference": 0,
        "requests": 2,
        "prompt_tokens": 10,
        "completion_tokens": 4,
        "reasoning_tokens": 0,
        **changes,
    }


def record(usd="1", *, days=0, model="a/b", own_keys="0", state="final", at=NOON):  # noqa: PLR0913 - what a record says
    """Return a record of some days after the second of November."""
    day = None if at is None else (at + datetime.timedelta(days=days)).date()
    sums = ActivitySums(
        1, Decimal(usd or 0), Decimal(own_keys or 0), 5, 2, int(usd is None or own_keys is None)
    )
    return ReconciledRecord(day, model, sums, state != "pending")


def held(items, *records, **options):
    """Hold records against activity."""
    return reconcile(read_activity(json.dumps({"data": items}), "activity"), records, **options)


def findings(found):
    """Return what was found, by day and model."""
    return {(line.place.day.day, line.place.model): line.finding for line in found.lines}


def test_the_same_is_the_same():
    """Requests and cost of each day and model, own keys apart."""
    items = [item(), item(date="2026-11-03", usage=0.3, byok_usage_inference=7.5, requests=1)]
    found = held(items, record(), record(), record("0.3", days=1, own_keys="7.5"))

    assert found.is_same
    assert findings(found) == {(2, "a/b"): "same", (3, "a/b"): "same"}
    assert found.there.requests == found.here.requests == 3
    assert found.there.charged_usd == found.here.charged_usd == Decimal("2.3")
    assert found.there.own_keys_usd == found.here.own_keys_usd == Decimal("7.5")


def test_endpoints_of_a_model_are_added_up():
    """The account says each of them apart."""
    items = [item(usage=1, requests=1), item(usage=1, requests=1, endpoint_id="f")]

    assert held(items, record(), record()).is_same


@pytest.mark.parametrize("model", ["a/b", "a/b-2026"])
def test_a_model_has_two_names(model):
    """A record may say either."""
    assert held([item()], record(model=model), record(model=model)).is_same


@pytest.mark.parametrize(
    ("records", "finding"),
    [
        ([], "missing here"),
        ([record()], "missing here"),
        ([record(), record(), record()], "not there"),
        ([record(), record("1.1")], "another cost"),
        ([record(), record(None)], "another cost"),
        ([record(), record(own_keys="1")], "another cost"),
        ([record(), record(days=1)], "missing here"),
    ],
)
def test_what_differs_is_found(records, finding):
    """Requests first: what is missing has a cost, too."""
    found = held([item()], *records)

    assert not found.is_same
    assert findings(found)[2, "a/b"] == finding


def test_a_model_that_the_account_does_not_know_is_not_there():
    """Of a day that it covers; other days are left out, and counted."""
    items = [item(), item(date="2026-11-05")]
    found = held(
        items,
        record(), record(),
        record(days=3), record(days=3),
        record(days=1, model="other"), record(days=1, model=None),
        record(days=4), record(days=-1), record(at=None),
        record(state="pending", at=None),
    )  # fmt: skip

    assert findings(found) == {
        (2, "a/b"): "same",
        (3, "other"): "not there",
        (3, None): "not there",
        (5, "a/b"): "same",
    }
    assert (found.beyond, found.undated, found.unresolved) == (2, 1, 1)


def test_a_day_is_one_of_utc(tmp_path):
    """As the account has it; sums are exact; what has no time or record is counted."""
    times = ["2026-11-02T23:59:59.999999Z", "2026-11-03T00:00:00Z", "some day"]
    made = [
        sample_ledgers.record(
            number,
            created_at=at,
            model="a/b",
            total_cost=0.1,
            native_tokens_prompt=2**62,
            native_tokens_completion=-1,
        )
        for number, at in enumerate([*times, times[0], times[0]])
    ]
    path = sample_ledgers.make_ledger(tmp_path / "l.db", *made, pending=2)
    with Ledger(path) as ledger:
        ledger.enqueue(["gen-1700000000-x"])  # of another day
    items = [item(requests=3, usage=0.3), item(date="2026-11-03", requests=1, usage=0.1)]
    found = reconcile_ledger(path, read_activity(json.dumps(items), "activity"), Decimal(0))

    assert found.is_same
    assert (found.beyond, found.undated, found.unresolved) == (0, 1, 2)
    assert (found.here.charged_usd, found.here.unknown) == (Decimal("0.4"), 0)
    assert (found.here.tokens_prompt, found.here.tokens_completion) == (4 * 2**62, -4)


@pytest.mark.parametrize(
    ("usage", "tolerance", "is_same"),
    [
        (0.30000000000000004, "0.000001", True),  # doubles, added up
        (0.3000001, "0.000001", True),
        (0.301, "0.000001", False),
        (0.301, "0.01", True),
        (0.3, "0", True),
    ],
)
def test_amounts_may_differ_by_a_part(usage, tolerance, is_same):
    """The account adds up doubles."""
    items = [item(usage=usage, requests=1)]

    assert held(items, record("0.3"), tolerance=Decimal(tolerance)).is_same is is_same


def test_a_table_says_the_same_as_json():
    """CSV of the same columns, in any order."""
    out = io.StringIO()
    writer = csv.DictWriter(out, [*reversed(COLUMNS)], extrasaction="ignore")
    writer.writeheader()
    writer.writerow(item(usage=0.25, date="2026-11-02 00:00:00"))

    table = read_activity(out.getvalue(), "activity")
    assert table == read_activity(json.dumps([item(usage=0.25)]), "activity")


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3), st.sampled_from(["a", "b"]), st.integers(1, 10**6), st.booleans()
        ),
        min_size=1,
        max_size=30,
    )
)
def test_what_was_left_out_is_what_is_missing(calls):
    """The account knows all calls; the ledger lacks some: as many are missing, at that cost."""
    items = [
        item(date=f"2026-11-0{2 + day}", model=model, model_permaslug=model, requests=1,
             usage=micros / 1e6)
        for day, model, micros, _ in calls
    ]  # fmt: skip
    records = [
        record(str(Decimal(micros) / 10**6), days=day, model=model)
        for day, model, micros, is_known in calls
        if is_known
    ]
    found = held(items, *records)

    lacking = sum(not is_known for *_, is_known in calls)
    assert found.there.requests - found.here.requests == lacking
    missing = [line for line in found.lines if line.finding == "missing here"]
    assert sum(line.there.requests - line.here.requests for line in missing) == lacking
    assert found.is_same is (lacking == 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected JSON, or CSV"),
        ("{", "it is no JSON"),
        ('{"error": 1}', "expected {"),
        ("[1]", "expected {"),
        ('{"data": []}', "there is no activity in it"),
        ("date,model\n2026-11-02,a", "item 1: usage is missing"),
        (json.dumps([item(), item(date="yesterday")]), "item 2: date 'yesterday'"),
        (json.dumps([item(usage="much")]), "item 1: usage: expected an amount"),
        (json.dumps([item(usage=True)]), "item 1: usage: expected an amount"),
        ('[{"usage": NaN}]', "it is no JSON"),
        (json.dumps([item(requests=1.5)]), "item 1: requests: expected a whole number"),
        (json.dumps([item(requests=-1)]), "item 1: requests: expected a whole number"),
        (json.dumps([item(model=None)]), "item 1: model is missing"),
    ],
)
def test_what_cannot_be_read_is_refused(text, said):
    """With the item that it is in; nothing is taken for 0."""
    with pytest.raises(ConfigurationError, match=r"^activity: ") as caught:
        read_activity(text, "activity")
    assert said in str(caught.value)
