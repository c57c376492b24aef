"""What the fallback map draws, as data: a flow from each provider that failed to the next."""

from typing import Any, Final

from modelgates_client.reports import formatting
from modelgates_client.reports.figures import Fallback, Report

NOBODY: Final = "nobody: it failed"

_FLOWS: Final = 15


def drawn(report: Report) -> tuple[Fallback, ...]:
    """Return the fallbacks that the map shows; the table has all."""
    return report.fallbacks[:_FLOWS]


def fallback_map(report: Report) -> dict[str, Any] | None:
    """Return the flows; None if there are none.

    On the left are the providers that failed, on the right those that were asked next: the same
    one may be on both sides.
    """
    flows = drawn(report)
    if not flows:
        return None
    lefts = list(dict.fromkeys(flow.failed for flow in flows))
    rights = list(dict.fromkeys(flow.then for flow in flows))
    return {
        "lefts": [formatting.name(failed) for failed in lefts],
        "rights": [NOBODY if then is None else formatting.name(then) for then in rights],
        "nobody": rights.index(None) if None in rights else None,
        "flows": [
            {
                "from": lefts.index(flow.failed),
                "to": rights.index(flow.then),
                "count": flow.count,
                "text": formatting.count(flow.count, "time"),
            }
            for flow in flows
        ],
    }
