"""The page: renders the template, with a content security policy."""

import re
from importlib.resources import files
from typing import Final

from modelgates_client._version import __version__
from modelgates_client.errors import ConfigurationError
from modelgates_client.reports import formatting, reconciliation_text
from modelgates_client.reports.figures import Report
from modelgates_client.reports.page import charts, library, summary, tables
from modelgates_client.reports.periods import Period, moment

_FOLDER: Final = "modelgates_client.reports.page"

#: The content of the style element to which plotly.js adds its rules. Without that element it would
#: create one, which the policy forbids.
_LIBRARY_STYLE: Final = "/* plotly.js adds its own */"

#: The part of an amount that is shown in full size: dollars and cents, or two significant digits if
#: it is less than a cent. The rest is shown smaller.
_LARGE_PART: Final = re.compile(r"-?\$(?:0\.00+[1-9][0-9]?|[0-9,]+\.[0-9]{1,2})")


def render(report: Report) -> str:
    """Return a report as one HTML page; equal reports result in equal pages.

    The page makes no requests: its content security policy allows only its own style and scripts,
    by their digests. Amounts are exact; only the lengths of bars are rounded. Names come from
    servers and users, and are shown as text.

    Raises:
        ConfigurationError: jinja2 or plotly, of the extra `report`, is not installed.
    """
    try:
        from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - of an extra

        plotly = library.load()
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in {"jinja2", "plotly"}:
            raise
        raise ConfigurationError(
            "the page needs an extra: pip install 'modelgates-client[report]'"
        ) from None
    environment = Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    environment.policies["json.dumps_kwargs"] = {
        "allow_nan": False,
        "separators": (",", ":"),
        "sort_keys": True,
    }
    style, script = _part("page.css"), _script()
    return environment.from_string(_part("page.html")).render(
        report=report,
        formatting=formatting,
        reconciliation_text=reconciliation_text,
        summary=summary,
        tables=tables,
        charts=charts.charts(report),
        highest=charts.highest(report),
        split_amount=split_amount,
        period=_capitalized(str(Period(report.since, report.until, report.timezone))),
        capitalized=_capitalized,
        generated_at=moment(report.generated_at.replace(microsecond=0)),
        version=__version__,
        policy=_policy(style, script, plotly),
        style=style,
        library_style=_LIBRARY_STYLE,
        library=plotly.compressed,
        script=script,
    )


def split_amount(text: str) -> tuple[str, str]:
    """Split an amount into the digits to show in full size and those to show smaller."""
    large = _LARGE_PART.match(text)
    end = len(text) if large is None else large.end()
    return text[:end], text[end:]


def _policy(style: str, script: str, plotly: library.Library) -> str:
    """Return a content security policy that allows only the page's own style and scripts."""
    scripts = (library.digest(script.encode()), plotly.digest)
    own_styles = (library.digest(text.encode()) for text in (style, _LIBRARY_STYLE))
    return (
        f"default-src 'none'; script-src {' '.join(scripts)}; "
        f"style-src {' '.join((*own_styles, *plotly.styles))}; base-uri 'none'; form-action 'none'"
    )


def _script() -> str:
    """Return the script of the page: one function, so that it defines no global names."""
    return f'"use strict";(() => {{\n{_part("figures.js")}\n{_part("page.js")}}})();'


def _part(name: str) -> str:
    return files(_FOLDER).joinpath(name).read_text(encoding="utf-8")


def _capitalized(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"
