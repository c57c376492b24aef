"""The figures of a report as text, which the terminal and the page share."""

from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal

from modelgates_client.ledger.control_totals import TotalsDifference
from modelgates_client.records.money import format_usd
from modelgates_client.records.sanitize import sanitize
from modelgates_client.reports.figures import (
    Group,
    Report,
    Spread,
    TimeSlice,
    Total,
    UnresolvedCounts,
)
from modelgates_client.reports.periods import Period, moment

SEPARATOR = " \N{MIDDLE DOT} "  # between the names that make up a group
NO_ATTEMPT = "no further attempt"

_MAX_NAME = 80  # characters: names come from the server
_MAX_DIFFERENCES = 3  # in a line
_SECOND_MS = 1000
_MINUTE_MS = 60 * _SECOND_MS
_DIGITS = 4  # significant digits of the largest amount, where amounts are rounded
_EXACT = Context(prec=400, rounding=ROUND_HALF_EVEN)  # more digits than sums have
_MIN_WHOLE_RATE = 100  # tokens per second; greater rates are shown without a fraction


def heading(report: Report) -> str:
    """Return the source, period and time zone of a report."""
    period = Period(report.since, report.until, report.timezone)
    return f"{name(report.source)}: {period}; days of {report.timezone}"


def name(text: str | None) -> str:
    """Return a name from a server or a user as text that cannot control a terminal."""
    if text is None:
        return "unknown"
    if not text:
        return '""'
    return elided(sanitize(text), _MAX_NAME)


def elided(text: str, max_length: int) -> str:
    """Replace the middle of a text by "..." if it is too long: names differ at their ends."""
    if len(text) <= max_length:
        return text
    end = (max_length - 3) // 2
    return f"{text[: max_length - 3 - end]}...{text[len(text) - end :]}"


def count(number: int, singular: str, plural: str = "") -> str:
    """Return a number with its noun; the plural is formed with "s" unless given."""
    return f"{number:,} {singular if number == 1 else plural or f'{singular}s'}"


def group_title(group: Group) -> str:
    """Return the key of a group as plain text."""
    return SEPARATOR.join(map(name, group.key)) or "all"


def slice_time(part: TimeSlice, step: str) -> str:
    """Return when a slice of the timeline starts: its hour, day or year."""
    if step == "hour":
        return moment(part.start)
    day = part.start.date().isoformat()
    return day[:4] if step == "year" else day


def share(part: Decimal, whole: Decimal) -> float | None:
    """Return a fraction; None where it has no meaning, as for a refund or with a total of 0."""
    return float(part / whole) if part >= 0 and whole > 0 and part <= whole else None


def has_upstream(report: Report) -> bool:
    """Return whether providers billed anything to your own keys (BYOK), or may have."""
    upstream = report.total.upstream_usd
    return bool(upstream.known or upstream.unknown)


def exact_usd(amount: Decimal) -> str:
    """Return an amount with all its digits and thousands separators: `$1,201.50000003`."""
    whole, point, decimals = format_usd(amount.copy_abs()).removeprefix("$").partition(".")
    return f"{'-' if amount < 0 else ''}${int(whole):,}{point}{decimals}"


def money(total: Total[Decimal], records: int, decimals: int | None = None) -> str:
    """Return a sum, and for how many records the amount is unknown.

    Args:
        total: The sum.
        records: How many records there are in all.
        decimals: How many decimals to show; None: all digits.
    """
    unknown = f"{total.unknown:,} unknown"
    if total.unknown >= records > 0:
        return unknown
    known = rounded(total.known, decimals)
    return f"{known} (and {unknown})" if total.unknown else known


def known_money(total: Total[Decimal], records: int, decimals: int | None = None) -> str:
    """Return the known part of a sum; "unknown" if the amount of no record is known.

    Args:
        total: The sum.
        records: How many records there are in all.
        decimals: How many decimals to show; None: all digits.
    """
    return "unknown" if total.unknown >= records > 0 else rounded(total.known, decimals)


def decimals_of(amounts: Sequence[Decimal]) -> int:
    """Return how many decimals to show for amounts: at least 2.

    There are as many as the first four digits of the largest amount take, but not more than the
    amounts have.
    """
    largest = max(map(abs, amounts), default=Decimal(0))
    significant = _DIGITS - 1 - largest.adjusted() if largest else 0
    decimals = (exact_usd(amount).partition(".")[2] for amount in amounts)
    return max(2, min(significant, max(map(len, decimals), default=0)))


def rounded(amount: Decimal, decimals: int | None) -> str:
    """Return an amount rounded to some decimals, with thousands separators; None: all digits.

    An amount that would round to 0 is shown as less than the smallest step: `<$0.01`.
    """
    if decimals is None:
        return exact_usd(amount)
    step = Decimal(1).scaleb(-decimals)
    size = _EXACT.quantize(amount.copy_abs(), step)
    sign = "-" if amount < 0 else ""
    if amount and not size:
        return f"{sign}<${step:f}"
    return f"{sign}${size:,f}"


def cost(group: Group, decimals: int | None = None) -> Iterator[str]:
    """Yield the amounts, one per line, and why they do not add up, if they do not."""
    charged, upstream, all_in = group.charged_usd, group.upstream_usd, group.all_in_usd
    yield f"{money(charged, group.records, decimals)} charged"
    if not (upstream.known or upstream.unknown):
        return
    billed = money(upstream, group.records, decimals)
    yield f"{billed} upstream, billed by providers to your own keys"
    yield f"{money(all_in, group.records, decimals)} all in"
    if partly := not_all_in(group, decimals):
        yield partly


def not_all_in(group: Group, decimals: int | None = None) -> str:
    """Return why charged and upstream do not add up to all in; "" if they do."""
    paid = _EXACT.add(group.charged_usd.known, group.upstream_usd.known)
    left_out = _EXACT.subtract(paid, group.all_in_usd.known)
    if not left_out:
        return ""
    return (
        f"not included in all in: {rounded(left_out, decimals)} of records with a partly known cost"
    )


def records(group: Group) -> str:
    """Return how many records there are, and how many of them are not final."""
    return ", ".join(filter(None, (count(group.records, "record"), "; ".join(not_final(group)))))


def not_final(group: Group) -> Iterator[str]:
    """Yield how many records are not final: those that may still change, and the others."""
    if group.provisional:
        yield f"{group.provisional:,} of them not final: their figures may still change"
    if group.never_final:
        yield f"{group.never_final:,} of them never final: no longer requested, counted as stated"


def left_out(report: Report) -> Iterator[str]:
    """Yield what the sums do not include, one line each."""
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
            f"{count(unresolved.forgotten, 'forgotten id')} whose record was never found; see "
            "modelgates list --forgotten"
        )
    has_period = report.since is not None or report.until is not None
    if report.undated and has_period:
        yield (
            f"{count(report.undated, 'record')} without a readable time, which may be of the period"
        )


def changed(differences: Sequence[TotalsDifference]) -> str:
    """Return that rows were changed after they were written, with the differences by day."""
    listed = "; ".join(map(str, differences[:_MAX_DIFFERENCES]))
    left = len(differences) - _MAX_DIFFERENCES
    more = f"; and {count(left, 'more difference')}" if left > 0 else ""
    return f"rows were changed after they were written, so no sum is reliable: {listed}{more}"


def saving(group: Group) -> str:
    """Return what caching saved, or what was paid for it."""
    total = group.cache_saving_usd
    if total.unknown == group.records:
        return "unknown"
    known = total.known
    effect = "saved by caching" if known >= 0 else "premium paid for writing to the cache"
    text = f"{exact_usd(known.copy_abs())} {effect}"
    return f"{text}; unknown for {count(total.unknown, 'record')}" if total.unknown else text


def tokens(group: Group) -> Iterator[str]:
    """Yield the counts of tokens, one line each."""
    prompt, completion = group.native_tokens_prompt, group.native_tokens_completion
    yield f"{_tokens(prompt)} in, {_tokens(group.native_tokens_cached)} of them cached"
    yield f"{_tokens(completion)} out, {_tokens(group.native_tokens_reasoning)} for reasoning"


def duration(milliseconds: float | None) -> str:
    """Return a duration in milliseconds, seconds or minutes, whichever is most readable."""
    if milliseconds is None:
        return "-"
    size = abs(milliseconds)
    if size < _SECOND_MS:
        return f"{milliseconds:.3g} ms"
    if size < _MINUTE_MS:
        return f"{milliseconds / _SECOND_MS:.3g} s"
    return f"{milliseconds / _MINUTE_MS:,.1f} min"


def durations(spread: Spread) -> str:
    """Return the quantiles of durations."""
    return ", ".join(f"{title} {duration(value)}" for title, value in spread.quantiles)


def rates(spread: Spread) -> str:
    """Return the quantiles of tokens per second."""
    if spread.p50 is None or spread.p95 is None:
        return "unknown"
    return f"{rate(spread.p50)} tokens per second at p50, {rate(spread.p95)} at p95"


def rate(per_second: float | None) -> str:
    """Return a rate with three significant digits, or as an integer, without an exponent."""
    if per_second is None:
        return "-"
    return f"{per_second:.3g}" if abs(per_second) < _MIN_WHOLE_RATE else f"{per_second:,.0f}"


def percent(part: float, whole: float) -> str:
    """Return a fraction in percent."""
    if not whole:
        return "-"
    percentage = 100 * part / whole
    if 0 < percentage < 0.1:  # noqa: PLR2004 - would be shown as 0
        return "<0.1 %"
    return f"{percentage:.1f} %"


def _tokens(total: Total[int]) -> str:
    return (
        f"{total.known:,} (and {total.unknown:,} unknown)" if total.unknown else f"{total.known:,}"
    )


def _errors(unresolved: UnresolvedCounts) -> str:
    return ", ".join(f"{times:,} {name(error)}" for error, times in unresolved.errors)
