"""The page: puts its parts together, with a content security policy."""

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

#: The content of the style element to which plotly.js adds its rules. Without that element it would
#: create one, which the policy forbids.
_LIBRARY_STYLE: Final = "/* plotly.js adds its own */"

#: Escapes for characters in JSON that could end its element or start a comment.
_ESCAPES: Final = {ord(character): f"\\u{ord(character):04x}" for character in "<>&"}


def render(report: Report) -> str:
    """Return a report as one HTML page; equal reports result in equal pages.

    The page makes no requests: its content security policy allows only its own style and scripts,
    by their digests. Amounts are exact; only the lengths of bars are rounded. Names come from
    servers and users, and are shown as text.

    Raises:
        ConfigurationError: plotly, of the extra `report`, is not installed.
    """
    plotly = library.load()
    style, script = _part("page.css"), _script()
    scripts = " ".join((library.digest(script.encode()), plotly.digest))
    own_styles = [library.digest(text.encode()) for text in (style, _LIBRARY_STYLE)]
    styles = " ".join((*own_styles, *plotly.styles))
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
        generated_at=escaped(moment(report.generated_at.replace(microsecond=0))),
        version=escaped(__version__),
        data=in_script(charts.charts(report)),
        library=plotly.compressed,
        script=script,
    )


def in_script(value: object) -> str:
    """Return a value as JSON in ASCII that cannot end the element it is in."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"), sort_keys=True)
    return text.translate(_ESCAPES)


def _script() -> str:
    """Return the script of the page: one function, so that it defines no global names."""
    return f'"use strict";(() => {{\n{_part("figures.js")}\n{_part("page.js")}}})();'


def _part(name: str) -> str:
    return files(_FOLDER).joinpath(name).read_text(encoding="utf-8")


def _period(report: Report) -> str:
    text = str(Period(report.since, report.until, report.timezone))
    return f"{text[0].upper()}{text[1:]}"
