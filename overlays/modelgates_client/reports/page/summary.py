"""The tiles at the top: totals, and beside each of them what it leaves out."""

from collections.abc import Iterator
from decimal import Decimal

from modelgates_client.records.money import format_usd
from modelgates_client.reports import formatting
from modelgates_client.reports.figures import Report, Total
from modelgates_client.reports.page.markup import Html, amount, escaped, listed


def summary(report: Report) -> str:
    """Return the tiles, and what none of their totals contains."""
    total = report.total
    tiles = [
        _money(report, "All in", total.all_in_usd, "charged, and billed to own keys"),
        _money(report, "Charged", total.charged_usd, "to the account"),
        _money(report, "Own keys (BYOK)", total.upstream_usd, "billed by providers besides"),
        _saving(report),
        _tile("Records", f"{total.records:,}", [_final(report)], is_warned=bool(total.provisional)),
        _unresolved(report),
    ]
    return f'<ul class="tiles">{"".join(tiles)}</ul>{_left_out(report)}'


def _money(report: Report, title: str, total: Total[Decimal], what: str) -> str:
    value = "unknown" if _is_unknown(report, total) else format_usd(total.known)
    gaps = list(_gaps(report, total))
    return _tile(title, amount(value), [what, *(gaps or [_complete(report)])], is_warned=bool(gaps))


def _saving(report: Report) -> str:
    total = report.total.cache_saving_usd
    gaps = list(_gaps(report, total))
    notes = gaps or [_complete(report)]
    if _is_unknown(report, total):
        return _tile("Cache saving", "unknown", notes, is_warned=True)
    premium = total.known < 0
    what = "a premium, paid for writing to the cache" if premium else "saved by caching"
    return _tile(
        "Cache saving", amount(format_usd(total.known)), [what, *notes], is_warned=bool(gaps)
    )


def _unresolved(report: Report) -> str:
    missing = report.unresolved
    ids = missing.pending + missing.failed
    notes = [f"{missing.pending:,} pending, {missing.failed:,} failed"] if ids else []
    if missing.forgotten:
        notes.append(f"and {missing.forgotten:,} forgotten")
    notes = notes or ["every id has one"]
    return _tile("Ids without a record", f"{ids:,}", notes, is_warned=bool(ids))


def _is_unknown(report: Report, total: Total[Decimal]) -> bool:
    return bool(report.total.records) and total.unknown >= report.total.records


def _gaps(report: Report, total: Total[Decimal]) -> Iterator[str]:
    """Yield what a sum leaves out, or what may still change in it."""
    ids = report.unresolved.pending + report.unresolved.failed
    if total.unknown:
        yield f"without {formatting.count(total.unknown, 'record')} of unknown amount"
    if ids:
        have = "has" if ids == 1 else "have"
        yield f"without {formatting.count(ids, 'id')} that {have} no record"
    if report.undated and (report.since is not None or report.until is not None):
        yield f"without {formatting.count(report.undated, 'record')} of unknown time"
    if report.total.provisional:
        yield f"{formatting.count(report.total.provisional, 'record')} not final"


def _complete(report: Report) -> str:
    return "nothing is left out" if report.total.records else "there are no records"


def _final(report: Report) -> str:
    total = report.total
    if not total.records:
        return "there are none"
    return f"{total.provisional:,} of them not final" if total.provisional else "all of them final"


def _tile(title: str, value: str | Html, notes: list[str], *, is_warned: bool) -> str:
    kind = "tile warned" if is_warned else "tile"
    return (
        f'<li class="{kind}"><h2>{escaped(title)}</h2><p class="value">{escaped(value)}</p>'
        f"{listed(notes, 'notes')}</li>"
    )


def _left_out(report: Report) -> str:
    lines = list(formatting.left_out(report))
    if partly := formatting.not_all_in(report.total):
        lines.append(partly)
    if report.total.provisional:
        lines.append(formatting.records(report.total))
    if not lines:
        return ""
    return (
        '<section class="left-out" aria-labelledby="left-out"><h2 id="left-out">'
        f"What the totals leave out, and what may change in them</h2>{listed(lines)}</section>"
    )
