"""Sums of rows in DuckDB, compared with plain Python."""

from decimal import Decimal, localcontext

import duckdb
import pytest
from hypothesis import example, given, settings, strategies as st

from modelgates_client.exports.control_totals import add_up
from modelgates_client.ledger.control_totals import DAY

MAX = Decimal("99999999999999.999999999999999999999999")
NEAR = st.decimals(-1001, 1001, places=24)
# Decimals are made from text: arithmetic, even a minus, would round 38 digits to 28.
WIDE = st.integers(-(10**38) + 1, 10**38 - 1).map(lambda units: Decimal(f"{units}e-24"))
AMOUNTS = st.none() | NEAR | WIDE


@pytest.fixture(scope="module")
def connection():
    """A database for all tests of this module."""
    with duckdb.connect() as connection:
        yield connection


@given(st.lists(st.tuples(st.integers(-2 * DAY, 2 * DAY), AMOUNTS), max_size=6))
@settings(max_examples=40)
@example([(0, MAX)] * 8)
def test_sums_are_exact_for_all_amounts_and_days(connection, rows):
    """Also beyond the range of the column's type, and before 1970."""
    connection.execute(
        "CREATE OR REPLACE TABLE amounts (state VARCHAR, created BIGINT, usd DECIMAL(38, 24))"
    )
    for at, amount in rows:
        text = None if amount is None else f"{amount:f}"
        connection.execute("INSERT INTO amounts VALUES ('final', ?, ?)", [at, text])

    result = add_up(connection, "amounts", "created", {"charged_usd": "usd"})

    assert sorted(result) == sorted({at // DAY for at, _ in rows})
    for day, sums in result.items():
        of_day = [(at, amount) for at, amount in rows if at // DAY == day]
        with localcontext(prec=60):
            assert sums == {
                "records": len(of_day),
                "created_at": sum(at % DAY for at, _ in of_day),
                "charged_usd": sum(amount for _, amount in of_day if amount is not None),
            }
