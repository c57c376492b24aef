"""What groups, slices and figures are called, on the page."""

from decimal import Context, Decimal
from typing import Final

from modelgates_client.reports import formatting
from modelgates_client.reports.figures import Group, Report, TimeSlice, Total
from modelgates_client.reports.periods import moment

SEPARATOR: Final = " \N{MIDDLE DOT} "  # of the names that make up a group

_EXACT: Final = Context(prec=80)  # more digits than sums have


def group(of: Group) -> str:
    """Return what the records of a group have in common, as plain text."""
    return SEPARATOR.join(map(formatting.name, of.key)) or "all"


def rest(report: Report) -> str:
    """Return what the groups beyond those that are listed are called."""
    return formatting.count(report.groups_left_out, "more group")


def when(part: TimeSlice, step: str) -> str:
    """Return when a slice is, as people read it."""
    if step == "hour":
        return moment(part.start)
    day = part.start.date().isoformat()
    return day[:4] if step == "year" else day


def added(amounts: list[Total[Decimal]]) -> Total[Decimal]:
    """Return a sum that is exact, whatever the current decimal context is."""
    known, unknown = Decimal(0), 0
    for amount in amounts:
        known = _EXACT.add(known, amount.known)
        unknown += amount.unknown
    return Total(known, unknown)


def share(part: Decimal, whole: Decimal) -> float | None:
    """Return a share of a total; None where it is none, as of a refund or of nothing."""
    return float(part / whole) if part >= 0 and whole > 0 and part <= whole else None


def has_own_keys(report: Report) -> bool:
    """Return whether providers billed anything to own keys (BYOK), or might have."""
    upstream = report.total.upstream_usd
    return bool(upstream.known or upstream.unknown)
