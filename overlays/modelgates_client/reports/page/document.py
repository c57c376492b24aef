"""The page: its parts put together, and the policy it is under."""

import json
from importlib.resources import files
from string import Template
from typing import Final

from modelgates_client._version import __version__
from modelgates_client.reports import formatting
from modelgates_client.reports.figures import Report
from modelgates_client.reports.page import charts, library, sections, summary
from modelgates_client.reports.page.markup import escaped
from modelgates_client.reports.periods import Period, moment

_FOLDER: Final = "modelgates_client.reports.page"

#: plotly.js adds its rules to the style element of this id if there is one, and makes one of its
#: own if not, which the policy forbids.
_LIBRARY_STYLE: Final = "/* plotly.js adds its own */"

#: What JSON must not show inside an element: nothing there can end it, or begin a comment.
_INERT: Final = {ord(character): f"\\u{ord(character):04x}" for character in "<>&"}


def render(report: Report) -> str:
    """Return a report as one HTML page; the same report makes the same page.

    Nothing in it loads anything: its policy allows its own style and scripts, by their digests, and
    no request at all. Amounts are exact texts; only the lengths of bars are rounded. Names come
    from servers and strangers, and are shown as text.

    Raises:
        ConfigurationError: The chart library, of the extra `report`, is not installed.
    """
    plotly = library.load()
    style, script = _part("page.css"), _script()
    scripts = " ".join((library.digest(script.encode()), plotly.digest))
    ours = [library.digest(text.encode()) for text in (style, _LIBRARY_STYLE)]
    styles = " ".join((*ours, *plotly.styles))
    policy = (
        f"default-src 'none'; script-src {scripts}; style-src {styles}; "
        "base-uri 'none'; form-action 'none'"
    )
    return Template(_part("page.html")).substitute(
        policy=policy,
        title=escaped(f"What generations cost: {formatting.name(report.source)}"),
        style=style,
        library_style=_LIBRARY_STYLE,
        source=escaped(formatting.name(report.source)),
        period=escaped(_period(report)),
        summary=summary.summary(report),
        sections=sections.sections(report),
        zone=escaped(report.timezone),
        made_at=escaped(moment(report.made_at.replace(microsecond=0))),
        version=escaped(__version__),
        data=in_script(charts.charts(report)),
        library=plotly.packed,
        script=script,
    )


def in_script(value: object) -> str:
    """Return JSON that no text in it can end an element with, in ASCII."""
    shown = json.dumps(value, allow_nan=False, separators=(",", ":"), sort_keys=True)
    return shown.translate(_INERT)


def _script() -> str:
    """Return what runs in the page: one function, so that no name gets out of it."""
    return f'"use strict";(() => {{\n{_part("figures.js")}\n{_part("page.js")}}})();'


def _part(name: str) -> str:
    return files(_FOLDER).joinpath(name).read_text(encoding="utf-8")


def _period(report: Report) -> str:
    shown = str(Period(report.since, report.until, report.timezone))
    return f"{shown[0].upper()}{shown[1:]}"
