"""A chart with its words and its table, one after another."""

from typing import Final

from attrs import frozen

from modelgates_client.reports import formatting, reconciliation_text
from modelgates_client.reports.figures import Report
from modelgates_client.reports.page import charts, fallbacks, naming, tables
from modelgates_client.reports.page.markup import Html, HtmlTable, escaped, name, table

_HINT: Final = (
    "In the legend, a click hides a model or shows it again, a double click shows it alone."
)


@frozen
class _Chart:
    """A part of the page.

    Attributes:
        place: The id of the chart's place, as `charts.charts` has it.
        title: What it shows.
        told: What it shows, in words.
        table: All its figures.
        is_drawn: Whether there is anything to draw.
        is_open: Whether the table is shown without being asked for.
        is_wide: Whether it takes the whole width.
    """

    place: str
    title: str
    told: list[str | Html]
    table: HtmlTable
    is_drawn: bool
    is_open: bool = False
    is_wide: bool = False


def sections(report: Report) -> str:
    """Return all of them."""
    parts = [_time(report), _costs(report), _latencies(report)]
    parts += [_fallbacks(report), _providers(report)]
    return "".join(_section(part) for part in parts) + _speeds(report) + _reconciled(report)


def _section(chart: _Chart) -> str:
    """Return a section; the table is open until `page.js` has drawn the chart."""
    place = chart.place
    told = "".join(f"<p>{escaped(text)}</p>" for text in chart.told)
    drawing = (
        f'<div class="chart" id="{place}" role="img" aria-labelledby="{place}-title" '
        f'aria-describedby="{place}-told" hidden></div>'
        if chart.is_drawn
        else ""
    )
    inner = ""
    if chart.table.rows:
        keep = " data-keep" if chart.is_open or not chart.is_drawn else ""
        inner = (
            f"<details open{keep}><summary>{escaped(chart.table.caption)}, as a table</summary>"
            f"{table(chart.table)}</details>"
        )
    kind = "card wide" if chart.is_wide else "card"
    return (
        f'<section class="{kind}" aria-labelledby="{place}-title">'
        f'<h2 id="{place}-title">{escaped(chart.title)}</h2>'
        f'<div class="told" id="{place}-told">{told}</div>{drawing}{inner}</section>'
    )


def _time(report: Report) -> _Chart:
    told: list[str | Html] = []
    if report.timeline:
        first, last = report.timeline[0], report.timeline[-1]
        begin, end = (naming.when(part, report.step) for part in (first, last))
        told.append(f"What was paid all in, {begin if begin == end else f'{begin} to {end}'}.")
        highest = charts.highest(report)
        if highest:
            told.append(f"{highest}.")
        if len({part.model for part in report.timeline}) > 1:
            told.append(Html(f'<span class="hint">{_HINT}</span>'))
    else:
        told.append("No record with a readable time.")
    return _Chart(
        "time",
        f"Cost by {report.step} and model",
        told,
        tables.timeline(report),
        is_drawn=bool(report.timeline),
        is_wide=True,
    )


def _costs(report: Report) -> _Chart:
    told: list[str | Html] = []
    listed = len(report.groups)
    if report.groups:
        first = report.groups[0]
        share = naming.share(first.all_in_usd.known, report.total.all_in_usd.known)
        if share and report.sort == "cost":
            most = naming.SEPARATOR.join(name(key).markup for key in first.key)
            told.append(
                Html(f"{most} cost most: {escaped(formatting.percent(share, 1))} of what is known.")
            )
        shown = len(charts.shown(report))
        if shown < listed + report.groups_left_out:
            told.append(
                f"The chart shows {shown} of "
                f"{formatting.count(listed + report.groups_left_out, 'group')}."
            )
    else:
        told.append("No records, so nothing was paid that is known.")
    return _Chart(
        "costs",
        f"Cost by {', '.join(report.by)}",
        told,
        tables.groups(report),
        is_drawn=bool(report.groups),
        is_open=True,
        is_wide=True,
    )


def _latencies(report: Report) -> _Chart:
    measured = report.total.latency_ms
    told: list[str | Html] = []
    if measured.count:
        told.append(f"{formatting.spread(measured)}.")
        without = report.total.records - measured.count
        if without > 0:
            told.append(f"{formatting.count(without, 'record')} without a latency.")
    else:
        told.append("No record says its latency.")
    return _Chart(
        "latencies",
        "Latency",
        told,
        tables.latencies(report),
        is_drawn=bool(report.latencies),
    )


def _fallbacks(report: Report) -> _Chart:
    flows = report.fallbacks
    told: list[str | Html] = []
    if flows:
        most = flows[0]
        then = fallbacks.NOBODY if most.then is None else f"then {name(most.then).markup}"
        told.append(
            Html(
                f"Most often {name(most.failed).markup} failed, {then}: "
                f"{formatting.count(most.count, 'time')}."
            )
        )
        if len(fallbacks.drawn(report)) < len(flows) + report.fallbacks_left_out:
            told.append(f"The map shows the {len(fallbacks.drawn(report))} most frequent.")
    else:
        told.append("No provider is known to have failed before another was asked.")
    return _Chart(
        "fallbacks",
        "Fallback map",
        told,
        tables.fallbacks(report),
        is_drawn=bool(flows),
    )


def _providers(report: Report) -> _Chart:
    told: list[str | Html] = []
    attempts = sum(one.attempts for one in report.providers)
    failures = sum(one.failures for one in report.providers)
    if report.providers:
        told.append(
            f"{formatting.percent(failures, attempts)} of "
            f"{formatting.count(attempts, 'attempt')} failed."
            if failures
            else f"None of {formatting.count(attempts, 'attempt')} failed."
        )
    if report.attempts_unknown:
        told.append(
            f"The attempts of {formatting.count(report.attempts_unknown, 'record')} are unknown."
        )
    if not told:
        told.append("No record lists an attempt.")
    return _Chart(
        "providers",
        "Error rate by provider",
        told,
        tables.providers(report),
        is_drawn=charts.providers(report) is not None,
        is_wide=True,
    )


def _reconciled(report: Report) -> str:
    """Return what holding the ledger against the account's activity has found."""
    found = report.reconciliation
    if found is None:
        return ""
    told = [
        f"{reconciliation_text.verdict(found)}.",
        f"The account: {reconciliation_text.sums(found.there)}.",
        f"The ledger: {reconciliation_text.sums(found.here)}.",
        *(f"{note}." for note in reconciliation_text.notes(found)),
    ]
    paragraphs = "".join(f"<p>{escaped(text[0].upper() + text[1:])}</p>" for text in told)
    what = tables.reconciliation(found)
    return (
        '<section class="card wide" aria-labelledby="reconciled-title">'
        '<h2 id="reconciled-title">Is anything missing?</h2>'
        f'<div class="told">{paragraphs}</div>{table(what) if what.rows else ""}</section>'
    )


def _speeds(report: Report) -> str:
    if not report.groups:
        return ""
    what = tables.speeds(report)
    tokens = "".join(f"<p>{escaped(text)}</p>" for text in formatting.tokens(report.total))
    return (
        '<section class="card wide" aria-labelledby="speeds-title">'
        f'<h2 id="speeds-title">{escaped(what.caption)}</h2><div class="told">'
        f"<p>Tokens a second: {escaped(formatting.rates(report.total.tokens_per_second))}.</p>"
        f"{tokens}</div>{table(what)}</section>"
    )
