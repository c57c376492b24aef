"""Selection of the rows and columns of a report, which are read once: there may be millions.

The temporary table `report_rows` contains the records of the UTC days that overlap the period,
records without a time, and ids without a record whose time (the one in the id) is within the period
or unknown. The view `report_records` contains the records that the report is about.
"""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from modelgates_client.errors import ConfigurationError
from modelgates_client.exports.sql import labelled, literal
from modelgates_client.exports.tables import RECORDS
from modelgates_client.ledger.control_totals import DAY
from modelgates_client.ledger.labels import PREFIX, is_name
from modelgates_client.ledger.sql import quoted
from modelgates_client.reports.figures import Sort
from modelgates_client.rows.columns import LABELS
from modelgates_client.rows.values import microseconds

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: What records can be grouped by, with its column; times are in the time zone of the report.
DIMENSIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "model": "model",
        "provider": "served_by",
        "user": "external_user",
        "session": "session_id",
        "app": "app_id",
        "hour": "created_at",
        "day": "created_at",
        "week": "created_at",
        "month": "created_at",
        "tier": "service_tier",
        "byok": "is_byok",
    }
)

#: The dimensions that are times.
TIMES: Final = frozenset(name for name, column in DIMENSIONS.items() if column == "created_at")

#: Amounts in US dollars, as figures and as columns of the rows.
AMOUNTS: Final = ("charged_usd", "upstream_usd", "all_in_usd", "cache_saving_usd")

#: The columns of counts of tokens.
TOKENS: Final = (
    "native_tokens_prompt",
    "native_tokens_completion",
    "native_tokens_cached",
    "native_tokens_reasoning",
)

#: The columns of measurements.
MEASURES: Final = ("latency_ms", "generation_time_ms", "native_tokens_per_second")

_ATTEMPTS: Final = "STRUCT(provider VARCHAR, status BIGINT, latency_ms DOUBLE)[]"
_MAX_MEASUREMENT: Final = 1e15  # 30,000 years in ms; greater values are treated as unknown


def check_by(by: Iterable[str]) -> tuple[str, ...]:
    """Validate what to group by, and drop duplicates.

    Raises:
        ConfigurationError: Records cannot be grouped by one of the names.
    """
    names = tuple(dict.fromkeys(by))
    for name in names:
        if name not in DIMENSIONS and label_of(name) is None:
            expected = ", ".join(DIMENSIONS)
            raise ConfigurationError(f"--by {name!r}: expected any of {expected}, label:NAME")
    return names


def check_sort(sort: Sort | None, by: Sequence[str]) -> Sort:
    """Return what to sort groups by; by default, by time if `by` contains one, else by cost.

    Raises:
        ConfigurationError: Groups cannot be sorted by time, because `by` contains none.
    """
    has_time = not TIMES.isdisjoint(by)
    if sort == "time" and not has_time:
        raise ConfigurationError(
            f"--sort time: requires --by with any of {', '.join(sorted(TIMES))}"
        )
    return sort or ("time" if has_time else "cost")


def label_of(name: str) -> str | None:
    """Return NAME of `label:NAME`; None if the name is not of that form."""
    label = name.removeprefix(PREFIX)
    return label if name.startswith(PREFIX) and is_name(label) else None


def read_where(options: Iterable[str]) -> dict[str, str]:
    """Parse the values of `--where`, which are `label:NAME=TEXT`, to texts by label.

    Raises:
        ConfigurationError: A value is not of that form, or two values contradict each other.
    """
    where: dict[str, str] = {}
    for each in options:
        name, equals, text = each.partition("=")
        label = label_of(name)
        if label is None or not equals:
            raise ConfigurationError(f"--where {each!r}: expected label:NAME=TEXT")
        if where.setdefault(label, text) != text:
            raise ConfigurationError(f"--where {each!r}: a label has only one value")
    return where


def needed(by: Iterable[str]) -> list[str]:
    """Return the names of the columns that a report grouped by `by` reads."""
    always = ("state", "error", "created_at", "model", "attempts", LABELS.name)
    figures = (*AMOUNTS, *TOKENS, *MEASURES)
    return list(
        dict.fromkeys((*always, *figures, *(DIMENSIONS.get(name, LABELS.name) for name in by)))
    )


def whole_days(
    since: datetime.datetime | None, until: datetime.datetime | None
) -> tuple[int | None, int | None]:
    """Return the start (inclusive) and end (exclusive) of the UTC days that overlap a period."""
    start = None if since is None else microseconds(since) // DAY * DAY
    return start, None if until is None else -(-microseconds(until) // DAY) * DAY


_MIN_TIME: Final = microseconds(datetime.datetime.min.replace(tzinfo=datetime.UTC))
_MAX_TIME: Final = microseconds(datetime.datetime.max.replace(tzinfo=datetime.UTC))


def select_rows(
    connection: "DuckDBPyConnection",
    by: Sequence[str],
    since: datetime.datetime | None,
    until: datetime.datetime | None,
    where: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Create `report_rows` and `report_records` from the view `rows`.

    A column that `rows` does not have is NULL: the spec that they were written by may lack a field.

    Args:
        connection: The connection.
        by: What the report is grouped by.
        since: The start of the period (inclusive), timezone-aware; None: unbounded.
        until: The end of the period (exclusive), timezone-aware; None: unbounded.
        where: Only rows with these labels are selected.
    """
    present = {name: kind for name, kind, *_ in connection.execute("DESCRIBE rows").fetchall()}

    def column(name: str, kind: str) -> str:
        return f'"{name}"' if name in present else f"CAST(NULL AS {kind})"

    time = column("created_at", "TIMESTAMPTZ")
    parts = [
        "state",
        "error",
        f"{_microseconds_sql(time)} AS created",
        f"{column('model', 'VARCHAR')} AS model",
        f"{labelled(column(LABELS.name, LABELS.type), where)} AS is_selected",
    ]
    parts += [f"{column(name, 'DECIMAL(38,24)')} AS {name}" for name in AMOUNTS]
    parts += [f"{column(name, 'BIGINT')} AS {name}" for name in TOKENS]
    for name in MEASURES:
        value = column(name, "DOUBLE")
        parts.append(f"CASE WHEN abs({value}) <= {_MAX_MEASUREMENT} THEN {value} END AS {name}")
    for name in by:
        if name == "byok":
            parts.append(
                f"CASE {column('is_byok', 'BOOLEAN')} "
                "WHEN TRUE THEN 'yes' WHEN FALSE THEN 'no' END AS byok"
            )
        elif (label := label_of(name)) is not None:
            parts.append(f"{column(LABELS.name, LABELS.type)}[{literal(label)}] AS {quoted(name)}")
        elif name not in {*TIMES, "model"}:
            value = column(DIMENSIONS[name], "VARCHAR")
            parts.append(f'CAST({value} AS VARCHAR) AS "{name}"')
    parts.append(f"{column('attempts', _ATTEMPTS)} AS attempts")
    days = between("created", *whole_days(since, until))
    start = None if since is None else microseconds(since)
    within = between("created", start, None if until is None else microseconds(until))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE report_rows AS SELECT * FROM "  # noqa: S608 - constants
        f"(SELECT {', '.join(parts)} FROM rows) "
        f"WHERE created IS NULL OR (CASE WHEN {RECORDS} THEN {days} ELSE {within} END)"
    )
    connection.execute(
        "CREATE OR REPLACE TEMP VIEW report_records AS "  # noqa: S608 - constants
        f"SELECT * FROM report_rows WHERE is_selected AND {RECORDS} AND ({within})"
    )


def between(time: str, start: int | None, end: int | None) -> str:
    """Return SQL for whether a time is within a period; TRUE if the period is unbounded."""
    bounds = [] if start is None else [f"{time} >= {start}"]
    bounds += [] if end is None else [f"{time} < {end}"]
    return " AND ".join(bounds) or "TRUE"


def _microseconds_sql(time: str) -> str:
    """Return SQL for a time as microseconds; NULL if it is outside the calendar."""
    number = f"epoch_us({time})"
    return f"CASE WHEN {number} BETWEEN {_MIN_TIME} AND {_MAX_TIME} THEN {number} END"
