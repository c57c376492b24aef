"""A record as a row: values are exact, or null and named, and conversion never fails."""

import json
import sqlite3
import sys
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import pytest
from hypothesis import given, strategies as st

from modelgates_client import Generation
from modelgates_client.rows.columns import COLUMNS
from modelgates_client.rows.row import row_of
from modelgates_runtime import decoders

from .sample_records import EPOCH, FULL, record, typed

NAMES = [column.name for column in COLUMNS]
FIELDS = [column for column in COLUMNS if column.is_field]


def stored(record):
    """Return the stored values of a record's row, by name."""
    return dict(zip(NAMES, row_of("gen-1", record, 5, 2), strict=True))


def values_of(record):
    """Return the values of a record's row as Python types, by name."""
    return {column.name: typed(column, stored(record)[column.name]) for column in COLUMNS}


def test_a_row_has_the_fields_and_the_computed_values():
    """Each value is the one that the record has."""
    generation = record(**FULL)
    row = values_of(generation)

    assert (row["generation_id"], row["state"], row["requests"]) == ("gen-1", "final", 2)
    assert row["created_at"] == generation.created
    assert row["charged_usd"] == Decimal("0.00003452")
    assert row["cache_saving_usd"] == Decimal("-0.0000125")
    assert (row["upstream_usd"], row["all_in_usd"]) == (0, generation.cost.all_in)
    assert (row["served_by"], row["fallbacks"], row["time_lost_ms"]) == ("DeepInfra", 1, 12.5)
    assert row["native_tokens_per_second"] == 50
    assert row["latency_ms"] == 1016.5
    assert (row["streamed"], row["cancelled"]) == (True, False)
    assert row["attempts"] == [
        {"provider": "Groq", "status": 429, "latency_ms": 12.5},
        {"provider": "DeepInfra", "status": 200, "latency_ms": 420},
    ]
    assert row["unreadable"] == []


def test_values_that_were_not_sent_are_null():
    """Computed columns, too; missing values are not called unreadable."""
    known = {"generation_id", "state", "obtained_at", "requests", "unreadable"}
    row = values_of(record())
    assert {name for name, value in row.items() if value is not None} == known
    assert row["state"] == "provisional"
    assert row["unreadable"] == []


@pytest.mark.parametrize("upstream", [0.1, 5])
def test_all_in_includes_the_upstream_cost_of_an_own_key(upstream):
    """It is the exact sum; without an own key it is the charge alone."""
    cost = {"total_cost": 0.2, "upstream_inference_cost": upstream}
    assert values_of(record(is_byok=True, **cost))["all_in_usd"] == Decimal("0.2") + Decimal(
        str(upstream)
    )
    assert values_of(record(is_byok=False, **cost))["all_in_usd"] == Decimal("0.2")
    assert values_of(record(**cost))["all_in_usd"] is None


@pytest.mark.parametrize(
    ("amount", "fits"),
    [
        (1e-24, True),
        (99999999999999.0, True),
        (1e14, False),
        (-1e14, False),
        (1e300, False),
        (0.1 + 0.2, True),
        (3.3000000000000004e-08, True),
        (-0.0, True),
    ],
)
def test_an_amount_is_exact_or_null_and_named(amount, fits):
    """It is never rounded within 24 decimals, and never 0 instead of unknown."""
    row = values_of(record(usage=amount))
    assert row["usage_usd"] == (Decimal(repr(amount)) if fits else None)
    assert row["unreadable"] == ([] if fits else ["usage_usd"])


@pytest.mark.parametrize(
    ("residue", "expected"),
    [
        (5.551115123125783e-17, "0.000000000000000055511151"),
        (-5.551115123125783e-17, "-0.000000000000000055511151"),
        (1.5e-24, "2e-24"),
        (2.5e-24, "2e-24"),
        (5e-324, "0"),
    ],
)
def test_a_residue_of_doubles_is_rounded_at_the_24th_decimal(residue, expected):
    """No charge has digits beyond it, and fetching the record again would not help."""
    row = values_of(record(usage=residue))
    assert row["usage_usd"] == Decimal(expected)
    assert row["unreadable"] == []


def test_a_sum_that_does_not_fit_is_null_and_named():
    """Each part may fit while the sum does not."""
    row = values_of(record(total_cost=99999999999999.0, upstream_inference_cost=99.0, is_byok=True))
    assert (row["charged_usd"], row["all_in_usd"]) == (Decimal(99999999999999), None)
    assert row["unreadable"] == ["all_in_usd"]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("2026-02-24T21:19:33Z", 1771967973000000),
        ("2026-02-24T21:19:33.705Z", 1771967973705000),
        ("2026-02-24T21:19:33.705123+00:00", 1771967973705123),
        ("2026-02-24T22:19:33.705123999+01:00", 1771967973705123),
        ("2026-02-24t21:19:33z", None),
        ("20260224T211933Z", 1771967973000000),
        ("2026-02-24T24:00:00Z", 1771977600000000),
        ("9999-12-31T23:59:59.999999Z", 253402300799999999),
        ("0001-01-01T00:00:00Z", -62135596800000000),
    ],
)
def test_a_time_is_stored_as_microseconds_in_utc(sent, expected):
    """Digits beyond are cut, as in `record.created`."""
    generation = record(created_at=sent)
    if expected is None:
        expected = (
            None
            if generation.created is None
            else (generation.created - EPOCH).total_seconds() * 1e6
        )
    assert stored(generation)["created_at"] == expected


@pytest.mark.parametrize("sent", ["", "yesterday", "2026-02-24T21:19:33", "2026-13-01T00:00:00Z"])
def test_an_invalid_time_is_null_and_named(sent):
    """Also one without an offset, whose time zone would be a guess."""
    row = values_of(record(created_at=sent))
    assert (row["created_at"], row["unreadable"]) == (None, ["created_at"])


def test_integers_and_strings_that_do_not_fit_are_null_and_named():
    """Integers have 64 bits, and strings must be valid in UTF-8."""
    row = values_of(
        record(app_id=2**63, tokens_prompt=-(2**63), model="\ud800", provider_name="\udfff")
    )
    assert (row["app_id"], row["model"], row["served_by"]) == (None, None, None)
    assert row["tokens_prompt"] == -(2**63)
    assert sorted(row["unreadable"]) == ["app_id", "model", "provider_name", "served_by"]


@pytest.mark.parametrize(
    ("item", "expected", "whole"),
    [
        ({"status": 200}, {"provider": None, "status": 200, "latency_ms": None}, True),
        ({"status": 200.5}, {"provider": None, "status": None, "latency_ms": None}, False),
        ({"status": 1e30}, {"provider": None, "status": None, "latency_ms": None}, False),
        (
            {"provider_name": "\ud800"},
            {"provider": None, "status": None, "latency_ms": None},
            False,
        ),
        ({"latency": "1"}, {"provider": None, "status": None, "latency_ms": None}, False),
        ("x", {"provider": None, "status": None, "latency_ms": None}, False),
        ({"endpoint_id": 5}, {"provider": None, "status": None, "latency_ms": None}, True),
    ],
)
def test_an_unreadable_attempt_does_not_hide_others(item, expected, whole):
    """Its parts are null, and `attempts` is named if something was sent for them."""
    row = values_of(record(provider_responses=[item, {"status": 503}]))
    assert row["attempts"] == [expected, {"provider": None, "status": 503, "latency_ms": None}]
    assert row["unreadable"] == ([] if whole else ["attempts"])


def test_attempts_that_are_no_list_are_null_and_named():
    """Attempts that are null or were not sent are not named."""
    assert values_of(record(provider_responses="x"))["unreadable"] == ["attempts"]
    assert values_of(record(provider_responses=None))["unreadable"] == []
    assert values_of(record(provider_responses=[]))["attempts"] == []


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**80), 2**80)
    | st.floats()
    | st.sampled_from([float("inf"), 1e400, 1e-400, 0, -0.0, 2**53 + 1])
    | st.text(st.characters(codec=None)),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
ITEM = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("provider_name", "status", "latency", "id", "x"), JSON)
)
BODY = st.fixed_dictionaries(
    {},
    optional={
        **{key: JSON for key in Generation.__schema__().fields if key != "id"},
        "provider_responses": JSON | st.lists(ITEM, max_size=3),
        "created_at": JSON | st.datetimes().map(lambda moment: f"{moment.isoformat()}Z"),
        "total_cost": JSON | st.floats(-1e15, 1e15, allow_nan=False),
        "is_byok": JSON | st.booleans(),
        "surprise": JSON,
    },
)
JSON_TYPES = {
    "text": str,
    "integer": int,
    "number": (int, float),
    "usd": (int, float),
    "boolean": bool,
}


def kind_tells_values(column):
    """Whether the kind of a column says which values of its field it takes."""
    decoder = Generation.__schema__().fields[column.key].decoder
    decoder = getattr(decoder, "item", decoder)
    return column.kind in JSON_TYPES and decoder not in {decoders.DATE, decoders.UUID}


def is_fit(kind, value):
    """Return whether a column can hold a JSON value unchanged; an independent implementation."""
    if not isinstance(value, JSON_TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return (
            kind == "integer"
            and isinstance(value, float)
            and value.is_integer()
            and (-(2**63) <= value < 2**63)
        )
    if kind == "text":
        return not any("\ud800" <= char <= "\udfff" for char in value)
    if kind == "integer":
        return -(2**63) <= value < 2**63
    if kind == "boolean":
        return True
    if (
        not abs(value) <= sys.float_info.max or float(value) != value
    ):  # NaN fails the comparison, too
        return False
    if kind == "number":
        return True
    return abs(rounded(value)) < Decimal(10) ** 14


def rounded(amount):
    """Return an amount with 24 decimals."""
    with localcontext(prec=400, rounding=ROUND_HALF_EVEN):
        return Decimal(repr(float(amount))).quantize(Decimal("1e-24"))


@given(BODY)
def test_any_record_becomes_a_row_that_names_unreadable_columns(fields):
    """Conversion never raises; each value is exactly what was sent, or null and named."""
    generation = Generation.from_dict({"id": "gen-1", **fields})
    row = stored(generation)
    unreadable = json.loads(row["unreadable"])
    assert len(set(unreadable)) == len(unreadable)
    assert set(unreadable) <= set(NAMES)
    for column in FIELDS:
        sent = fields.get(column.key)
        value = typed(column, row[column.name])
        if sent is None:
            assert value is None
            assert column.name not in unreadable
        elif not kind_tells_values(column):
            assert (value is None) == (column.name in unreadable)
        elif is_fit(column.kind, sent):
            expected = rounded(sent) if column.kind == "usd" else sent
            assert value == expected
            assert column.name not in unreadable
        else:
            assert value is None
            assert column.name in unreadable
    for name in unreadable:
        assert row[name] is None or name == "attempts"
    assert (row["created_at"] is None) == (generation.created is None)
    assert ("created_at" in unreadable) == (
        fields.get("created_at") is not None and generation.created is None
    )
    assert (row["attempts"] is not None) == generation.attempts.known


@given(BODY)
def test_the_row_of_any_record_can_be_stored(fields):
    """SQLite accepts it in a strict table, and its JSON is valid."""
    row = row_of("gen-1", Generation.from_dict({"id": "gen-1", **fields}), 5, 2)
    connection = sqlite3.connect(":memory:")
    defined = ", ".join(f'"{column.name}" {column.storage}' for column in COLUMNS)
    connection.execute(f"CREATE TABLE rows ({defined}) STRICT")
    connection.execute(f"INSERT INTO rows VALUES ({', '.join('?' * len(row))})", row)
    (stored_row,) = connection.execute("SELECT * FROM rows").fetchall()
    connection.close()
    assert stored_row == row
