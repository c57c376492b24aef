"""A reproducible synthetic year of generations, with the oddities of real ones.

What they add up to is computed here by plain Python, one after the other, so that what a ledger, a
report, a budget and a reconciliation say can be held against it. No package of ours is used.
"""

import datetime
import json
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Final, NamedTuple

FIRST: Final = datetime.datetime(2025, 12, 1, tzinfo=datetime.UTC)
LAST: Final = datetime.datetime(2026, 12, 1, tzinfo=datetime.UTC)  # not included
MODELS: Final = (
    "openai/gpt-5-mini",
    "anthropic/claude-sonnet-4.5",
    "google/gemini-3-pro",
    "meta-llama/llama-4-scout-17b-16e-instruct",
    "mistralai/mistral-large",
    "qwen/qwen3-coder",
)
USERS: Final = tuple(f"user-{number}" for number in range(40))
PROVIDERS: Final = ("OpenAI", "Azure", "DeepInfra", "Together")

#: Of a thousand ids, so many are like that.
_ODD: Final = {
    "pending": 2,
    "failed": 1,
    "forgotten": 2,
    "late": 5,
    "cancelled": 20,
    "own key": 60,
    "own key, unknown": 5,
    "premium": 30,
    "drifted": 5,
    "unknown": 5,
    "undated": 1,
}
_KINDS: Final = (*(kind for kind, times in _ODD.items() for _ in range(times)),)
_WITHOUT: Final = frozenset(["pending", "failed", "forgotten"])
_NANO: Final = 9  # digits behind the point


class Item(NamedTuple):
    """An id, and what there is of it.

    Attributes:
        generation_id: The id, with its time in it.
        kind: What is odd about it; "" is nothing.
        at: When it was made.
        record: What the server has of it; None: nothing.
    """

    generation_id: str
    kind: str
    at: datetime.datetime
    record: dict[str, Any] | None

    @property
    def body(self) -> bytes:
        """The body of a response with the record."""
        return json.dumps({"data": self.record}).encode()


def items(number: int) -> Iterator[Item]:
    """Yield so many ids, evenly over the year, in their order."""
    chance = random.Random(2026)  # noqa: S311 - no secret: the same each time
    step = (LAST - FIRST) / number
    for place in range(number):
        at = FIRST + step * place
        drawn = chance.randrange(1000)
        kind = _KINDS[drawn] if drawn < len(_KINDS) else ""
        generation_id = f"gen-{int(at.timestamp())}-{place:07}"
        record = None if kind in _WITHOUT else _record(generation_id, kind, at, chance)
        yield Item(generation_id, kind, at, record)


def _record(
    generation_id: str, kind: str, at: datetime.datetime, chance: random.Random
) -> dict[str, Any]:
    def usd(limit: int) -> float:
        return chance.randrange(limit) / 10**_NANO  # the nearest double: its shortest digits are it

    own = kind.startswith("own key")
    prompt, completion = chance.randrange(4000), chance.randrange(1500)
    provider = chance.choice(PROVIDERS)
    latency = 100 + chance.randrange(4000)
    failed = {"provider_name": chance.choice(PROVIDERS), "status": 429, "latency": 50}
    served = {"provider_name": provider, "status": 200, "latency": latency - 60}
    record: dict[str, Any] = {
        "id": generation_id,
        "created_at": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z",
        "model": chance.choice(MODELS),
        "app_id": 1 + chance.randrange(5),
        "external_user": chance.choice(USERS),
        "streamed": True,
        "cancelled": kind == "cancelled",
        "latency": latency,
        "generation_time": 200 + chance.randrange(9000),
        "tokens_prompt": prompt,
        "tokens_completion": completion,
        "native_tokens_prompt": prompt,
        "native_tokens_completion": completion,
        "native_tokens_reasoning": chance.randrange(200),
        "native_tokens_cached": chance.randrange(prompt + 1),
        "origin": "https://example.com",
        "is_byok": own,
        "finish_reason": None if kind in {"late", "cancelled"} else "stop",
        "provider_responses": [failed, served] if chance.randrange(20) == 0 else [served],
        "api_type": "completions",
        "total_cost": usd(40_000_000),
        "cache_discount": -usd(1_000_000) if kind == "premium" else usd(1_000_000),
        "upstream_inference_cost": usd(40_000_000) if own else 0,
        "provider_name": provider,
    }
    if kind == "own key, unknown":
        record["upstream_inference_cost"] = None
    if kind == "drifted":
        record.update(total_cost="free", tier="gold", api_type="telepathy")
    if kind == "unknown":
        del record["total_cost"]
    if kind == "undated":
        record["created_at"] = "some day"
    return record


class Sums:
    """What records add up to: what is known, and of how many it is not."""

    def __init__(self) -> None:
        """Start with no records."""
        self.records = self.provisional = 0
        self.tokens: dict[str, int] = defaultdict(int)
        self.known: dict[str, Decimal] = defaultdict(Decimal)
        self.unknown: dict[str, int] = defaultdict(int)

    def add(self, record: dict[str, Any]) -> None:
        """Add a record."""
        self.records += 1
        self.provisional += record["finish_reason"] is None and not record["cancelled"]
        for name in ("prompt", "completion", "reasoning"):
            self.tokens[name] += record[f"native_tokens_{name}"]
        charged = _decimal(record.get("total_cost"))
        upstream = _decimal(record["upstream_inference_cost"]) if record["is_byok"] else Decimal(0)
        all_in = None if charged is None or upstream is None else charged + upstream
        for name, amount in (
            ("charged_usd", charged),
            ("upstream_usd", upstream),
            ("all_in_usd", all_in),
            ("cache_saving_usd", _decimal(record["cache_discount"])),
        ):
            if amount is None:
                self.unknown[name] += 1
            else:
                self.known[name] += amount


def _decimal(value: object) -> Decimal | None:
    return Decimal(repr(value)) if isinstance(value, int | float) else None


class Year:
    """What a year adds up to.

    Attributes:
        total: All records.
        by: By what they have in common: a model, a day or month of a zone, a UTC day and model.
        without: The number of ids without a record, by kind.
    """

    def __init__(self, year: Iterable[Item], zones: Iterable[datetime.tzinfo]) -> None:
        """Add up a year, with the days and months of some zones."""
        self.total = Sums()
        self.by: dict[tuple[str, ...], Sums] = defaultdict(Sums)
        self.without: dict[str, int] = defaultdict(int)
        zones = tuple(zones)
        for item in year:
            record = item.record
            if record is None:
                self.without[item.kind] += 1
                continue
            groups: list[tuple[str, ...]] = [("model", record["model"])]
            if item.kind != "undated":
                groups.append(("activity", f"{item.at:%Y-%m-%d}", record["model"]))
                for zone in zones:
                    day = f"{item.at.astimezone(zone):%Y-%m-%d}"
                    groups += [(f"day {zone}", day), (f"month {zone}", day[:7])]
            for sums in (self.total, *(self.by[group] for group in groups)):
                sums.add(record)

    def activity(self) -> dict[str, Any]:
        """Return what `GET /activity` says of the records: the body of the response."""
        rows = [(key[1:], sums) for key, sums in self.by.items() if key[0] == "activity"]
        return {
            "data": [
                {
                    "date": day,
                    "model": model,
                    "model_permaslug": f"{model}-2026",
                    "endpoint_id": "one",
                    "provider_name": "any",
                    "usage": float(sums.known["charged_usd"]),
                    "byok_usage_inference": float(sums.known["upstream_usd"]),
                    "requests": sums.records,
                    **{f"{name}_tokens": number for name, number in sums.tokens.items()},
                }
                for (day, model), sums in rows
            ]
        }
