"""A reconciliation as text: the verdict, what differs, and what is left out."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from modelgates_client.reports.figures import ActivitySums, Reconciliation, ReconciliationLine
from modelgates_client.reports.formatting import count, name, rounded

_DECIMALS: Final = 6
_FRACTIONS: Final = {
    Decimal("0.1"): "a tenth",
    Decimal("0.01"): "a hundredth",
    Decimal("0.001"): "a thousandth",
    Decimal("0.0001"): "a ten-thousandth",
    Decimal("0.00001"): "a hundred-thousandth",
    Decimal("0.000001"): "a millionth",
}


def lines(reconciliation: Reconciliation, limit: int) -> list[str]:
    """Return the lines of a reconciliation.

    Args:
        reconciliation: The reconciliation.
        limit: How many differences to list at most.
    """
    different = differing(reconciliation)
    listed = [
        verdict(reconciliation),
        f"  the account  {sums(reconciliation.account)}",
        f"  the ledger   {sums(reconciliation.ledger)}",
        *(f"  {_difference(line)}" for line in different[:limit]),
    ]
    if len(different) > limit:
        listed.append(f"  and {count(len(different) - limit, 'more difference')}: --format json")
    return [*listed, *notes(reconciliation)]


def verdict(reconciliation: Reconciliation) -> str:
    """Return whether anything is missing, and which days and models were compared."""
    word = "nothing is missing" if reconciliation.is_same else "they differ"
    pairs = count(len(reconciliation.lines), "pair of day and model", "pairs of day and model")
    return f"{word}: {reconciliation.first} to {reconciliation.last} (UTC), {pairs}"


def differing(reconciliation: Reconciliation) -> Sequence[ReconciliationLine]:
    """Return the lines that differ."""
    return [line for line in reconciliation.lines if line.finding != "same"]


def notes(reconciliation: Reconciliation) -> list[str]:
    """Return what was left out, and which amounts count as equal."""
    left_out = [
        (reconciliation.outside, f"{count(reconciliation.outside, 'record')} of other days"),
        (
            reconciliation.undated,
            f"{count(reconciliation.undated, 'record')} without a readable time",
        ),
        (reconciliation.unresolved, f"{count(reconciliation.unresolved, 'id')} without a record"),
    ]
    listed = ", ".join(text for number, text in left_out if number)
    return [*([f"left out: {listed}"] if listed else []), tolerance(reconciliation.tolerance)]


def tolerance(fraction: Decimal) -> str:
    """Return which amounts count as equal."""
    if not fraction:
        return "amounts must be exactly equal"
    word = _FRACTIONS.get(fraction.normalize())
    percentage = f"{(fraction * 100).normalize():f} %"
    limit = percentage if word is None else f"{word} ({percentage})"
    return f"amounts count as equal if they differ by no more than {limit} of the larger"


def sums(side: ActivitySums) -> str:
    """Return the sums of the account or of the ledger."""
    upstream = f", {usd(side.upstream_usd)} upstream (BYOK)" if side.upstream_usd else ""
    unknown = f", {side.unknown:,} of unknown cost" if side.unknown else ""
    tokens = f"{side.native_tokens_prompt:,} and {side.native_tokens_completion:,} tokens"
    charged = usd(side.charged_usd)
    return f"{count(side.requests, 'request')}, {charged} charged{upstream}{unknown}, {tokens}"


def usd(amount: Decimal) -> str:
    """Return an amount with six decimals, as all amounts of a reconciliation have."""
    return rounded(amount, _DECIMALS)


def _difference(line: ReconciliationLine) -> str:
    account, ledger = line.account, line.ledger
    key = f"{line.key.day} {name(line.key.model)}"
    if line.finding == "different cost":
        unknown = f", {ledger.unknown:,} of unknown cost" if ledger.unknown else ""
        return (
            f"{key}: {line.finding}: {_amounts(account)} in the account, {_amounts(ledger)} in the "
            f"ledger{unknown}, of {count(account.requests, 'request')}"
        )
    number = abs(account.requests - ledger.requests)
    return (
        f"{key}: {number:,} {line.finding}: {account.requests:,} in the account, "
        f"{ledger.requests:,} in the ledger; {_amounts(account)} and {_amounts(ledger)}"
    )


def _amounts(side: ActivitySums) -> str:
    upstream = f" and {usd(side.upstream_usd)} upstream" if side.upstream_usd else ""
    return f"{usd(side.charged_usd)}{upstream}"
