"""Amounts: exact where known, and never zero if unknown."""

import copy
import decimal
import json
import pickle
from decimal import Decimal
from fractions import Fraction

import numpy
import pytest
from hypothesis import example, given, strategies as st

from modelgates_client.records.generation import Generation
from modelgates_client.records.money import Cost, format_usd

AMOUNTS = st.floats(allow_nan=False, allow_infinity=False)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**40), max_value=10**40)
#: Invalid amounts: null, other types, and a number beyond the range of doubles.
NO_AMOUNTS = st.one_of(
    st.none(),
    st.booleans(),
    st.text(),
    st.lists(st.integers()),
    st.just(10**400),
    st.just(2**53 + 1),
)


def cost_of(**fields):
    """Return the cost of a record with only these fields."""
    return Generation.from_dict(fields).cost


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("0.00003452", "0.00003452"),
        ("0.1", "0.1"),
        ("3.452e-05", "0.00003452"),
        ("1", "1"),
        ("-0.25", "-0.25"),
        ("0", "0"),
        ("123456789.123456", "123456789.123456"),
        ("5e-324", "5e-324"),
    ],
)
def test_an_amount_has_the_digits_of_the_json(text, digits):
    """A tenth is a tenth, not the nearest double; nothing is rounded."""
    assert cost_of(total_cost=json.loads(text)).charged == Decimal(digits)


def test_an_unknown_amount_is_none():
    """An empty record and nulls do not have a cost of 0."""
    unknown = Cost(charged=None, upstream=None, cache_saving=None)
    assert cost_of() == unknown
    assert cost_of(total_cost=None, is_byok=None, cache_discount=None) == unknown
    assert cost_of(total_cost="0", is_byok="no", cache_discount=[0]) == unknown


def test_a_free_generation_has_a_known_cost_of_zero():
    """0 was sent, so it is 0."""
    assert cost_of(total_cost=0, is_byok=False).all_in == 0


def test_without_an_own_key_the_upstream_cost_is_zero():
    """The field then repeats the charge; adding it would double the bill."""
    cost = cost_of(total_cost=0.5, is_byok=False, upstream_inference_cost=0.5)
    assert (cost.upstream, cost.all_in) == (0, Decimal("0.5"))


def test_with_an_own_key_the_upstream_cost_is_added():
    """The sum is that of the decimals: 0.1 + 0.2 is 0.3."""
    cost = cost_of(total_cost=0.1, is_byok=True, upstream_inference_cost=0.2)
    assert (cost.upstream, cost.all_in) == (Decimal("0.2"), Decimal("0.3"))


def test_with_an_own_key_and_no_upstream_cost_the_total_is_unknown():
    """The charge alone would look like the total."""
    cost = cost_of(total_cost=0.1, is_byok=True, upstream_inference_cost=None)
    assert (cost.charged, cost.upstream, cost.all_in) == (Decimal("0.1"), None, None)


def test_an_unknown_is_byok_makes_the_upstream_cost_unknown():
    """Whatever the field contains."""
    cost = cost_of(total_cost=0.1, upstream_inference_cost=0)
    assert (cost.upstream, cost.all_in) == (None, None)


def test_a_cache_saving_can_be_negative():
    """It is a premium then; the sign is kept."""
    assert cost_of(cache_discount=0.25).cache_saving == Decimal("0.25")
    assert cost_of(cache_discount=-0.25).cache_saving == Decimal("-0.25")


def test_nan_is_not_an_amount():
    """In a constructed record; it would spoil every sum."""
    record = Generation.from_dict({})
    record.total_cost = float("nan")
    assert record.cost.charged is None


@given(AMOUNTS, AMOUNTS)
@example(1e308, 5e-324)
@example(-1e308, 5e-324)
def test_the_total_is_exact_in_any_context(charged, upstream):
    """A precision of three digits, as here, does not round it."""
    with decimal.localcontext(prec=3):
        cost = cost_of(total_cost=charged, is_byok=True, upstream_inference_cost=upstream)
        total = cost.all_in
    assert Fraction(total) == Fraction(repr(charged)) + Fraction(repr(upstream))


@given(NO_AMOUNTS, AMOUNTS)
def test_an_invalid_amount_is_unknown(invalid, amount):
    """The total is unknown if one of its two amounts is."""
    charged = cost_of(total_cost=invalid, is_byok=True, upstream_inference_cost=amount)
    upstream = cost_of(total_cost=amount, is_byok=True, upstream_inference_cost=invalid)
    assert (charged.charged, charged.all_in) == (None, None)
    assert (upstream.upstream, upstream.all_in) == (None, None)
    assert cost_of(cache_discount=invalid).cache_saving is None


@given(AMOUNTS)
def test_an_amount_can_be_converted_to_its_double_exactly(amount):
    """Nothing is lost after parsing the JSON."""
    assert float(cost_of(total_cost=amount).charged) == amount


def test_a_million_records_add_up_exactly():
    """In the default context: 28 digits are enough for amounts of 1e-15 and such totals."""
    nano = [(number * 7919) % 10**9 for number in range(1_000_000)]
    amounts = [cost_of(total_cost=part / 10**15).charged for part in nano[:1000]] * 1000
    with decimal.localcontext(decimal.DefaultContext, traps=[decimal.Inexact]):
        total = sum(amounts)
    assert total == Decimal(sum(nano[:1000]) * 1000).scaleb(-15)


def test_the_inexact_trap_detects_a_rounded_sum():
    """The module's documentation recommends it."""
    amounts = [cost_of(total_cost=1e15).charged, cost_of(total_cost=1e-15).charged]
    with (
        decimal.localcontext(decimal.DefaultContext, traps=[decimal.Inexact]),
        pytest.raises(decimal.Inexact),
    ):
        sum(amounts)
    with decimal.localcontext(prec=60, traps=[decimal.Inexact]):
        assert sum(amounts) == Decimal("1000000000000000.000000000000001")


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (None, "unknown"),
        ("0.00003452", "$0.00003452"),
        ("-0.5", "-$0.5"),
        ("0", "$0"),
        ("-0", "$0"),
        ("-0.000", "$0"),
        ("0E-10", "$0"),
        ("0E+10", "$0"),
        ("1.50", "$1.5"),
        ("100", "$100"),
        ("1E+3", "$1000"),
        ("1E-9", "$0.000000001"),
        ("-1.2E-12", "-$0.0000000000012"),
        ("123456789012345678901234567890.123456789", "$123456789012345678901234567890.123456789"),
        ("NaN", "unknown"),
        ("sNaN", "unknown"),
        ("-Infinity", "unknown"),
    ],
)
def test_amounts_are_formatted_with_all_digits(amount, expected):
    """No exponent and no trailing zeros; an unknown amount is a word."""
    assert format_usd(None if amount is None else Decimal(amount)) == expected


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (0.25, "$0.25"),
        (0.1, "$0.1"),
        (-3.452e-05, "-$0.00003452"),
        (-0.0, "$0"),
        (3, "$3"),
        (10**40, f"${10**40}"),
        (numpy.float64(0.25), "$0.25"),
        (float("nan"), "unknown"),
        (float("-inf"), "unknown"),
        (True, "unknown"),
    ],
)
def test_a_number_is_formatted_as_an_amount(amount, expected):
    """The fields of a record are numbers."""
    assert format_usd(amount) == expected


@pytest.mark.parametrize("amount", ["0.25", 1j, []])
def test_formatting_something_other_than_a_number_is_refused(amount):
    """The error says what is expected."""
    with pytest.raises(TypeError, match=r"a Decimal, a float, an int or None, not \w+"):
        format_usd(amount)


@given(DECIMALS)
def test_a_formatted_amount_equals_the_amount(amount):
    """It parses as the same number in any context, and has one form."""
    with decimal.localcontext(prec=3):
        formatted = format_usd(amount)
    assert Decimal(formatted.replace("$", "", 1)) == amount
    assert "e" not in formatted.lower()
    assert formatted == format_usd(Decimal(formatted.replace("$", "", 1)))
    assert formatted.startswith("-$" if amount < 0 else "$")


@given(AMOUNTS)
def test_each_json_number_can_be_formatted(amount):
    """Including the largest and the smallest double."""
    assert float(format_usd(cost_of(total_cost=amount).charged).replace("$", "", 1)) == amount


def test_costs_compare_by_value():
    """Equal ones are equal, and so are pickles and copies."""
    cost = cost_of(total_cost=0.1, is_byok=True, upstream_inference_cost=None)
    assert {cost, pickle.loads(pickle.dumps(cost)), copy.deepcopy(cost)} == {cost}
