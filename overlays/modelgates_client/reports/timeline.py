"""Cost over time: slices of hours, days or years, by model."""

import datetime
from typing import TYPE_CHECKING, Final

from modelgates_client.ledger.control_totals import DAY
from modelgates_client.reports.days import HOUR, floor, in_zone, start_of_day
from modelgates_client.reports.figures import TimeSlice
from modelgates_client.reports.grouping import Amounts
from modelgates_client.reports.selection import instant

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MODELS: Final = 50  # that have slices of their own
_DAYS: Final = 4000  # that are drawn one by one: more come from a server that does not tell them
_SHORT: Final = datetime.timedelta(days=2)


def slices(
    connection: "DuckDBPyConnection",
    amounts: Amounts,
    zone: datetime.tzinfo,
    since: datetime.datetime | None,
    until: datetime.datetime | None,
) -> tuple[str, tuple[TimeSlice, ...]]:
    """Return what a slice is, and the slices that have records, ordered.

    Of one time, the models that cost most in all come first. The view `report_dated` has the
    records.
    """
    first, last = connection.execute(
        "SELECT min(created), max(created) FROM report_chosen"
    ).fetchall()[0]
    if first is None:
        return "day", ()
    if (until or instant(last)) - (since or instant(first)) <= _SHORT:
        step, begins = "hour", f"created - (local - {floor('local', HOUR)})"  # may come twice
    elif connection.execute("SELECT count(*) FROM report_days").fetchall()[0][0] <= _DAYS:
        step, begins = "day", floor("local", DAY)
    else:
        step, begins = "year", "epoch_us(date_trunc('year', make_timestamp(local)))"
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE report_models AS SELECT model AS name, "  # noqa: S608 - ours
        f"row_number() OVER (ORDER BY {amounts.order('all_in_usd')}, count(*) DESC, model) AS rank "
        f"FROM report_dated WHERE created IS NOT NULL GROUP BY model QUALIFY rank <= {_MODELS}"
    )
    rows = connection.execute(
        f"SELECT {begins} AS begins, rank IS NULL, any_value(name), count(*), "  # noqa: S608 - ours too
        f"{', '.join(amounts.sums('all_in_usd'))} "
        "FROM report_dated LEFT JOIN report_models ON model IS NOT DISTINCT FROM name "
        "WHERE created IS NOT NULL GROUP BY begins, rank ORDER BY begins, rank NULLS LAST"
    ).fetchall()
    return step, tuple(
        TimeSlice(
            in_zone(begin, zone) if step == "hour" else start_of_day(begin, zone),
            model,
            records,
            Amounts.total(cells, records),
            others=others,
        )
        for begin, others, model, records, *cells in rows
    )
