"""Reconciliation: differences between the account's activity and a ledger, in both directions."""

import csv
import datetime
import io
import json
from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

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

from .sample_ledgers import make_ledger, record as sample_record

NOON = datetime.datetime(2026, 11, 2, 12, tzinfo=datetime.UTC)


def item(**changes):
    """Return an item of activity: two requests for a model, one dollar each."""
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


def record(usd="1", *, days=0, model="a/b", upstream="0", state="final", at=NOON):  # noqa: PLR0913 - the fields of a record
    """Return a record created some days after 2 November."""
    day = None if at is None else (at + datetime.timedelta(days=days)).date()
    sums = ActivitySums(
        1, Decimal(usd or 0), Decimal(upstream or 0), 5, 2, int(usd is None or upstream is None)
    )
    return ReconciledRecord(day, model, sums, state != "pending")


def reconciled(items, *records, **options):
    """Compare records with activity."""
    return reconcile(read_activity(json.dumps({"data": items}), "activity"), records, **options)


def findings(reconciliation):
    """Return the findings by day and model."""
    return {(line.key.day.day, line.key.model): line.finding for line in reconciliation.lines}


def test_equal_requests_and_amounts_are_the_same():
    """For each day and model; charged and upstream are compared separately."""
    items = [item(), item(date="2026-11-03", usage=0.3, byok_usage_inference=7.5, requests=1)]
    result = reconciled(items, record(), record(), record("0.3", days=1, upstream="7.5"))

    assert result.is_same
    assert findings(result) == {(2, "a/b"): "same", (3, "a/b"): "same"}
    assert result.account.requests == result.ledger.requests == 3
    assert result.account.charged_usd == result.ledger.charged_usd == Decimal("2.3")
    assert result.account.upstream_usd == result.ledger.upstream_usd == Decimal("7.5")


def test_endpoints_of_a_model_are_summed():
    """The activity lists each endpoint separately."""
    items = [item(usage=1, requests=1), item(usage=1, requests=1, endpoint_id="f")]

    assert reconciled(items, record(), record()).is_same


@pytest.mark.parametrize("model", ["a/b", "a/b-2026"])
def test_a_record_may_have_either_name_of_a_model(model):
    """The name, or the permanent slug."""
    assert reconciled([item()], record(model=model), record(model=model)).is_same


@pytest.mark.parametrize(
    ("records", "finding"),
    [
        ([], "missing in the ledger"),
        ([record()], "missing in the ledger"),
        ([record(), record(), record()], "missing in the account"),
        ([record(), record("1.1")], "different cost"),
        ([record(), record(None)], "different cost"),
        ([record(), record(upstream="1")], "different cost"),
        ([record(), record(days=1)], "missing in the ledger"),
    ],
)
def test_differences_are_found(records, finding):
    """The number of requests comes first: a missing request also changes the cost."""
    result = reconciled([item()], *records)

    assert not result.is_same
    assert findings(result)[2, "a/b"] == finding


def test_models_with_the_same_permaslug_are_one():
    """Records name either; a model that was renamed is not missing on other days."""
    items = [
        item(model="new", requests=1, usage=1),
        item(model="a/b", date="2026-11-03", requests=1, usage=1),
        item(model="c", model_permaslug="c-2026", date="2026-11-04", requests=1, usage=1),
        item(model="c", model_permaslug="a/b-2026", date="2026-11-05", requests=1, usage=1),
    ]
    names = ["a/b-2026", "new", "c-2026", "a/b"]
    result = reconciled(items, *(record(days=day, model=each) for day, each in enumerate(names)))
    assert findings(result) == {(day, "c"): "same" for day in range(2, 6)}


def test_a_model_that_only_the_ledger_has_is_missing_in_the_account():
    """On a day that the activity covers; records of other days are left out and counted."""
    items = [item(), item(date="2026-11-05")]
    result = reconciled(
        items,
        record(), record(),
        record(days=3), record(days=3),
        record(days=1, model="other"), record(days=1, model=None),
        record(days=4), record(days=-1), record(at=None),
        record(state="pending", at=None),
    )  # fmt: skip

    assert findings(result) == {
        (2, "a/b"): "same",
        (3, "other"): "missing in the account",
        (3, None): "missing in the account",
        (5, "a/b"): "same",
    }
    assert (result.outside, result.undated, result.unresolved) == (2, 1, 1)


def test_days_are_utc_days_and_sums_are_exact(tmp_path):
    """Records without a time and ids without a record are counted separately."""
    times = ["2026-11-02T23:59:59.999999Z", "2026-11-03T00:00:00Z", "some day"]
    records = [
        sample_record(
            number,
            created_at=at,
            model="a/b",
            total_cost=0.1,
            native_tokens_prompt=2**62,
            native_tokens_completion=-1,
        )
        for number, at in enumerate([*times, times[0], times[0]])
    ]
    path = make_ledger(tmp_path / "l.db", *records, pending=2)
    with Ledger(path) as ledger:
        ledger.enqueue(["gen-1700000000-x"])  # of another day
    items = [item(requests=3, usage=0.3), item(date="2026-11-03", requests=1, usage=0.1)]
    result = reconcile_ledger(path, read_activity(json.dumps(items), "activity"), Decimal(0))

    assert result.is_same
    assert (result.outside, result.undated, result.unresolved) == (0, 1, 2)
    assert (result.ledger.charged_usd, result.ledger.unknown) == (Decimal("0.4"), 0)
    assert (result.ledger.native_tokens_prompt, result.ledger.native_tokens_completion) == (
        4 * 2**62,
        -4,
    )


@pytest.mark.parametrize(
    ("usage", "tolerance", "is_same"),
    [
        (0.30000000000000004, "0.000001", True),  # a sum of doubles
        (0.3000001, "0.000001", True),
        (0.301, "0.000001", False),
        (0.301, "0.01", True),
        (0.3, "0", True),
    ],
)
def test_amounts_may_differ_within_the_tolerance(usage, tolerance, is_same):
    """The account sums doubles."""
    items = [item(usage=usage, requests=1)]

    assert reconciled(items, record("0.3"), tolerance=Decimal(tolerance)).is_same is is_same


def test_csv_is_read_like_json():
    """With the same columns, in any order."""
    out = io.StringIO()
    writer = csv.DictWriter(out, [*reversed(COLUMNS)], extrasaction="ignore")
    writer.writeheader()
    writer.writerow(item(usage=0.25, date="2026-11-02 00:00:00"))

    from_csv = read_activity(out.getvalue(), "activity")
    assert from_csv == read_activity(json.dumps([item(usage=0.25)]), "activity")


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3), st.sampled_from(["a", "b"]), st.integers(1, 10**6), st.booleans()
        ),
        min_size=1,
        max_size=30,
    )
)
def test_as_many_requests_are_missing_as_the_ledger_lacks(calls):
    """The account has all requests, the ledger some of them."""
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
    result = reconciled(items, *records)

    missing_requests = sum(not is_known for *_, is_known in calls)
    assert result.account.requests - result.ledger.requests == missing_requests
    missing = [line for line in result.lines if line.finding == "missing in the ledger"]
    assert sum(line.account.requests - line.ledger.requests for line in missing) == missing_requests
    assert result.is_same is (missing_requests == 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected JSON, or CSV"),
        ("{", "it is not valid JSON"),
        ('{"error": 1}', "expected {"),
        ("[1]", "expected {"),
        ('{"data": []}', "it is empty"),
        ("[" * 10**5, "it is nested too deeply"),
        ("date,model\n2026-11-02,a", "item 1: usage is missing"),
        (json.dumps([item(), item(date="yesterday")]), "item 2: date: expected YYYY-MM-DD"),
        (json.dumps([item(usage="much")]), "item 1: usage: expected an amount"),
        (json.dumps([item(usage=True)]), "item 1: usage: expected an amount"),
        ('[{"usage": NaN}]', "it is not valid JSON"),
        (json.dumps([item(requests=1.5)]), "item 1: requests: expected a whole number"),
        (json.dumps([item(prompt_tokens=[])]), "item 1: prompt_tokens: expected a whole number"),
        (json.dumps([item(requests=-1)]), "item 1: requests: expected a whole number"),
        (json.dumps([item(model=None)]), "item 1: model is missing"),
        (json.dumps([item(model=["a/b"])]), "item 1: model: expected a name, not ['a/b']"),
        (json.dumps([item(usage={})]), "item 1: usage: expected an amount"),
        *(
            (json.dumps([item(**{name: 424242})]).replace("424242", number), message)
            for name, message in (
                ("usage", "item 1: usage: expected an amount"),
                ("requests", "item 1: requests: expected"),
                ("prompt_tokens", "item 1: prompt_tokens: expected"),
            )
            for number in ("1e15", "1e400", "1e999999", "-1e999999", "9" * 5000)
        ),
        ('[{"usage": 1e99999999999999999999}]', "1e99999999999999999999 is out of range"),
        ("date\n" + "x" * 200_000, "it is not valid CSV"),
        ("date," + "x" * 200_000, "it is not valid CSV"),
    ],
)
def test_invalid_activity_is_refused(text, message):
    """The error names the item; an invalid value never counts as 0."""
    with pytest.raises(ConfigurationError, match=r"^activity: ") as caught:
        read_activity(text, "activity")
    assert message in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("usage", ["0.3000000000000000000000000001", "3e-1", "0.3"])
def test_digits_that_no_ledger_has_are_rounded(usage):
    """To 24 decimals; a tolerance may have any number of digits."""
    text = json.dumps([item(usage=424242, requests=1)]).replace("424242", usage)
    activity = read_activity(text, "activity")
    tolerance = Decimal("1e-60")
    assert reconcile(activity, [record("0.3")], tolerance).is_same
    tiny = read_activity(text.replace(usage, "1e-999999"), "activity")
    assert not reconcile(tiny, [record("0.3")], tolerance).is_same
