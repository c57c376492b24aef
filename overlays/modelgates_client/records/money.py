"""What a generation cost, in exact US dollars.

Amounts are `Decimal`s with the digits that JSON shows: 0.1 is exactly a tenth. A double holds 15
to 17 digits; an amount with more was rounded when it was parsed.

Your own arithmetic on amounts follows the current decimal context, which keeps 28 digits by
default. The sum of a million records is exact as long as 28 digits reach from its first digit to
the last digit of any amount: totals under a billion dollars, amounts down to 1e-19. Beyond that,
`decimal` rounds silently, unless its `Inexact` trap is set:

>>> with decimal.localcontext(prec=60, traps=[decimal.Inexact]):  # doctest: +SKIP
...     total = sum(amounts)
"""

import math
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from typing import Final, Self

from attrs import frozen

from modelgates_api.models import Generation
from modelgates_client.records.field_access import field_or_none, number_or_none

#: Any two doubles, 1e308 and 5e-324 too, add up within these digits.
_EXACT: Final = Context(prec=700, Emin=MIN_EMIN, Emax=MAX_EMAX)


@frozen
class Cost:
    """What a generation cost, in US dollars; None if unknown, which is not 0.

    An amount is unknown if it was not sent, is null, or cannot be read.

    Attributes:
        charged: Amount charged to the ModelGates account (`total_cost`); negative for a refund.
        upstream: Amount that the provider also billed, to your own key (`upstream_inference_cost`
            with `is_byok`). 0 without an own key, when that field only repeats the charge.
        cache_saving: Amount saved by caching (`cache_discount`); negative for a premium paid for
            writing to the cache.

    Source: openapi.yaml, schema `Generation`.
    """

    charged: Decimal | None
    upstream: Decimal | None
    cache_saving: Decimal | None

    @classmethod
    def of(cls, record: Generation) -> Self:
        """Read the cost of a record."""
        return cls(
            charged=exact(number_or_none(record, "total_cost")),
            upstream=_upstream(record),
            cache_saving=exact(number_or_none(record, "cache_discount")),
        )

    @property
    def all_in(self) -> Decimal | None:
        """The total paid, `charged` plus `upstream`; None if either is unknown.

        The sum is exact, whatever the current decimal context is.
        """
        if self.charged is None or self.upstream is None:
            return None
        return _EXACT.add(self.charged, self.upstream)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(charged={self.charged!r}, upstream={self.upstream!r}, "
            f"cache_saving={self.cache_saving!r}, all_in={self.all_in!r})"
        )


def format_usd(amount: Decimal | float | None) -> str:
    """Format an amount for people: `$0.00003452`, `-$0.5`, `$0`, or `unknown` for None.

    All digits are shown, without an exponent and without trailing zeros. A float has the digits
    that Python shows: 0.1 is a tenth. NaN, infinities and booleans are not amounts, and read
    `unknown` too.

    Raises:
        TypeError: `amount` is not a number.
    """
    if amount is None or isinstance(amount, bool):
        return "unknown"
    if isinstance(amount, float):
        amount = Decimal(float.__repr__(amount))  # numpy's has another repr
    elif isinstance(amount, int):
        amount = Decimal(amount)
    elif not isinstance(amount, Decimal):  # pyright: ignore[reportUnnecessaryIsInstance] # of others
        kind = type(amount).__name__
        raise TypeError(f"an amount is a Decimal, a float, an int or None, not {kind}")
    if not amount.is_finite():
        return "unknown"
    # Not by normalize() or abs(): they round to the current context.
    digits = f"{amount.copy_abs():f}"
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    return f"{'-' if amount < 0 else ''}${digits}"


def exact(amount: float | None) -> Decimal | None:
    """Return the decimal that a number was parsed from; None if it is not finite."""
    if amount is None:
        return None
    if isinstance(amount, int):
        return Decimal(amount)
    if not math.isfinite(amount):  # a record made by hand may hold NaN
        return None
    return Decimal(repr(amount))


def _upstream(record: Generation) -> Decimal | None:
    own_key = field_or_none(record, "is_byok", bool)
    if own_key is None:
        return None
    return exact(number_or_none(record, "upstream_inference_cost")) if own_key else Decimal(0)
