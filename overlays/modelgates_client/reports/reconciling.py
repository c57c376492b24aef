"""A ledger held against what the account says of itself: is anything missing? Pure.

No operation lists generations, so a ledger cannot know what it never heard of. The account's
activity says for each UTC day and model how many requests there were, and what they cost.
"""

import csv
import datetime
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal, NamedTuple

from attrs import frozen

from modelgates_client.errors import ConfigurationError
from modelgates_client.ledger.controls import EXACT, number_of
from modelgates_client.ledger.errors import DamagedError
from modelgates_client.reports.picking import instant
from modelgates_client.reports.reading import Connection
from modelgates_runtime.values import is_array, is_object

Finding = Literal["same", "missing here", "not there", "another cost"]

#: What an amount may differ by, as a part of the larger one: the account adds up doubles.
TOLERANCE: Final = Decimal("0.000001")

_AMOUNTS: Final = ("usage", "byok_usage_inference")
_COUNTS: Final = ("requests", "prompt_tokens", "completion_tokens", "reasoning_tokens")
#: The columns of activity that are read.
COLUMNS: Final = ("date", "model", "model_permaslug", *_AMOUNTS, *_COUNTS)


class Place(NamedTuple):
    """Of which records something is said.

    Attributes:
        day: The UTC day.
        model: The model; None: the records do not say.
    """

    day: datetime.date
    model: str | None


@frozen
class Sums:
    """What a side says of a day and model.

    Attributes:
        requests: How many there were.
        charged_usd: What the account was charged.
        own_keys_usd: What providers billed to own keys (BYOK) besides.
        tokens_prompt: Of the prompts.
        tokens_completion: Of the completions.
        unknown: How many of the requests do not say what they cost.
    """

    requests: int = 0
    charged_usd: Decimal = Decimal(0)
    own_keys_usd: Decimal = Decimal(0)
    tokens_prompt: int = 0
    tokens_completion: int = 0
    unknown: int = 0

    def plus(self, other: "Sums") -> "Sums":
        """Return both added up, exactly."""
        return Sums(
            self.requests + other.requests,
            EXACT.add(self.charged_usd, other.charged_usd),
            EXACT.add(self.own_keys_usd, other.own_keys_usd),
            self.tokens_prompt + other.tokens_prompt,
            self.tokens_completion + other.tokens_completion,
            self.unknown + other.unknown,
        )


@frozen
class Line:
    """What both sides say of a day and model.

    Attributes:
        place: The day and the model.
        there: What the account says.
        here: What the ledger says.
        finding: What that comes to.
    """

    place: Place
    there: Sums
    here: Sums
    finding: Finding


@frozen
class Reconciliation:
    """A ledger held against the account's activity.

    Attributes:
        first: The first day that the activity is of.
        last: The last one.
        lines: Days and models, in their order.
        there: All that the account says.
        here: All that the ledger says of those days.
        tolerance: The part by which amounts may differ.
        beyond: How many records are of days that the activity does not cover.
        undated: How many records have no readable time: they may be of these days.
        unresolved: How many ids of these days, or of no known time, are without a record: they may
            be what is missing.
    """

    first: datetime.date
    last: datetime.date
    lines: tuple[Line, ...]
    there: Sums
    here: Sums
    tolerance: Decimal
    beyond: int
    undated: int
    unresolved: int

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return all(line.finding == "same" for line in self.lines)


class Record(NamedTuple):
    """What is needed of a row.

    Attributes:
        state: Of the row.
        created: When the generation was made, in microseconds since 1970; None: not known. Of an
            id without a record it is the time in the id.
        model: Its model; None: not known.
        charged_usd: None: not known.
        own_keys_usd: None: not known.
        tokens_prompt: None: not known.
        tokens_completion: None: not known.
    """

    state: str
    created: int | None
    model: str | None
    charged_usd: Decimal | None
    own_keys_usd: Decimal | None
    tokens_prompt: int | None
    tokens_completion: int | None


class Activity(NamedTuple):
    """What the account says.

    Attributes:
        sums: By day and model.
        names: The model that is meant by each of its names.
    """

    sums: Mapping[Place, Sums]
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
    sums: dict[Place, Sums] = {}
    names: dict[str, str] = {}
    for number, item in enumerate(items, 1):
        place, found = _read(item, f"{name}: item {number}")
        sums[place] = sums.get(place, Sums()).plus(found)
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


def _read(item: Mapping[str, Any], place: str) -> tuple[Place, Sums]:
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
    return Place(day, str(item["model"])), Sums(requests, charged, own_keys, prompt, completion)


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
    activity: Activity, records: Iterable[Record], tolerance: Decimal = TOLERANCE
) -> Reconciliation:
    """Hold records against what the account says of the same days.

    Args:
        activity: What the account says; it is of every day from its first to its last.
        records: Of a ledger.
        tolerance: The part by which amounts may differ.
    """
    days = [place.day for place in activity.sums]
    first, last = min(days), max(days)
    here: dict[Place, list[Any]] = {}
    beyond = undated = unresolved = 0
    for record in records:
        day = None if record.created is None else instant(record.created).date()
        if record.state not in {"final", "provisional"}:
            unresolved += day is None or first <= day <= last
            continue
        if day is None:
            undated += 1
            continue
        if not first <= day <= last:
            beyond += 1
            continue
        model = record.model
        place = Place(day, None if model is None else activity.names.get(model, model))
        _add(here.setdefault(place, [0, Decimal(0), Decimal(0), 0, 0, 0]), record)
    lines: list[Line] = []
    totals = Sums(), Sums()
    for place in sorted({*activity.sums, *here}, key=lambda each: (each.day, each.model or "")):
        sides = activity.sums.get(place, Sums()), Sums(*here.get(place, ()))
        lines.append(Line(place, *sides, _finding(*sides, tolerance)))
        totals = totals[0].plus(sides[0]), totals[1].plus(sides[1])
    return Reconciliation(
        first, last, tuple(lines), *totals, tolerance, beyond, undated, unresolved
    )


def _add(sums: list[Any], record: Record) -> None:
    """Count a record, in the order of the fields of `Sums`."""
    charged, own_keys = record.charged_usd, record.own_keys_usd
    sums[0] += 1
    if charged is not None:
        sums[1] = EXACT.add(sums[1], charged)
    if own_keys is not None:
        sums[2] = EXACT.add(sums[2], own_keys)
    sums[3] += record.tokens_prompt or 0
    sums[4] += record.tokens_completion or 0
    sums[5] += charged is None or own_keys is None


def _finding(there: Sums, here: Sums, tolerance: Decimal) -> Finding:
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


def read_records(connection: Connection, time: str, present: Iterable[str]) -> Iterator[Record]:
    """Yield what is needed of the table or view `rows`.

    Args:
        connection: Of SQLite or DuckDB.
        time: SQL for the time of a row, as microseconds since 1970.
        present: The names of the columns that there are: the spec of the day may lack a field.
    """
    names = set(present)
    columns = (name if name in names else "NULL" for name in ROW_COLUMNS[2:])
    found = connection.execute(f"SELECT state, {time}, {', '.join(columns)} FROM rows")  # noqa: S608 - ours
    for state, created, model, charged, own_keys, *tokens in iter(found.fetchone, None):
        if not isinstance(created, int | None):
            raise DamagedError("a time in it is none")
        yield Record(
            state,
            created,
            model,
            None if charged is None else number_of(charged),
            None if own_keys is None else number_of(own_keys),
            *tokens,
        )


#: What is read of rows.
ROW_COLUMNS: Final = (
    "state",
    "created_at",
    "model",
    "total_cost_usd",
    "upstream_usd",
    "native_tokens_prompt",
    "native_tokens_completion",
)
