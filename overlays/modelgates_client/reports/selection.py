"""The rows and columns that a report needs, read once: the source may be a million rows long.

What is read becomes the temporary table `report_picked`: records of the UTC days that the period
touches, records without a time, and ids without a record, whose time is the one in the id, of the
period or of no known time. The view `report_chosen` has the records that
count.
"""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from modelgates_client.errors import ConfigurationError
from modelgates_client.exports.sql import labelled, literal, quoted
from modelgates_client.ledger.control_totals import DAY
from modelgates_client.ledger.labels import PREFIX, is_name
from modelgates_client.reports.figures import Sort
from modelgates_client.rows.columns import LABELS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: What records can be grouped by, and the column that says it; times are of the report's zone.
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

#: Those of them that have an order of their own.
TIMES: Final = frozenset(name for name, column in DIMENSIONS.items() if column == "created_at")

#: Amounts in US dollars, as figures and as columns of the rows.
AMOUNTS: Final = ("charged_usd", "upstream_usd", "all_in_usd", "cache_saving_usd")

#: Counts of tokens: the column of the rows for each figure.
TOKENS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "tokens_prompt": "native_tokens_prompt",
        "tokens_completion": "native_tokens_completion",
        "tokens_cached": "native_tokens_cached",
        "tokens_reasoning": "native_tokens_reasoning",
    }
)

#: Measurements: the column of the rows for each figure.
MEASURES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "latency_ms": "latency_ms",
        "generation_ms": "generation_time_ms",
        "tokens_per_second": "tokens_per_second",
    }
)

RECORDS: Final = "state IN ('final', 'provisional')"

_ATTEMPTS: Final = "STRUCT(provider VARCHAR, status BIGINT, latency_ms DOUBLE)[]"
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MAX: Final = 1e15  # of a measurement: 30,000 years; beyond, it is no time, and breaks sums
_MICROSECOND: Final = datetime.timedelta(microseconds=1)


def check_by(by: Iterable[str]) -> tuple[str, ...]:
    """Return what to group by, each once.

    Raises:
        ConfigurationError: Records cannot be grouped by one of them.
    """
    chosen = tuple(dict.fromkeys(by))
    for name in chosen:
        if name not in DIMENSIONS and label_of(name) is None:
            expected = ", ".join(DIMENSIONS)
            raise ConfigurationError(f"--by {name!r}: expected any of {expected}, label:NAME")
    return chosen


def check_sort(sort: Sort | None, by: Sequence[str]) -> Sort:
    """Return what to order groups by: by time where they are of times, else by cost.

    Raises:
        ConfigurationError: Groups that are of no time cannot be ordered by it.
    """
    has_time = not TIMES.isdisjoint(by)
    if sort == "time" and not has_time:
        raise ConfigurationError(f"--sort time: needs --by any of {', '.join(sorted(TIMES))}")
    return sort or ("time" if has_time else "cost")


def label_of(name: str) -> str | None:
    """Return which label `label:NAME` means; None if it means none."""
    label = name.removeprefix(PREFIX)
    return label if name.startswith(PREFIX) and is_name(label) else None


def read_where(given: Iterable[str]) -> dict[str, str]:
    """Return the labels of `label:NAME=TEXT`.

    Raises:
        ConfigurationError: One is not like that, or two contradict each other.
    """
    where: dict[str, str] = {}
    for each in given:
        name, is_there, text = each.partition("=")
        label = label_of(name)
        if label is None or not is_there:
            raise ConfigurationError(f"--where {each!r}: expected label:NAME=TEXT")
        if where.setdefault(label, text) != text:
            raise ConfigurationError(f"--where {each!r}: nothing has two texts for a label")
    return where


def needed(by: Iterable[str]) -> list[str]:
    """Return the names of the columns that a report by `by` reads."""
    always = ("state", "error", "created_at", "model", "attempts", LABELS.name)
    figures = (*AMOUNTS, *TOKENS.values(), *MEASURES.values())
    return list(
        dict.fromkeys((*always, *figures, *(DIMENSIONS.get(name, LABELS.name) for name in by)))
    )


def microseconds(when: datetime.datetime) -> int:
    """Return an instant as microseconds since 1970 in UTC."""
    return (when - _EPOCH) // _MICROSECOND


def instant(number: int) -> datetime.datetime:
    """Return the instant, in UTC, of microseconds since 1970."""
    return _EPOCH + number * _MICROSECOND


def whole_days(
    since: datetime.datetime | None, until: datetime.datetime | None
) -> tuple[int | None, int | None]:
    """Return the beginning of the UTC days that a period touches (included), and their end."""
    start = None if since is None else microseconds(since) // DAY * DAY
    return start, None if until is None else -(-microseconds(until) // DAY) * DAY


_FIRST: Final = microseconds(datetime.datetime.min.replace(tzinfo=datetime.UTC))
_LAST: Final = microseconds(datetime.datetime.max.replace(tzinfo=datetime.UTC))


def pick(
    connection: "DuckDBPyConnection",
    by: Sequence[str],
    since: datetime.datetime | None,
    until: datetime.datetime | None,
    where: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Read what a report by `by` needs of the view `rows`; only those labelled as `where` count.

    A column that the rows do not have, since the spec of the day lacks the field, is all unknown.
    """
    present = {name: kind for name, kind, *_ in connection.execute("DESCRIBE rows").fetchall()}

    def column(name: str, kind: str) -> str:
        return f'"{name}"' if name in present else f"CAST(NULL AS {kind})"

    time = column("created_at", "TIMESTAMPTZ")
    parts = [
        "state",
        "error",
        f"{_micros(time)} AS created",
        f"{column('model', 'VARCHAR')} AS model",
        f"{labelled(column(LABELS.name, LABELS.type), where)} AS wanted",
    ]
    parts += [f"{column(name, 'DECIMAL(38,24)')} AS {name}" for name in AMOUNTS]
    parts += [f"{column(source, 'BIGINT')} AS {name}" for name, source in TOKENS.items()]
    for name, source in MEASURES.items():
        value = column(source, "DOUBLE")
        parts.append(f"CASE WHEN abs({value}) <= {_MAX} THEN {value} END AS {name}")
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
        f"CREATE OR REPLACE TEMP TABLE report_picked AS SELECT * FROM "  # noqa: S608 - ours too
        f"(SELECT {', '.join(parts)} FROM rows) "
        f"WHERE created IS NULL OR (CASE WHEN {RECORDS} THEN {days} ELSE {within} END)"
    )
    connection.execute(
        "CREATE OR REPLACE TEMP VIEW report_chosen AS "  # noqa: S608 - ours too
        f"SELECT * FROM report_picked WHERE wanted AND {RECORDS} AND ({within})"
    )


def between(time: str, start: int | None, end: int | None) -> str:
    """Return SQL for whether a time is in a period; of no period, whatever it is."""
    bounds = [] if start is None else [f"{time} >= {start}"]
    bounds += [] if end is None else [f"{time} < {end}"]
    return " AND ".join(bounds) or "TRUE"


def _micros(time: str) -> str:
    """Return SQL for a time as microseconds; NULL if it is beyond the calendar."""
    number = f"epoch_us({time})"
    return f"CASE WHEN {number} BETWEEN {_FIRST} AND {_LAST} THEN {number} END"
