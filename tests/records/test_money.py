"""Money: exact where it is known, and never a made-up zero."""

import copy
import decimal
import json
import pickle
from decimal import Decimal
from fractions import Fraction

import numpy
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modelgates_client.records.generation import Generation
from modelgates_client.records.money import Cost, format_usd

AMOUNTS = st.floats(allow_nan=False, allow_infinity=False)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**40), max_value=10**40)
#: What is no amount: null, other types, and a number that no double holds.
NO_AMOUNTS = st.one_of(
    st.none(),
    st.booleans(),
    st.text(),
    st.lists(st.integers()),
    st.just(10**400),
    st.just(2**53 + 1),
)


def cost(**fields):
    """Return the cost of a record that has these fields alone."""
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
    """A tenth is a tenth, not the double next to it; nothing is rounded."""
    assert cost(total_cost=json.loads(text)).charged == Decimal(digits)


def test_what_is_not_known_is_none():
    """Neither an empty record nor nulls have a cost of 0."""
    unknown = Cost(charged=None, upstream=None, cache_saving=None)
    assert cost() == unknown
    assert cost(total_cost=None, is_byok=None, cache_discount=None) == unknown
    assert cost(total_cost="0", is_byok="no", cache_discount=[0]) == unknown


def test_a_free_generation_costs_zero_which_is_known():
    """0 that was sent is 0."""
    assert cost(total_cost=0, is_byok=False).all_in == 0


def test_without_an_own_key_nothing_is_billed_besides():
    """The upstream cost then repeats the charge; adding it would double the bill."""
    found = cost(total_cost=0.5, is_byok=False, upstream_inference_cost=0.5)
    assert (found.upstream, found.all_in) == (0, Decimal("0.5"))


def test_with_an_own_key_the_provider_bills_besides():
    """The sum is that of the decimals: 0.1 + 0.2 is 0.3."""
    found = cost(total_cost=0.1, is_byok=True, upstream_inference_cost=0.2)
    assert (found.upstream, found.all_in) == (Decimal("0.2"), Decimal("0.3"))


def test_with_an_own_key_and_no_upstream_cost_the_sum_is_not_known():
    """The charge alone would pass for the whole bill."""
    found = cost(total_cost=0.1, is_byok=True, upstream_inference_cost=None)
    assert (found.charged, found.upstream, found.all_in) == (Decimal("0.1"), None, None)


def test_whether_the_own_key_was_billed_can_be_unknown():
    """Then so is what was billed to it, whatever the field says."""
    found = cost(total_cost=0.1, upstream_inference_cost=0)
    assert (found.upstream, found.all_in) == (None, None)


def test_a_cache_saving_can_be_a_premium():
    """The sign is kept."""
    assert cost(cache_discount=0.25).cache_saving == Decimal("0.25")
    assert cost(cache_discount=-0.25).cache_saving == Decimal("-0.25")


def test_a_record_made_by_hand_has_no_cost_of_nan():
    """NaN is no amount, and would spoil every sum."""
    record = Generation.from_dict({})
    record.total_cost = float("nan")
    assert record.cost.charged is None


@given(AMOUNTS, AMOUNTS)
@example(1e308, 5e-324)
@example(-1e308, 5e-324)
def test_the_sum_is_exact_in_any_context(charged, upstream):
    """The caller's precision, three digits here, does not round what was paid."""
    with decimal.localcontext(prec=3):
        found = cost(total_cost=charged, is_byok=True, upstream_inference_cost=upstream)
        total = found.all_in
    assert Fraction(total) == Fraction(repr(charged)) + Fraction(repr(upstream))


@given(NO_AMOUNTS, AMOUNTS)
def test_no_value_that_is_no_amount_reads_as_one(odd, amount):
    """Of two amounts of which one is not known, the sum is not known either."""
    charged = cost(total_cost=odd, is_byok=True, upstream_inference_cost=amount)
    upstream = cost(total_cost=amount, is_byok=True, upstream_inference_cost=odd)
    assert (charged.charged, charged.all_in) == (None, None)
    assert (upstream.upstream, upstream.all_in) == (None, None)
    assert cost(cache_discount=odd).cache_saving is None


@given(AMOUNTS)
def test_an_amount_comes_back_as_the_double_it_was(amount):
    """Nothing is lost on the way from JSON."""
    assert float(cost(total_cost=amount).charged) == amount


def test_a_million_records_add_up_exactly():
    """In the default context: 28 digits are enough for amounts of 1e-15 and such totals."""
    nano = [(number * 7919) % 10**9 for number in range(1_000_000)]
    amounts = [cost(total_cost=part / 10**15).charged for part in nano[:1000]] * 1000
    with decimal.localcontext(decimal.DefaultContext, traps=[decimal.Inexact]):
        total = sum(amounts)
    assert total == Decimal(sum(nano[:1000]) * 1000).scaleb(-15)


def test_a_sum_beyond_the_context_can_be_made_to_say_so():
    """What the module's documentation says of the Inexact trap is so."""
    amounts = [cost(total_cost=1e15).charged, cost(total_cost=1e-15).charged]
    with (
        decimal.localcontext(decimal.DefaultContext, traps=[decimal.Inexact]),
        pytest.raises(decimal.Inexact),
    ):
        sum(amounts)
    with decimal.localcontext(prec=60, traps=[decimal.Inexact]):
        assert sum(amounts) == Decimal("1000000000000000.000000000000001")


@pytest.mark.parametrize(
    ("amount", "shown"),
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
def test_amounts_are_shown_as_people_read_them(amount, shown):
    """All digits, no exponent, no trailing zeros; what is not known is no number."""
    assert format_usd(None if amount is None else Decimal(amount)) == shown


@pytest.mark.parametrize(
    ("amount", "shown"),
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
def test_a_plain_number_is_an_amount(amount, shown):
    """As the fields of a record have it."""
    assert format_usd(amount) == shown


@pytest.mark.parametrize("amount", ["0.25", 1j, []])
def test_what_is_no_number_is_refused_in_words(amount):
    """The error says what is meant."""
    with pytest.raises(TypeError, match=r"a Decimal, a float, an int or None, not \w+"):
        format_usd(amount)


@given(DECIMALS)
def test_what_is_shown_is_the_amount(amount):
    """It reads back as the same number, whatever the context is, and has one form."""
    with decimal.localcontext(prec=3):
        shown = format_usd(amount)
    assert Decimal(shown.replace("$", "", 1)) == amount
    assert "e" not in shown.lower()
    assert shown == format_usd(Decimal(shown.replace("$", "", 1)))
    assert shown.startswith("-$" if amount < 0 else "$")


@given(AMOUNTS)
def test_every_amount_that_json_holds_can_be_shown(amount):
    """The greatest and the smallest double too."""
    assert float(format_usd(cost(total_cost=amount).charged).replace("$", "", 1)) == amount


def test_a_cost_is_a_value():
    """Equal ones are equal, and pickles and copies are as well."""
    found = cost(total_cost=0.1, is_byok=True, upstream_inference_cost=None)
    assert {found, pickle.loads(pickle.dumps(found)), copy.deepcopy(found)} == {found}
