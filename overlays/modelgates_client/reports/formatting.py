"""The figures of a report in words, for people: what they are, and what they leave out."""

from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal

from modelgates_client.ledger.control_totals import TotalsDifference
from modelgates_client.records.money import format_usd
from modelgates_client.records.sanitize import sanitize
from modelgates_client.reports.figures import Group, Report, Spread, Total, UnresolvedCounts
from modelgates_client.reports.periods import Period

_MAX = 80  # characters of a name that are shown: names come from the server
_DIFFERENCES = 3  # that are named in a line
_SECOND_MS = 1000
_MINUTE_MS = 60 * _SECOND_MS
_DIGITS = 4  # of the largest amount that are shown, where amounts are rounded
_EXACT = Context(prec=400, rounding=ROUND_HALF_EVEN)  # more digits than sums have
_WHOLE = 100  # a second: rates from there on are shown without a fraction


def heading(report: Report) -> str:
    """Return what the report is of."""
    period = Period(report.since, report.until, report.timezone)
    return f"{name(report.source)}: {period}; days of {report.timezone}"


def name(text: str | None) -> str:
    """Return a name from a server or a stranger as text that cannot steer a terminal."""
    if text is None:
        return "unknown"
    if not text:
        return '""'
    shown = sanitize(text)
    return elided(shown, _MAX)


def elided(text: str, longest: int) -> str:
    """Return a text without its middle if it is longer: names differ where they begin and end."""
    if len(text) <= longest:
        return text
    end = (longest - 3) // 2
    return f"{text[: longest - 3 - end]}...{text[len(text) - end :]}"


def count(number: int, one: str, many: str = "") -> str:
    """Return a number of things."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def money(total: Total[Decimal], records: int, decimals: int | None = None) -> str:
    """Return a sum of amounts of records, and how many are not known.

    Args:
        total: The sum.
        records: How many records it is of.
        decimals: How many decimals to show; None: all digits.
    """
    known = rounded(total.known, decimals) if total.unknown < records or not records else ""
    unknown = f"{total.unknown:,} unknown" if total.unknown else ""
    return ", and ".join(filter(None, (known, unknown)))


def decimals_of(amounts: Sequence[Decimal]) -> int:
    """Return with how many decimals to show amounts: 2, or more if that matters.

    The first four digits of the largest matter, as far as there are any.
    """
    largest = max(map(abs, amounts), default=Decimal(0))
    matters = _DIGITS - 1 - largest.adjusted() if largest else 0
    shown = (format_usd(amount).partition(".")[2] for amount in amounts)
    return max(2, min(matters, max(map(len, shown), default=0)))


def rounded(amount: Decimal, decimals: int | None) -> str:
    """Return an amount with so many decimals; None: with all its digits.

    What is too small to be seen is not shown as nothing.
    """
    if decimals is None:
        return format_usd(amount)
    step = Decimal(1).scaleb(-decimals)
    size = _EXACT.quantize(amount.copy_abs(), step)
    sign = "-" if amount < 0 else ""
    if amount and not size:
        return f"{sign}<${step:f}"
    return f"{sign}${size:,f}"


def cost(group: Group, decimals: int | None = None) -> Iterator[str]:
    """Yield what was paid, a part a line, and why the parts do not add up, if they do not."""
    charged, upstream, all_in = group.charged_usd, group.upstream_usd, group.all_in_usd
    yield f"{money(charged, group.records, decimals)} charged"
    if not (upstream.known or upstream.unknown):
        return
    yield f"{money(upstream, group.records, decimals)} billed by providers besides, to own keys"
    yield f"{money(all_in, group.records, decimals)} all in"
    if partly := not_all_in(group, decimals):
        yield partly


def not_all_in(group: Group, decimals: int | None = None) -> str:
    """Return why what was charged and what was billed to own keys is not all in, if it is not."""
    paid = _EXACT.add(group.charged_usd.known, group.upstream_usd.known)
    left_out = _EXACT.subtract(paid, group.all_in_usd.known)
    if not left_out:
        return ""
    return (
        f"not all in: {rounded(left_out, decimals)} of records of which only a part of the cost is "
        "known"
    )


def records(group: Group) -> str:
    """Return what the sums are of."""
    text = count(group.records, "record")
    if not group.provisional:
        return text
    return f"{text}, {group.provisional:,} of them not final: their figures may still change"


def left_out(report: Report) -> Iterator[str]:
    """Yield what no sum contains, a part a line."""
    if report.differences:
        yield changed(report.differences)
    unresolved = report.unresolved
    ids = unresolved.pending + unresolved.failed
    if ids:
        yield (
            f"{count(ids, 'id')} without a record ({unresolved.pending:,} pending, "
            f"{unresolved.failed:,} failed), of unknown cost"
        )
        if unresolved.errors:
            yield f"their last errors: {_errors(unresolved)}"
    if unresolved.forgotten:
        yield (
            f"{count(unresolved.forgotten, 'forgotten id')}, of which no record was found; see "
            "modelgates list --forgotten"
        )
    dated = report.since is not None or report.until is not None
    if report.undated and dated:
        yield (
            f"{count(report.undated, 'record')} without a readable time, which may be of the period"
        )


def changed(differences: Sequence[TotalsDifference]) -> str:
    """Return that rows are not what was written, by how much they differ and for which days."""
    listed = "; ".join(map(str, differences[:_DIFFERENCES]))
    more = len(differences) - _DIFFERENCES
    return (
        "the ledger has changed since it was written, so no sum of it is sure: "
        f"{listed}{f'; and {more} differences more' if more > 0 else ''}"
    )


def saving(group: Group) -> str:
    """Return what caching saved, or cost."""
    total = group.cache_saving_usd
    if total.unknown == group.records:
        return "unknown"
    known = total.known
    what = "saved by caching" if known >= 0 else "premium paid for writing to the cache"
    shown = f"{format_usd(known.copy_abs())} {what}"
    return f"{shown}; of {count(total.unknown, 'record')} unknown" if total.unknown else shown


def tokens(group: Group) -> Iterator[str]:
    """Yield the tokens, a part a line."""
    yield f"{_tokens(group.tokens_prompt)} in, {_tokens(group.tokens_cached)} of them cached"
    yield f"{_tokens(group.tokens_completion)} out, {_tokens(group.tokens_reasoning)} for reasoning"


def duration(milliseconds: float | None) -> str:
    """Return a duration in the unit that it is read best in."""
    if milliseconds is None:
        return "-"
    size = abs(milliseconds)
    if size < _SECOND_MS:
        return f"{milliseconds:.3g} ms"
    if size < _MINUTE_MS:
        return f"{milliseconds / _SECOND_MS:.3g} s"
    return f"{milliseconds / _MINUTE_MS:,.1f} min"


def spread(measured: Spread) -> str:
    """Return the quantiles of durations."""
    quantiles = (("p50", measured.p50), ("p95", measured.p95), ("p99", measured.p99))
    return ", ".join(f"{title} {duration(value)}" for title, value in quantiles)


def rates(measured: Spread) -> str:
    """Return the quantiles of tokens per second: half of all, and the fastest."""
    if measured.p50 is None or measured.p95 is None:
        return "unknown"
    return f"{rate(measured.p50)} a second in the median, {rate(measured.p95)} at p95"


def rate(per_second: float | None) -> str:
    """Return a rate by its first digits, and never as a power of ten where it need not be."""
    if per_second is None:
        return "-"
    return f"{per_second:.3g}" if abs(per_second) < _WHOLE else f"{per_second:,.0f}"


def percent(part: float, whole: float) -> str:
    """Return a share."""
    if not whole:
        return "-"
    share = 100 * part / whole
    if 0 < share < 0.1:  # noqa: PLR2004 - what would be shown as 0
        return "<0.1 %"
    return f"{share:.1f} %"


def _tokens(total: Total[int]) -> str:
    return (
        f"{total.known:,} (and {total.unknown:,} unknown)" if total.unknown else f"{total.known:,}"
    )


def _errors(unresolved: UnresolvedCounts) -> str:
    return ", ".join(f"{times:,} {name(error)}" for error, times in unresolved.errors)
