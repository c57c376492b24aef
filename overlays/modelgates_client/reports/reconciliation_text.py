"""A reconciliation in words, for people: the verdict, what differs, and what is left out."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from modelgates_client.reports.figures import ActivitySums, Reconciliation, ReconciliationLine
from modelgates_client.reports.formatting import count, name, rounded

_DECIMALS: Final = 6
_PARTS: Final = {
    Decimal("0.1"): "a tenth",
    Decimal("0.01"): "a hundredth",
    Decimal("0.001"): "a thousandth",
    Decimal("0.0001"): "a ten-thousandth",
    Decimal("0.00001"): "a hundred-thousandth",
    Decimal("0.000001"): "a millionth",
}


def lines(found: Reconciliation, listed: int) -> list[str]:
    """Return all of it.

    Args:
        found: What was found.
        listed: How many differences to list at most.
    """
    different = differing(found)
    shown = [
        verdict(found),
        f"  the account  {sums(found.there)}",
        f"  the ledger   {sums(found.here)}",
        *(f"  {_difference(line)}" for line in different[:listed]),
    ]
    if len(different) > listed:
        shown.append(f"  and {count(len(different) - listed, 'difference')} more: --format json")
    return [*shown, *notes(found)]


def verdict(found: Reconciliation) -> str:
    """Return whether anything is missing, and of which days and models that is said."""
    word = "nothing is missing" if found.is_same else "they differ"
    pairs = count(len(found.lines), "pair of day and model", "pairs of day and model")
    return f"{word}: {found.first} to {found.last} (UTC), {pairs}"


def differing(found: Reconciliation) -> Sequence[ReconciliationLine]:
    """Return what is not the same on both sides."""
    return [line for line in found.lines if line.finding != "same"]


def notes(found: Reconciliation) -> list[str]:
    """Return what is left out, and which amounts count as the same."""
    left_out = [
        (found.beyond, f"{count(found.beyond, 'record')} of other days"),
        (found.undated, f"{count(found.undated, 'record')} without a readable time"),
        (found.unresolved, f"{count(found.unresolved, 'id')} without a record"),
    ]
    named = ", ".join(text for number, text in left_out if number)
    return [*([f"left out: {named}"] if named else []), tolerance(found.tolerance)]


def tolerance(part: Decimal) -> str:
    """Return which amounts count as the same."""
    if not part:
        return "amounts are the same that do not differ at all"
    word = _PARTS.get(part.normalize())
    share = f"{(part * 100).normalize():f} %"
    shown = share if word is None else f"{word} ({share})"
    return f"amounts are the same that differ by no more than {shown} of the larger"


def sums(side: ActivitySums) -> str:
    """Return what a side says in all."""
    own_keys = f", {usd(side.own_keys_usd)} to own keys (BYOK)" if side.own_keys_usd else ""
    unknown = f", {side.unknown:,} of unknown cost" if side.unknown else ""
    tokens = f"{side.tokens_prompt:,} and {side.tokens_completion:,} tokens"
    charged = usd(side.charged_usd)
    return f"{count(side.requests, 'request')}, {charged} charged{own_keys}{unknown}, {tokens}"


def usd(amount: Decimal) -> str:
    """Return an amount with as many decimals as all have here."""
    return rounded(amount, _DECIMALS)


def _difference(line: ReconciliationLine) -> str:
    there, here = line.there, line.here
    place = f"{line.place.day} {name(line.place.model)}"
    if line.finding == "another cost":
        unknown = f", {here.unknown:,} of unknown cost" if here.unknown else ""
        return (
            f"{place}: {line.finding}: {_paid(there)} there, {_paid(here)} here{unknown}, of "
            f"{count(there.requests, 'request')}"
        )
    number = abs(there.requests - here.requests)
    requests = f"{there.requests:,} there, {here.requests:,} here"
    return f"{place}: {number:,} {line.finding}: {requests}; {_paid(there)} and {_paid(here)}"


def _paid(side: ActivitySums) -> str:
    own_keys = f" and {usd(side.own_keys_usd)} to own keys"
    return f"{usd(side.charged_usd)}{own_keys if side.own_keys_usd else ''}"
