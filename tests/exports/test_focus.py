"""Charges with the columns of FOCUS 1.2: correct, and complete for known amounts."""

import datetime
import json
from decimal import Decimal

import duckdb
import pytest

from modelgates_client.exports import focus
from modelgates_client.exports.focus import charges
from modelgates_client.exports.writing import Output, export
from modelgates_client.ledger import Ledger

from ..rows.sample_records import (
    FULL,
    ledger_of,
    resolved,
    rows_of,
    various,
)

#: The mandatory columns of FOCUS 1.2, with the types that the specification gives them.
MANDATORY = {
    "BilledCost": "DECIMAL",
    "BillingAccountId": "VARCHAR",
    "BillingAccountName": "VARCHAR",
    "BillingCurrency": "VARCHAR",
    "BillingPeriodEnd": "TIMESTAMP",
    "BillingPeriodStart": "TIMESTAMP",
    "ChargeCategory": "VARCHAR",
    "ChargeClass": "VARCHAR",
    "ChargeDescription": "VARCHAR",
    "ChargePeriodEnd": "TIMESTAMP",
    "ChargePeriodStart": "TIMESTAMP",
    "ContractedCost": "DECIMAL",
    "EffectiveCost": "DECIMAL",
    "InvoiceIssuerName": "VARCHAR",
    "ListCost": "DECIMAL",
    "PricingQuantity": "DECIMAL",
    "PricingUnit": "VARCHAR",
    "ProviderName": "VARCHAR",
    "PublisherName": "VARCHAR",
    "ServiceCategory": "VARCHAR",
    "ServiceName": "VARCHAR",
}
#: Others of FOCUS 1.2 that are there.
OTHERS = {"ChargeFrequency", "ConsumedQuantity", "ConsumedUnit", "ServiceSubcategory", "Tags"}

#: What the specification demands a value of, and no record has: stated in the module.
NULL = {"BillingAccountId", "BillingAccountName", "ChargeClass", "PricingQuantity", "PricingUnit"}


def charges_of(path, **options):
    """Return the charges of a ledger, and the counts of the export."""
    target = str(path.parent / "charges.parquet")
    table = charges(**options)
    counts = export(path, [Output(table, target, "parquet")])
    times = {column.name for column in table.columns if column.kind == "time"}
    names = [f'epoch_us("{c.name}")' if c.name in times else f'"{c.name}"' for c in table.columns]
    with duckdb.connect() as connection:
        rows = connection.execute(f"SELECT {', '.join(names)} FROM '{target}'").fetchall()
        described = connection.execute(f"DESCRIBE FROM '{target}'").fetchall()
    result = [dict(zip((c.name for c in table.columns), row, strict=True)) for row in rows]
    for row in result:
        for name in times:
            row[name] = datetime.datetime.fromtimestamp(row[name] / 1e6, datetime.UTC)
    return result, counts, {row[0]: row[1] for row in described}


@pytest.fixture
def ledger(tmp_path):
    """A ledger with ids of every kind."""
    return ledger_of(tmp_path / "ledger.db", *various(), ids=["gen-new"])


def test_all_mandatory_columns_are_present_with_their_types(ledger):
    """Columns that FOCUS does not have are marked as custom."""
    _, _, described = charges_of(ledger)
    assert focus.VERSION == "1.2"
    assert {name: described[name].split("(")[0].split(" ")[0] for name in MANDATORY} == MANDATORY
    custom = described.keys() - MANDATORY.keys() - OTHERS
    assert all(name.startswith("x_") for name in custom)
    assert described.keys() >= OTHERS


def test_a_charge_has_the_values_of_the_record(ledger):
    """Issuer, tokens, times, user."""
    result, _, _ = charges_of(ledger, billing_account="acc-1")
    (charge,) = [row for row in result if row["x_GenerationId"] == "gen-full"]
    utc = datetime.UTC
    expected = {
        **dict.fromkeys(
            ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost"), Decimal("0.00003452")
        ),
        "BillingAccountId": "acc-1",
        "BillingCurrency": "USD",
        "BillingPeriodStart": datetime.datetime(2026, 2, 1, tzinfo=utc),
        "BillingPeriodEnd": datetime.datetime(2026, 3, 1, tzinfo=utc),
        "ChargeCategory": "Usage",
        "ChargeDescription": "Generation by vendor/model, served by DeepInfra",
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodStart": datetime.datetime(2026, 2, 24, 21, tzinfo=utc),
        "ChargePeriodEnd": datetime.datetime(2026, 2, 24, 22, tzinfo=utc),
        "ConsumedQuantity": 164,
        "ConsumedUnit": "Tokens",
        "InvoiceIssuerName": "ModelGates",
        "ProviderName": "ModelGates",
        "PublisherName": "DeepInfra",
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": "ModelGates",
        "ServiceSubcategory": "Generative AI",
        "x_Charge": "gateway",
        "x_CacheSaving": Decimal("-0.0000125"),
    }
    assert {name: charge[name] for name in expected} == expected
    assert {name for name in MANDATORY if charge[name] is None} == NULL - {"BillingAccountId"}
    assert json.loads(charge["Tags"]) == {
        "modelgates/app": "7",
        "modelgates/model": "vendor/model",
        "modelgates/provider": "DeepInfra",
        "session": "s-1",
        "user": "u-1",
    }


def test_an_own_key_adds_a_charge_of_the_provider(ledger):
    """The two add up to the total; tokens count once."""
    result, _, _ = charges_of(ledger, issuer="Our Gateway", billing_account="acc-1")
    pair = {row["x_Charge"]: row for row in result if row["x_GenerationId"] == "gen-byok"}
    assert {name: row["BilledCost"] for name, row in pair.items()} == {
        "gateway": Decimal("0.2"),
        "upstream": Decimal("0.1"),
    }
    for name in ("InvoiceIssuerName", "ProviderName", "ServiceName"):
        assert pair["gateway"][name] == "Our Gateway"
        assert pair["upstream"][name] == "DeepInfra"
    assert pair["upstream"]["BillingAccountId"] is None
    assert (pair["gateway"]["ConsumedQuantity"], pair["upstream"]["ConsumedQuantity"]) == (
        164,
        None,
    )
    assert pair["upstream"]["ChargeDescription"].endswith("billed by the provider to an own key")


def test_unknown_amounts_are_not_charges(ledger):
    """Ids without a record, unknown amounts and times are counted and left out."""
    result, counts, _ = charges_of(ledger)
    rows = rows_of(ledger)
    known = {
        key: row
        for key, row in rows.items()
        if row["charged_usd"] is not None and row["created_at"] is not None
    }
    assert {row["x_GenerationId"] for row in result} == known.keys()
    assert sum(row["BilledCost"] for row in result) == sum(
        row["all_in_usd"] for row in known.values()
    )
    assert counts.unresolved == 3
    assert counts.undated == 1
    assert counts.unpriced == 2
    assert len(rows) == len(known) + 3 + 2  # the one without a time has no amount either


def test_a_record_without_a_time_is_in_no_period(tmp_path):
    """It is counted and left out."""
    path = ledger_of(tmp_path / "ledger.db", resolved("gen-1", **{**FULL, "created_at": "then"}))
    result, counts, _ = charges_of(path)
    assert (result, counts.undated) == ([], 1)


def test_records_with_an_unknown_upstream_cost_are_counted(tmp_path):
    """Also if it is unknown whether an own key was used."""
    path = ledger_of(
        tmp_path / "ledger.db",
        resolved("gen-1", **{**FULL, "is_byok": True, "upstream_inference_cost": None}),
        resolved("gen-2", **{key: value for key, value in FULL.items() if key != "is_byok"}),
        resolved("gen-3", **FULL),
    )
    result, counts, _ = charges_of(path)
    assert counts.upstream_unknown == 2
    assert [row["x_Charge"] for row in result] == ["gateway"] * 3


def test_hostile_text_stays_text_and_null_stays_null(ledger):
    """Tags stay JSON; the name of the issuer is not executed."""
    result, _, _ = charges_of(ledger, issuer="O'Gate\"; --")
    for row in result:
        tags = json.loads(row["Tags"])
        assert None not in tags.values()
        assert tags.get("modelgates/model") == row["x_Model"]
        assert row["x_Charge"] == "upstream" or row["InvoiceIssuerName"] == "O'Gate\"; --"


def test_a_quantity_beyond_64_bits_is_null_and_counted(tmp_path):
    """Other records are charged."""
    path = tmp_path / "ledger.db"
    record = {
        "created_at": "2026-11-02T12:00:00Z",
        "is_byok": False,
        "native_tokens_completion": 1,
        "total_cost": 1,
    }
    with Ledger(path) as ledger:
        ledger.add([resolved("gen-1", native_tokens_prompt=2**63 - 1, **record)])
        ledger.add([resolved("gen-2", native_tokens_prompt=2, **record)])
    target = str(tmp_path / "charges.parquet")
    counts = export(path, [Output(charges(), target, "parquet")])
    with duckdb.connect() as connection:
        result = connection.execute(
            f"SELECT ConsumedQuantity, ConsumedUnit, BilledCost FROM '{target}' ORDER BY ALL"
        ).fetchall()
    assert result == [(3, "Tokens", 1), (None, None, 1)]
    assert counts.unquantified == 1
