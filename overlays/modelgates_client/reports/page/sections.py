"""The sections of the page: each chart with a description and a table."""

from collections.abc import Iterable
from typing import Final

from modelgates_client.reports import formatting, reconciliation_text
from modelgates_client.reports.figures import Report
from modelgates_client.reports.page import charts, tables
from modelgates_client.reports.page.markup import Html, HtmlTable, escaped, name, table

_HINT: Final = (
    "Click a model in the legend to hide or show it; double-click to show only that model."
)


def sections(report: Report) -> str:
    """Return all sections."""
    parts = (_time, _costs, _latencies, _fallbacks, _providers, _speeds, _reconciliation)
    return "".join(part(report) for part in parts)


def _section(
    element_id: str,
    title: str,
    description: Iterable[str | Html],
    content: str,
    *,
    is_wide: bool = True,
) -> str:
    paragraphs = "".join(f"<p>{escaped(text)}</p>" for text in description)
    css_class = "card wide" if is_wide else "card"
    return (
        f'<section class="{css_class}" aria-labelledby="{element_id}-title">'
        f'<h2 id="{element_id}-title">{escaped(title)}</h2>'
        f'<div class="description" id="{element_id}-description">{paragraphs}</div>'
        f"{content}</section>"
    )


def _chart(  # noqa: PLR0913 - the parts of a section
    element_id: str,
    title: str,
    description: Iterable[str | Html],
    figures: HtmlTable,
    *,
    is_drawn: bool,
    is_open: bool = False,
    is_wide: bool = False,
) -> str:
    """Return a section with a chart; its table is open until `page.js` has drawn the chart.

    Args:
        element_id: The id of the chart's element, as in `charts.charts`.
        title: The title.
        description: What the chart shows, in paragraphs.
        figures: All figures of the chart.
        is_drawn: Whether there is anything to draw.
        is_open: Whether the table stays open when the chart is drawn.
        is_wide: Whether the section takes the whole width.
    """
    content = ""
    if is_drawn:
        content = (
            f'<div class="chart" id="{element_id}" role="img" aria-labelledby="{element_id}-title" '
            f'aria-describedby="{element_id}-description" hidden></div>'
        )
    if figures.rows:
        keep = " data-keep" if is_open or not is_drawn else ""
        content += (
            f"<details open{keep}><summary>{escaped(figures.caption)}, as a table</summary>"
            f"{table(figures)}</details>"
        )
    return _section(element_id, title, description, content, is_wide=is_wide)


def _time(report: Report) -> str:
    description: list[str | Html] = []
    if report.timeline:
        first, last = report.timeline[0], report.timeline[-1]
        begin, end = (formatting.slice_time(part, report.step) for part in (first, last))
        description.append(f"Cost all in, {begin if begin == end else f'{begin} to {end}'}.")
        highest = charts.highest(report)
        if highest:
            description.append(f"{highest}.")
        if len({part.model for part in report.timeline}) > 1:
            description.append(Html(f'<span class="hint">{_HINT}</span>'))
    else:
        description.append("No record has a readable time.")
    return _chart(
        "time",
        f"Cost by {report.step} and model",
        description,
        tables.timeline(report),
        is_drawn=bool(report.timeline),
        is_wide=True,
    )


def _costs(report: Report) -> str:
    description: list[str | Html] = []
    listed = len(report.groups)
    if report.groups:
        first = report.groups[0]
        share = formatting.share(first.all_in_usd.known, report.total.all_in_usd.known)
        if share and report.sort == "cost":
            names = formatting.SEPARATOR.join(name(key).markup for key in first.key)
            percentage = escaped(formatting.percent(share, 1))
            description.append(Html(f"{names} cost most: {percentage} of the known total."))
        shown = len(charts.groups_shown(report))
        if shown < listed + report.groups_left_out:
            description.append(
                f"The chart shows {shown} of "
                f"{formatting.count(listed + report.groups_left_out, 'group')}."
            )
    else:
        description.append("No records, so no cost is known.")
    return _chart(
        "costs",
        f"Cost by {', '.join(report.by)}",
        description,
        tables.groups(report),
        is_drawn=bool(report.groups),
        is_open=True,
        is_wide=True,
    )


def _latencies(report: Report) -> str:
    measured = report.total.latency_ms
    description: list[str | Html] = []
    if measured.count:
        description.append(f"{formatting.durations(measured)}.")
        without = report.total.records - measured.count
        if without > 0:
            description.append(f"{formatting.count(without, 'record')} without a latency.")
    else:
        description.append("No record has a latency.")
    return _chart(
        "latencies",
        "Latency",
        description,
        tables.latencies(report),
        is_drawn=bool(report.latencies),
    )


def _fallbacks(report: Report) -> str:
    flows = report.fallbacks
    description: list[str | Html] = []
    if flows:
        top = flows[0]
        then = formatting.NO_ATTEMPT if top.then is None else name(top.then).markup
        description.append(
            Html(
                f"Most often {name(top.failed).markup} failed, then {then}: "
                f"{formatting.count(top.count, 'time')}."
            )
        )
        if len(charts.fallbacks_shown(report)) < len(flows) + report.fallbacks_left_out:
            description.append(
                f"The map shows the {len(charts.fallbacks_shown(report))} most frequent."
            )
    else:
        description.append("No fallback is known.")
    return _chart(
        "fallbacks",
        "Fallback map",
        description,
        tables.fallbacks(report),
        is_drawn=bool(flows),
    )


def _providers(report: Report) -> str:
    description: list[str | Html] = []
    attempts = sum(provider.attempts for provider in report.providers)
    failures = sum(provider.failures for provider in report.providers)
    if report.providers:
        failed = formatting.percent(failures, attempts) if failures else "None"
        description.append(f"{failed} of {formatting.count(attempts, 'attempt')} failed.")
    if report.attempts_unknown:
        description.append(
            f"The attempts of {formatting.count(report.attempts_unknown, 'record')} are unknown."
        )
    if not description:
        description.append("No record lists an attempt.")
    return _chart(
        "providers",
        "Error rate by provider",
        description,
        tables.providers(report),
        is_drawn=charts.providers(report) is not None,
        is_wide=True,
    )


def _reconciliation(report: Report) -> str:
    """Return the section of the reconciliation; "" if the report has none."""
    reconciliation = report.reconciliation
    if reconciliation is None:
        return ""
    sentences = [
        reconciliation_text.verdict(reconciliation),
        f"The account: {reconciliation_text.sums(reconciliation.account)}",
        f"The ledger: {reconciliation_text.sums(reconciliation.ledger)}",
        *reconciliation_text.notes(reconciliation),
    ]
    description = [f"{text[0].upper()}{text[1:]}." for text in sentences]
    content = tables.reconciliation(reconciliation)
    return _section(
        "reconciliation",
        "Is anything missing?",
        description,
        table(content) if content.rows else "",
    )


def _speeds(report: Report) -> str:
    if not report.groups:
        return ""
    content = tables.speeds(report)
    description = [
        f"Speed: {formatting.rates(report.total.native_tokens_per_second)}.",
        *formatting.tokens(report.total),
    ]
    return _section("speeds", content.caption, description, table(content))
