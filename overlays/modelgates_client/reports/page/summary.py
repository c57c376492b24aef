"""The tiles at the top of the page: each total, with what it does not include."""

from collections.abc import Iterator
from decimal import Decimal

from modelgates_client.reports import formatting
from modelgates_client.reports.figures import Report, Total
from modelgates_client.reports.page.markup import Html, amount, escaped, unordered_list


def summary(report: Report) -> str:
    """Return the tiles, and what none of their totals includes."""
    total = report.total
    is_premium = total.cache_saving_usd.known < 0
    saving = "a premium paid for writing to the cache" if is_premium else "saved by caching"
    tiles = [
        _money(report, "All in", total.all_in_usd, "charged plus upstream"),
        _money(report, "Charged", total.charged_usd, "to the account"),
        _money(report, "Upstream (BYOK)", total.upstream_usd, "billed to your own keys"),
        _money(report, "Cache saving", total.cache_saving_usd, saving),
        _tile("Records", f"{total.records:,}", [_final(report)], is_warned=bool(total.provisional)),
        _unresolved(report),
    ]
    return f'<ul class="tiles">{"".join(tiles)}</ul>{_left_out(report)}'


def _money(report: Report, title: str, total: Total[Decimal], meaning: str) -> str:
    value = formatting.known_money(total, report.total.records)
    gaps = list(_gaps(report, total))
    return _tile(
        title, amount(value), [meaning, *(gaps or [_complete(report)])], is_warned=bool(gaps)
    )


def _unresolved(report: Report) -> str:
    unresolved = report.unresolved
    ids = unresolved.pending + unresolved.failed
    notes = [f"{unresolved.pending:,} pending, {unresolved.failed:,} failed"] if ids else []
    if unresolved.forgotten:
        notes.append(f"and {unresolved.forgotten:,} forgotten")
    notes = notes or ["every id has one"]
    return _tile("Ids without a record", f"{ids:,}", notes, is_warned=bool(ids))


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


def _complete(report: Report) -> str:
    return "nothing is left out" if report.total.records else "there are no records"


def _final(report: Report) -> str:
    total = report.total
    if not total.records:
        return "there are none"
    counts = ((total.provisional, "not final"), (total.never_final, "never final"))
    texts = [f"{number:,} of them {text}" for number, text in counts if number]
    return ", ".join(texts) or "all of them final"


def _tile(title: str, value: str | Html, notes: list[str], *, is_warned: bool) -> str:
    css_class = "tile warned" if is_warned else "tile"
    return (
        f'<li class="{css_class}"><h2>{escaped(title)}</h2><p class="value">{escaped(value)}</p>'
        f"{unordered_list(notes, 'notes')}</li>"
    )


def _left_out(report: Report) -> str:
    lines = list(formatting.left_out(report))
    if partly := formatting.not_all_in(report.total):
        lines.append(partly)
    if any(formatting.not_final(report.total)):
        lines.append(formatting.records(report.total))
    if not lines:
        return ""
    return (
        '<section class="left-out" aria-labelledby="left-out"><h2 id="left-out">'
        "What the totals do not include, and what is not final</h2>"
        f"{unordered_list(lines)}</section>"
    )
