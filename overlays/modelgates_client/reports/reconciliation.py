"""Reconciliation: compares a ledger with the account's activity, to find missing generations.

No operation lists generations, so a ledger cannot know of those whose ids it never got. The
activity of the account states the number and cost of requests for each UTC day and model.
"""

import csv
import datetime
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Context, Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, Final, NamedTuple

from modelgates_client.errors import ConfigurationError
from modelgates_client.exports.tables import RECORDS
from modelgates_client.ledger.control_totals import DAY, date_of, day_of
from modelgates_client.reports.figures import (
    ActivitySums,
    DayAndModel,
    Finding,
    Reconciliation,
    ReconciliationLine,
)
from modelgates_client.reports.formatting import elided
from modelgates_client.reports.reading import (
    DatabaseConnection,
    rows_of_ledger,
    sum_of_concatenated,
)
from modelgates_client.rows.column import CREATED
from modelgates_runtime.values import is_array, is_object

#: The fraction of the larger amount by which two may differ: the account sums doubles.
TOLERANCE: Final = Decimal("0.000001")

_AMOUNTS: Final = ("usage", "byok_usage_inference")
_COUNTS: Final = ("requests", "prompt_tokens", "completion_tokens", "reasoning_tokens")
_MAX: Final = Decimal(10**14)  # of amounts and counts, exclusive; amounts of ledgers are below it
_LAST_DECIMAL: Final = Decimal(1).scaleb(-24)  # of amounts in ledgers
_ROUNDED: Final = Context(prec=80)
_MAX_SHOWN: Final = 60  # characters of an invalid value
#: The columns of the activity that are read.
COLUMNS: Final = ("date", "model", "model_permaslug", *_AMOUNTS, *_COUNTS)


class ReconciledRecord(NamedTuple):
    """The sums of the ledger's records of a day and model, or of its ids without a record.

    Attributes:
        day: The UTC day; without a record, that of the time in the ids; None: unknown.
        model: The model; None: unknown.
        sums: The sums.
        is_record: Whether there are records of these requests.
    """

    day: datetime.date | None
    model: str | None
    sums: ActivitySums
    is_record: bool = True


class Activity(NamedTuple):
    """The activity of the account.

    Attributes:
        sums: The sums by day and model.
        names: The model by each of its names.
    """

    sums: Mapping[DayAndModel, ActivitySums]
    names: Mapping[str, str]


def read_activity(text: str, name: str) -> Activity:
    """Parse the account's activity, from JSON (`{"data": [...]}`, or only the array) or CSV.

    Args:
        text: The JSON or CSV.
        name: The name of its source, for errors.

    Raises:
        ConfigurationError: The text is neither JSON nor CSV, a column is missing, or a value is
            invalid.
    """
    items = _items(text, name)
    if not items:
        raise ConfigurationError(f"{name}: it is empty, so there is nothing to compare with")
    read = [_read(item, f"{name}: item {number}") for number, item in enumerate(items, 1)]
    names = _model_names(items)
    sums: dict[DayAndModel, ActivitySums] = {}
    for item, (day, item_sums) in zip(items, read, strict=True):
        key = DayAndModel(day, names[item["model"]])
        sums[key] = sums.get(key, ActivitySums()).plus(item_sums)
    return Activity(sums, names)


def _model_names(items: Iterable[Mapping[str, Any]]) -> Mapping[str, str]:
    """Return the model by each of its names: variants that share one are one model."""
    models: dict[str, str] = {}
    for item in items:
        pair = (item["model"], item.get("model_permaslug"))
        names = [each for each in pair if isinstance(each, str) and each]
        known = {models[each]: None for each in names if each in models}
        model = next(iter(known), names[0])
        if len(known) > 1:
            models = {each: model if old in known else old for each, old in models.items()}
        models.update(dict.fromkeys(names, model))
    return models


def _items(text: str, name: str) -> Sequence[Mapping[str, Any]]:
    if text.lstrip()[:1] in {"{", "["}:
        try:
            value = json.loads(
                text, parse_float=_number, parse_int=_number, parse_constant=_no_constant
            )
        except ValueError as error:
            raise ConfigurationError(f"{name}: it is not valid JSON: {error}") from None
        except RecursionError:
            raise ConfigurationError(f"{name}: it is nested too deeply") from None
        items = value.get("data") if is_object(value) else value
        if not is_array(items) or not all(map(is_object, items)):
            raise ConfigurationError(
                f'{name}: expected {{"data": [...]}}, as GET /activity returns it'
            )
        return items
    rows = csv.DictReader(io.StringIO(text, newline=""))
    try:
        if "date" not in (rows.fieldnames or ()):
            raise ConfigurationError(f"{name}: expected JSON, or CSV with the columns {_LISTED}")
        return list(rows)
    except csv.Error as error:
        raise ConfigurationError(f"{name}: it is not valid CSV: {error}") from None


_LISTED: Final = ", ".join(COLUMNS)


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{_shown(text)} is out of range") from None


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is not a JSON number")


def _shown(value: Any) -> str:
    text = f"{value}" if isinstance(value, str | Decimal) else repr(value)
    return elided(text, _MAX_SHOWN)


def _read(item: Mapping[str, Any], place: str) -> tuple[datetime.date, ActivitySums]:
    """Return the day and the sums of an item, whose model is checked."""
    for key in ("date", "model", *_AMOUNTS, "requests"):
        if item.get(key) is None or item[key] == "":
            raise ConfigurationError(f"{place}: {key} is missing; expected {_LISTED}")
    date, model = item["date"], item["model"]
    try:
        day = datetime.date.fromisoformat(str(date)[:10])
    except ValueError:
        raise ConfigurationError(
            f"{place}: date: expected YYYY-MM-DD, not {_shown(date)}"
        ) from None
    if not isinstance(model, str):
        raise ConfigurationError(f"{place}: model: expected a name, not {_shown(model)}")
    counts = [_count(item.get(key), f"{place}: {key}") for key in _COUNTS]
    requests, prompt, completion, _ = counts
    charged, upstream = (
        _amount(item[key], f"{place}: {key}", "an amount in US dollars") for key in _AMOUNTS
    )
    return day, ActivitySums(requests, charged, upstream, prompt, completion)


def _amount(value: Any, place: str, expected: str) -> Decimal:
    try:
        amount = Decimal("NaN") if isinstance(value, bool) else Decimal(str(value))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount.copy_abs() >= _MAX:
        raise ConfigurationError(
            f"{place}: expected {expected}, less than {_MAX:,}, not {_shown(value)}"
        )
    return _ROUNDED.quantize(amount, _LAST_DECIMAL)


def _count(value: Any, place: str) -> int:
    if value is None or value == "":  # in CSV
        return 0
    number = _amount(value, place, "a whole number")
    if number < 0 or number != number.to_integral_value():
        raise ConfigurationError(f"{place}: expected a whole number, not {_shown(value)}")
    return int(number)


def reconcile(
    activity: Activity, records: Iterable[ReconciledRecord], tolerance: Decimal = TOLERANCE
) -> Reconciliation:
    """Compare the records of a ledger with the account's activity of the same days.

    Args:
        activity: The account's activity; it covers every day from its first to its last.
        records: The sums of the ledger.
        tolerance: The fraction by which amounts may differ.
    """
    days = [key.day for key in activity.sums]
    first, last = min(days), max(days)
    ledger_sums: dict[DayAndModel, ActivitySums] = {}
    outside = undated = unresolved = 0
    for day, model, sums, is_record in records:
        if not is_record:
            unresolved += sums.requests if day is None or first <= day <= last else 0
        elif day is None:
            undated += sums.requests
        elif not first <= day <= last:
            outside += sums.requests
        else:
            key = DayAndModel(day, None if model is None else activity.names.get(model, model))
            ledger_sums[key] = ledger_sums.get(key, ActivitySums()).plus(sums)
    lines: list[ReconciliationLine] = []
    account_total = ledger_total = ActivitySums()
    keys = {*activity.sums, *ledger_sums}
    for key in sorted(keys, key=lambda each: (each.day, each.model or "")):
        account = activity.sums.get(key, ActivitySums())
        ledger = ledger_sums.get(key, ActivitySums())
        lines.append(ReconciliationLine(key, account, ledger, _finding(account, ledger, tolerance)))
        account_total, ledger_total = account_total.plus(account), ledger_total.plus(ledger)
    return Reconciliation(
        first=first,
        last=last,
        lines=tuple(lines),
        account=account_total,
        ledger=ledger_total,
        tolerance=tolerance,
        outside=outside,
        undated=undated,
        unresolved=unresolved,
    )


def _finding(account: ActivitySums, ledger: ActivitySums, tolerance: Decimal) -> Finding:
    if ledger.requests < account.requests:
        return "missing in the ledger"
    if ledger.requests > account.requests:
        return "missing in the account"
    pairs = (
        (account.charged_usd, ledger.charged_usd),
        (account.upstream_usd, ledger.upstream_usd),
    )
    is_same = all(_is_within(tolerance, *pair) for pair in pairs)
    return "same" if is_same else "different cost"


def _is_within(tolerance: Decimal, first: Decimal, second: Decimal) -> bool:
    one, other = Fraction(first), Fraction(second)
    return abs(one - other) <= max(abs(one), abs(other)) * Fraction(tolerance)


def reconcile_ledger(path: str, activity: Activity, tolerance: Decimal) -> Reconciliation:
    """Compare a ledger with the account's activity of the same days.

    Raises:
        LedgerError: The ledger cannot be read, or is damaged.
    """
    with rows_of_ledger(path) as rows:
        records = (*_records(rows.connection), *_unresolved(rows.connection))
        return reconcile(activity, records, tolerance)


def _records(connection: DatabaseConnection) -> Iterator[ReconciledRecord]:
    """Yield the sums of records by day and model.

    SQLite concatenates the amounts as they are stored; they are summed here, exactly.
    """
    info = connection.execute("SELECT name FROM pragma_table_info('record_rows')").fetchall()
    present = {name for (name,) in info}
    model, charged, upstream, prompt, completion = (
        name if name in present else "NULL" for name in _COLUMNS
    )
    cursor = connection.execute(
        f"SELECT {_DAY}, {model}, count(*), count({charged}), count({upstream}), "  # noqa: S608 - constants
        f"sum({charged} IS NULL OR {upstream} IS NULL), "
        f"group_concat({charged}), group_concat({upstream}), "
        # In halves, so that no sum of 64-bit integers overflows.
        f"sum({prompt} >> 32), sum({prompt} & {_LOW}), "
        f"sum({completion} >> 32), sum({completion} & {_LOW}) FROM record_rows GROUP BY 1, 2"
    )
    for day, name, count, *cells in iter(cursor.fetchone, None):
        charged_count, upstream_count, unknown, charged_texts, upstream_texts, *tokens = cells
        prompt_high, prompt_low, completion_high, completion_low = (each or 0 for each in tokens)
        sums = ActivitySums(
            count,
            sum_of_concatenated(charged_texts, charged_count),
            sum_of_concatenated(upstream_texts, upstream_count),
            (prompt_high << 32) + prompt_low,
            (completion_high << 32) + completion_low,
            unknown,
        )
        yield ReconciledRecord(_date(day), name, sums)


def _unresolved(connection: DatabaseConnection) -> Iterator[ReconciledRecord]:
    statement = f"SELECT {_DAY} FROM rows WHERE NOT {RECORDS}"  # noqa: S608 - constants
    days = Counter(day for (day,) in connection.execute(statement).fetchall())
    for day, count in days.items():
        yield ReconciledRecord(_date(day), None, ActivitySums(count), is_record=False)


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
