"""The cases: what is compared with what, in which unit, and the goal of each ratio."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from benchmarks import contenders as by, growth
from benchmarks.contenders import Contender
from benchmarks.limits import Limit, TokenBucket


class Measure(Enum):
    """What is measured, with the unit per unit of work."""

    CPU = "µs of CPU"
    INSTRUCTIONS = "instructions"
    RATE = "per second"  # the only one of which more is better
    BYTES = "bytes kept"


_CPU, _INSTRUCTIONS, _RATE, _BYTES = Measure


@dataclass(frozen=True, kw_only=True)
class Case:
    """Work that contenders do.

    Attributes:
        title: What is compared.
        unit: The name of one unit of work.
        contenders: By name; the first is the base of the ratios.
        part: The part of the benchmarks; all but `growth` belong to `bench`.
        measures: What is measured of each.
        goals: The maximum ratio of a contender; of rates, the minimum.
        uncounted: Contenders whose instructions are not counted: importing them would take minutes.
        seconds: The minimum length of a turn, in seconds of CPU.
        times: How often the work is done in a turn; None: as long as `seconds`.
        rounds: How many turns each contender has; None: as the caller says. A single turn includes
            what happens for the first time.
        concurrency: The number of concurrent requests; None: as the caller says.
        has_server: Whether a server runs.
        latency_s: The server's latency, in seconds.
        limit: Creates the server's rate limit.
        ideal_rate: The rate per concurrent request that latency allows; the base of rates.
    """

    title: str
    unit: str
    contenders: Mapping[str, Contender]
    part: str = "calls"
    measures: tuple[Measure, ...] = (_CPU,)
    goals: Mapping[tuple[str, Measure], float] | None = None
    uncounted: frozenset[str] = frozenset()
    seconds: float = 0.3
    times: int | None = None
    rounds: int | None = None
    concurrency: int | None = 1
    has_server: bool = True
    latency_s: float = 0.0
    limit: Callable[[], Limit] | None = None
    ideal_rate: float | None = None


_MANY = {
    "aiohttp, not decoded": by.aiohttp,
    "pyreqwest, not decoded": by.pyreqwest_async,
    "ours, fast, async": by.ours_get_many_async,
    "ours, fast, sync": by.ours_get_many,
    "ours, base, async": by.ours_get_many_async,
    "ours, base, sync": by.ours_get_many,
    "generator's client": by.generator_async,
    "openrouter": by.openrouter_async,
}
_MODELS = {
    "msgspec into Structs": by.msgspec_structs,
    "json, untyped": by.standard_json,
    "ours, fast": by.ours_models,
    "ours, base": by.ours_models,
    "generator's models": by.generator_models,
}
_KEPT = ("generator's models", "ours, fast", "ours, base", "json, untyped", "msgspec into Structs")
_SIZES = (1, 10, 50, 100)

CASES: dict[str, Case] = {
    "get": Case(
        title="One request after the other, sync",
        unit="request",
        contenders={
            "httpx, not decoded": by.httpx_sync,
            "pyreqwest, not decoded": by.pyreqwest_sync,
            "ours, base": by.ours_get,
            "ours, fast": by.ours_get,
            "generator's client": by.generator_sync,
            "openai": by.openai_sync,
            "openrouter": by.openrouter_sync,
        },
        measures=(_CPU, _INSTRUCTIONS),
        goals={("ours, base", _CPU): 0.5, ("ours, fast", _CPU): 0.5},
        uncounted=frozenset({"openai", "openrouter"}),
    ),
    "decode": Case(
        title="Decoding a record with three attempts",
        unit="record",
        contenders={name: by.decoding(models) for name, models in _MODELS.items()},
        measures=(_CPU, _INSTRUCTIONS),
        goals={("ours, fast", _CPU): 3.5, ("ours, base", _CPU): 6.5},
        has_server=False,
    ),
    "memory": Case(
        title="Records of one account, kept",
        unit="record",
        contenders={name: by.keeping(_MODELS[name]) for name in _KEPT},
        measures=(_BYTES,),
        goals={("ours, fast", _BYTES): 0.5, ("ours, base", _BYTES): 0.5},
        times=2000,
        rounds=1,
        has_server=False,
    ),
    "many": Case(
        title="Many records, many requests at one time",
        unit="record",
        contenders=_MANY,
        part="bulk",
        measures=(_RATE, _CPU),
        goals={
            ("ours, fast, async", _RATE): 1.4,
            ("ours, fast, sync", _RATE): 1.0,
            ("ours, base, async", _RATE): 0.3,
            ("ours, base, sync", _RATE): 0.3,
        },
        seconds=0.6,
        concurrency=None,
    ),
    "latency": Case(
        title="`get`, async, by 200 tasks, 50 ms of latency, x 200 / 50 ms",
        unit="record",
        contenders={
            "ours, fast": by.ours_get_async,
            "ours, base": by.ours_get_async,
            "aiohttp, not decoded": by.aiohttp,
        },
        part="bulk",
        measures=(_RATE, _CPU),
        goals={("ours, fast", _RATE): 0.8},
        times=1000,
        concurrency=200,
        latency_s=0.05,
        ideal_rate=20,
    ),
    "limited": Case(
        title="300 records behind 100 requests a second, burst of 10",
        unit="record",
        contenders={
            name: _MANY[name]
            for name in ("aiohttp, not decoded", "ours, fast, async", "ours, base, sync")
        },
        part="bulk",
        measures=(_RATE,),
        times=300,
        rounds=1,
        concurrency=32,
        limit=lambda: TokenBucket(100, 10),
    ),
    "import": Case(
        title="Starting Python with an import",
        unit="process",
        contenders={
            "pass": by.program("pass"),
            "import modelgates_client": by.program("import modelgates_client"),
            "ModelGates": by.program("from modelgates_client import ModelGates"),
            "httpx": by.program("import httpx", "httpx"),
            "aiohttp": by.program("import aiohttp", "aiohttp"),
            "OpenRouter": by.program("from openrouter import OpenRouter", "openrouter"),
            "OpenAI": by.program("from openai import OpenAI", "openai"),
        },
        part="startup",
        goals={("import modelgates_client", _CPU): 1.2, ("ModelGates", _CPU): 7},
        has_server=False,
    ),
    "first-request": Case(
        title="A program that makes one request, sync",
        unit="process",
        contenders={"httpx": by.program(by.HTTPX_PROGRAM), "ours": by.program(by.OURS_PROGRAM)},
        part="startup",
        goals={("ours", _CPU): 1.15},
    ),
    "ledger": Case(
        title="`Ledger.add` of records, decoded and stored",
        unit="record",
        contenders={
            "SQLite alone, nothing decoded": by.sqlite_alone,
            "ours, fast": by.ours_ledger,
            "ours, base": by.ours_ledger,
        },
        measures=(_CPU, _RATE),
        times=2 * by.BATCH,
        has_server=False,
    ),
    **{
        f"capture-{sdk}": Case(
            title=f"Capturing a stream from {sdk}",
            unit="call",
            contenders={
                "bare": by.completion(captured=False, by_openai=sdk == "openai"),
                "captured": by.completion(captured=True, by_openai=sdk == "openai"),
            },
            measures=(_CPU, _INSTRUCTIONS),
            goals={("captured", _INSTRUCTIONS): 1.02},  # less than CPU time can tell
            uncounted=frozenset({"bare", "captured"} if sdk == "openai" else {}),
        )
        for sdk in ("openai", "httpx")
    },
    "regeneration": Case(
        title="Regenerating the package, by the size of the spec",
        unit="run",
        contenders={f"{size} operation(s)": growth.regeneration(size) for size in _SIZES},
        part="growth",
        times=1,
        rounds=1,
        has_server=False,
    ),
    "drift": Case(
        title="Comparing specs without a backtest, by the size of the spec",
        unit="run",
        contenders={f"{size} operation(s)": growth.drift(size) for size in _SIZES},
        part="growth",
        times=1,
        rounds=1,
        has_server=False,
    ),
}

#: The ways of fetching that meet outages.
CLIENTS: dict[str, Contender] = {
    "fast, async": by.ours_get_many_async,
    "base, async": by.ours_get_many_async,
    "base, sync": by.ours_get_many,
    "base, threads": by.ours_get_in_threads,
    "base, two fetches": by.ours_fetch,
}
