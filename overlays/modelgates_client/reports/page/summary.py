"""The summary at the top of the page: each total, with what it does not include."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from attrs import frozen

from modelgates_client.reports import formatting
from modelgates_client.reports.figures import Report, Total


@frozen
class Tile:
    """A total.

    Attributes:
        title: The title.
        value: The total.
        notes: What it means, and what it does not include.
        is_warned: Whether it leaves something out, or may still change.
    """

    title: str
    value: str
    notes: Sequence[str]
    is_warned: bool


def tiles(report: Report) -> list[Tile]:
    """Return the totals of a report."""
    total = report.total
    is_premium = total.cache_saving_usd.known < 0
    saving = "a premium paid for writing to the cache" if is_premium else "saved by caching"
    return [
        _money(report, "All in", total.all_in_usd, "charged plus upstream"),
        _money(report, "Charged", total.charged_usd, "to the account"),
        _money(report, "Upstream (BYOK)", total.upstream_usd, "billed to your own keys"),
        _money(report, "Cache saving", total.cache_saving_usd, saving),
        Tile("Records", f"{total.records:,}", [_final(report)], bool(total.provisional)),
        _unresolved(report),
    ]


def left_out(report: Report) -> list[str]:
    """Return what no total includes, and what is not final."""
    records = formatting.records(report.total) if any(formatting.not_final(report.total)) else ""
    lines = (*formatting.left_out(report), formatting.not_all_in(report.total), records)
    return [line for line in lines if line]


def _money(report: Report, title: str, total: Total[Decimal], meaning: str) -> Tile:
    value = formatting.known_money(total, report.total.records)
    gaps = list(_gaps(report, total))
    complete = "nothing is left out" if report.total.records else "there are no records"
    return Tile(title, value, [meaning, *(gaps or [complete])], bool(gaps))


def _gaps(report: Report, total: Total[Decimal]) -> Iterator[str]:
    """Yield what a sum does not include, and what may still change in it."""
    ids = report.unresolved.pending + report.unresolved.failed
    if total.unknown:
        yield f"excludes {formatting.count(total.unknown, 'record')} of unknown amount"
    if ids:
        yield f"excludes {formatting.count(ids, 'id')} without a record"
    if report.undated and (report.since is not None or report.until is not None):
        yield f"excludes {formatting.count(report.undated, 'record')} of unknown time"
    if report.total.provisional:
        yield f"{formatting.count(report.total.provisional, 'record')} not final"


def _final(report: Report) -> str:
    total = report.total
    if not total.records:
        return "there are none"
    counts = ((total.provisional, "not final"), (total.never_final, "never final"))
    texts = [f"{number:,} of them {text}" for number, text in counts if number]
    return ", ".join(texts) or "all of them final"


def _unresolved(report: Report) -> Tile:
    unresolved = report.unresolved
    ids = unresolved.pending + unresolved.failed
    notes = [f"{unresolved.pending:,} pending, {unresolved.failed:,} failed"] if ids else []
    if unresolved.forgotten:
        notes.append(f"and {unresolved.forgotten:,} forgotten")
    return Tile("Ids without a record", f"{ids:,}", notes or ["every id has one"], bool(ids))
