"""A ledger held against what the account says of itself: is anything missing? Pure.

No operation lists generations, so a ledger cannot know what it never heard of. The account's
activity says for each UTC day and model how many requests there were, and what they cost.
"""

import csv
import datetime
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

from modelgates_client.errors import ConfigurationError
from modelgates_client.ledger.control_totals import DAY, EXACT, date_of, day_of
from modelgates_client.reports.figures import (
    ActivitySums,
    DayAndModel,
    Finding,
    Reconciliation,
    ReconciliationLine,
)
from modelgates_client.reports.reading import DatabaseConnection, added, rows_of_ledger
from modelgates_client.reports.selection import RECORDS
from modelgates_client.rows.columns import CREATED
from modelgates_runtime.values import is_array, is_object

#: What an amount may differ by, as a part of the larger one: the account adds up doubles.
TOLERANCE: Final = Decimal("0.000001")

_AMOUNTS: Final = ("usage", "byok_usage_inference")
_COUNTS: Final = ("requests", "prompt_tokens", "completion_tokens", "reasoning_tokens")
#: The columns of activity that are read.
COLUMNS: Final = ("date", "model", "model_permaslug", *_AMOUNTS, *_COUNTS)


class ReconciledRecord(NamedTuple):
    """What a ledger has of a day and model, taken together.

    Attributes:
        day: The UTC day; None: not known. Of ids without a record it is that of the time in them.
        model: The model; None: not known.
        sums: What they add up to.
        is_record: Whether there are records of them.
    """

    day: datetime.date | None
    model: str | None
    sums: ActivitySums
    is_record: bool = True


class Activity(NamedTuple):
    """What the account says.

    Attributes:
        sums: By day and model.
        names: The model that is meant by each of its names.
    """

    sums: Mapping[DayAndModel, ActivitySums]
    names: Mapping[str, str]


def read_activity(text: str, name: str) -> Activity:
    """Return what an activity says, as JSON (`{"data": [...]}`, or the array alone) or as CSV.

    Args:
        text: Its text.
        name: What it is called, for errors.

    Raises:
        ConfigurationError: It is neither, or a column is missing, or a value is none.
    """
    items = _items(text, name)
    if not items:
        raise ConfigurationError(f"{name}: there is no activity in it")
    sums: dict[DayAndModel, ActivitySums] = {}
    names: dict[str, str] = {}
    for number, item in enumerate(items, 1):
        place, found = _read(item, f"{name}: item {number}")
        sums[place] = sums.get(place, ActivitySums()).plus(found)
        for each in (item.get("model_permaslug"), item["model"]):
            if isinstance(each, str) and each and place.model is not None:
                names.setdefault(each, place.model)
    return Activity(sums, names)


def _items(text: str, name: str) -> Sequence[Mapping[str, Any]]:
    if text.lstrip()[:1] in {"{", "["}:
        try:
            value = json.loads(text, parse_float=Decimal, parse_constant=_no_constant)
        except ValueError as error:
            raise ConfigurationError(f"{name}: it is no JSON: {error}") from None
        items = value.get("data") if is_object(value) else value
        if not is_array(items) or not all(map(is_object, items)):
            raise ConfigurationError(
                f'{name}: expected {{"data": [...]}}, as GET /activity gives it'
            )
        return items
    rows = csv.DictReader(io.StringIO(text, newline=""))
    if "date" not in (rows.fieldnames or ()):
        raise ConfigurationError(f"{name}: expected JSON, or CSV with the columns {_LISTED}")
    try:
        return list(rows)
    except csv.Error as error:
        raise ConfigurationError(f"{name}: it is no CSV: {error}") from None


_LISTED: Final = ", ".join(COLUMNS)


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is no number of JSON")


def _read(item: Mapping[str, Any], place: str) -> tuple[DayAndModel, ActivitySums]:
    for key in ("date", "model", *_AMOUNTS, "requests"):
        if item.get(key) in {None, ""}:
            raise ConfigurationError(f"{place}: {key} is missing; expected {_LISTED}")
    try:
        day = datetime.date.fromisoformat(str(item["date"])[:10])
    except ValueError:
        raise ConfigurationError(f"{place}: date {item['date']!r}: expected YYYY-MM-DD") from None
    counts = [_count(item.get(key) or 0, f"{place}: {key}") for key in _COUNTS]
    requests, prompt, completion, _ = counts
    charged, own_keys = (_amount(item[key], f"{place}: {key}") for key in _AMOUNTS)
    return DayAndModel(day, str(item["model"])), ActivitySums(
        requests, charged, own_keys, prompt, completion
    )


def _amount(value: Any, place: str) -> Decimal:
    try:
        amount = Decimal("NaN") if isinstance(value, bool) else Decimal(str(value))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise ConfigurationError(f"{place}: expected an amount in US dollars, not {value!r}")
    return amount


def _count(value: Any, place: str) -> int:
    number = _amount(value, place)
    if number < 0 or number != number.to_integral_value():
        raise ConfigurationError(f"{place}: expected a whole number, not {value!r}")
    return int(number)


def reconcile(
    activity: Activity, found: Iterable[ReconciledRecord], tolerance: Decimal = TOLERANCE
) -> Reconciliation:
    """Hold a ledger against what the account says of the same days.

    Args:
        activity: What the account says; it is of every day from its first to its last.
        found: What is in the ledger.
        tolerance: The part by which amounts may differ.
    """
    days = [place.day for place in activity.sums]
    first, last = min(days), max(days)
    here: dict[DayAndModel, ActivitySums] = {}
    beyond = undated = unresolved = 0
    for day, model, sums, is_record in found:
        if not is_record:
            unresolved += sums.requests if day is None or first <= day <= last else 0
        elif day is None:
            undated += sums.requests
        elif not first <= day <= last:
            beyond += sums.requests
        else:
            place = DayAndModel(day, None if model is None else activity.names.get(model, model))
            here[place] = here.get(place, ActivitySums()).plus(sums)
    lines: list[ReconciliationLine] = []
    totals = ActivitySums(), ActivitySums()
    for place in sorted({*activity.sums, *here}, key=lambda each: (each.day, each.model or "")):
        sides = activity.sums.get(place, ActivitySums()), here.get(place, ActivitySums())
        lines.append(ReconciliationLine(place, *sides, _finding(*sides, tolerance)))
        totals = totals[0].plus(sides[0]), totals[1].plus(sides[1])
    return Reconciliation(
        first, last, tuple(lines), *totals, tolerance, beyond, undated, unresolved
    )


def _finding(there: ActivitySums, here: ActivitySums, tolerance: Decimal) -> Finding:
    if here.requests < there.requests:
        return "missing here"
    if here.requests > there.requests:
        return "not there"
    pairs = (
        (there.charged_usd, here.charged_usd),
        (there.own_keys_usd, here.own_keys_usd),
    )
    return "same" if all(_is_near(*pair, tolerance) for pair in pairs) else "another cost"


def _is_near(one: Decimal, other: Decimal, tolerance: Decimal) -> bool:
    larger = max(abs(one), abs(other))
    return abs(EXACT.subtract(one, other)) <= EXACT.multiply(larger, tolerance)


def reconcile_ledger(path: str, activity: Activity, tolerance: Decimal) -> Reconciliation:
    """Hold a ledger against what the account says of the same days.

    Raises:
        LedgerError: It cannot be read, or it is damaged.
    """
    with rows_of_ledger(path) as (connection, _):
        return reconcile(activity, (*_records(connection), *_lacking(connection)), tolerance)


def _records(connection: DatabaseConnection) -> Iterator[ReconciledRecord]:
    """Yield what records add up to, by day and model.

    SQLite puts the amounts together as they are stored; they are added up here, exactly.
    """
    described = connection.execute("SELECT name FROM pragma_table_info('record_rows')").fetchall()
    present = {name for (name,) in described}
    model, charged, own_keys, prompt, completion = (
        name if name in present else "NULL" for name in _COLUMNS
    )
    found = connection.execute(
        f"SELECT {_DAY}, {model}, count(*), count({charged}), count({own_keys}), "  # noqa: S608 - ours
        f"sum({charged} IS NULL OR {own_keys} IS NULL), "
        f"group_concat({charged}), group_concat({own_keys}), "
        # In halves: whatever a server counts, no sum of them leaves 64 bits.
        f"sum({prompt} >> 32), sum({prompt} & {_LOW}), "
        f"sum({completion} >> 32), sum({completion} & {_LOW}) FROM record_rows GROUP BY 1, 2"
    )
    for day, name, number, *cells in iter(found.fetchone, None):
        charges, own, unknown, charges_text, own_text, *tokens = cells
        high, low, more_high, more_low = (each or 0 for each in tokens)
        sums = ActivitySums(
            number,
            added(charges_text, charges),
            added(own_text, own),
            (high << 32) + low,
            (more_high << 32) + more_low,
            unknown,
        )
        yield ReconciledRecord(_date(day), name, sums)


def _lacking(connection: DatabaseConnection) -> Iterator[ReconciledRecord]:
    statement = f"SELECT {_DAY} FROM rows WHERE NOT {RECORDS}"  # noqa: S608 - ours
    days = Counter(day for (day,) in connection.execute(statement).fetchall())
    for day, number in days.items():
        yield ReconciledRecord(_date(day), None, ActivitySums(number), is_record=False)


def _date(day: int | None) -> datetime.date | None:
    return None if day is None else date_of(day_of(day * DAY))


_DAY: Final = f"({CREATED} - ({CREATED} % {DAY} + {DAY}) % {DAY}) / {DAY}"
_LOW: Final = 2**32 - 1
_COLUMNS: Final = (
    "model",
    "charged_usd",
    "upstream_usd",
    "native_tokens_prompt",
    "native_tokens_completion",
)
