"""The cases: what is compared, in which unit, and the goal of each ratio.

| session   | cases                                                                           |
|-----------|---------------------------------------------------------------------------------|
| `bench`   | all of them, but for those of `growth`                                          |
| `startup` | import, client and first request                                                |
| `bulk`    | many records: on loopback, at 50 ms of latency, behind 100 requests a second    |
| `growth`  | the maintainer's tools, by the size of the spec                                 |
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import product

from benchmarks import contenders as by
from benchmarks import growth
from benchmarks.contenders import Contender


class Measure(Enum):
    """What is measured, by the unit that is shown per unit of work."""

    CPU = "µs of CPU"
    INSTRUCTIONS = "instructions"
    RATE = "a second"
    BYTES = "bytes kept"


@dataclass(frozen=True)
class Goal:
    """The maximum, or the minimum, of the median of a contender's ratios."""

    contender: str
    measure: Measure
    ratio: float
    is_minimum: bool = False

    def is_met(self, ratio: float) -> bool:
        """Whether a ratio is good enough."""
        return ratio >= self.ratio if self.is_minimum else ratio <= self.ratio

    def __str__(self) -> str:
        return f"{'≥' if self.is_minimum else '≤'} {self.ratio:g}"


@dataclass(frozen=True)
class Case:
    """Work that contenders do.

    Attributes:
        title: What is compared.
        unit: What one of it is.
        contenders: By name; the first is the base, of which the ratio is 1.
        measures: What is measured of each.
        goals: Where there are any.
        ideal_rate: Of the work a second, for each request at one time; it is the base then.
        seconds: How long a turn should last.
        times: How often the work is done in a turn, where that is fixed.
        rounds: How often all take turns, where that is not for the caller to say.
        concurrency: How many requests at one time, where that is not for the caller to say.
        uncounted: Whose instructions are not counted: to import them so would take minutes.
        is_shared: Whether all run in one process, for differences of a per cent.
        server: What the server is told besides; None where there is no server.
        sessions: Which sessions it belongs to.
    """

    title: str
    unit: str
    contenders: Mapping[str, Contender]
    measures: tuple[Measure, ...] = (Measure.CPU,)
    goals: tuple[Goal, ...] = ()
    ideal_rate: float | None = None
    seconds: float = 0.3
    times: int | None = None
    rounds: int | None = None
    concurrency: int | None = 1
    uncounted: frozenset[str] = frozenset()
    is_shared: bool = False
    server: tuple[str, ...] | None = None
    sessions: tuple[str, ...] = field(default=("bench",))


_CPU, _INSTRUCTIONS, _RATE, _BYTES = Measure
_ON_LOOPBACK = ()
_START, _BULK = ("bench", "startup"), ("bench", "bulk")

_GET = {
    "httpx, not decoded": by.httpx_sync,
    "pyreqwest, not decoded": by.pyreqwest_sync,
    "ours, base": by.ours_get(fast=False),
    "ours, fast": by.ours_get(fast=True),
    "generator's client": by.generator_sync,
    "openai": by.openai_sync,
    "openrouter": by.openrouter_sync,
}
_GET_ASYNC = {
    "httpx, not decoded": by.httpx_async,
    "aiohttp, not decoded": by.aiohttp,
    "pyreqwest, not decoded": by.pyreqwest_async,
    "ours, base": by.ours_get_async(fast=False),
    "ours, fast": by.ours_get_async(fast=True),
    "generator's client": by.generator_async,
    "openai": by.openai_async,
    "openrouter": by.openrouter_async,
}
_MANY = {
    "aiohttp, not decoded": by.aiohttp,
    "pyreqwest, not decoded": by.pyreqwest_async,
    "httpx, not decoded": by.httpx_async,
    "ours, fast, async": by.ours_get_many_async(fast=True),
    "ours, fast, sync": by.ours_get_many(fast=True),
    "ours, base, async": by.ours_get_many_async(fast=False),
    "ours, base, sync": by.ours_get_many(fast=False),
    "generator's client": by.generator_async,
    "openrouter": by.openrouter_async,
}
_LIMITED = ("aiohttp, not decoded", "ours, fast, async", "ours, base, sync")
_MODELS = {
    "msgspec into Structs": by.msgspec_structs,
    "msgspec, untyped": by.untyped_msgspec,
    "json, untyped": by.standard_json,
    "ours, fast": by.ours_models(fast=True),
    "ours, base": by.ours_models(fast=False),
    "generator's models": by.generator_models,
}
_KEPT = ("generator's models", "ours, fast", "ours, base", "json, untyped", "msgspec into Structs")
_SIZES = (1, 10, 50, 100)

CASES: dict[str, Case] = {
    "get": Case(
        "One request after the other, sync",
        "request",
        _GET,
        (_CPU, _INSTRUCTIONS),
        (Goal("ours, base", _CPU, 0.5), Goal("ours, fast", _CPU, 0.5)),
        uncounted=frozenset({"openai", "openrouter"}),
        server=_ON_LOOPBACK,
    ),
    "get-async": Case(
        "One request after the other, async", "request", _GET_ASYNC, server=_ON_LOOPBACK
    ),
    "decode": Case(
        "Decoding a record with three attempts",
        "record",
        {name: by.decoding(models) for name, models in _MODELS.items()},
        (_CPU, _INSTRUCTIONS),
        (Goal("ours, fast", _CPU, 3.5), Goal("ours, base", _CPU, 6.5)),
    ),
    "memory": Case(
        "Records of one account, kept",
        "record",
        {name: by.keeping(_MODELS[name]) for name in _KEPT},
        (_BYTES,),
        (Goal("ours, fast", _BYTES, 0.5), Goal("ours, base", _BYTES, 0.5)),
        times=2000,
        rounds=1,
    ),
    "many": Case(
        "Many records, many requests at one time",
        "record",
        _MANY,
        (_RATE, _CPU),
        (
            Goal("ours, fast, async", _RATE, 1.4, is_minimum=True),
            Goal("ours, fast, sync", _RATE, 1.0, is_minimum=True),
            Goal("ours, base, async", _RATE, 0.3, is_minimum=True),
            Goal("ours, base, sync", _RATE, 0.3, is_minimum=True),
        ),
        seconds=0.6,
        concurrency=None,
        server=_ON_LOOPBACK,
        sessions=_BULK,
    ),
    "latency": Case(
        "`get`, async, by 200 tasks, 50 ms of latency, x 200 / 50 ms",
        "record",
        {name: _GET_ASYNC[name] for name in ("ours, fast", "ours, base", "aiohttp, not decoded")},
        (_RATE, _CPU),
        (Goal("ours, fast", _RATE, 0.8, is_minimum=True),),
        ideal_rate=20,
        times=1000,
        concurrency=200,
        server=("--latency-ms", "50"),
        sessions=_BULK,
    ),
    "limited": Case(
        "300 records behind 100 requests a second, burst of 10",
        "record",
        {name: _MANY[name] for name in _LIMITED},
        (_RATE,),
        times=300,
        rounds=1,
        concurrency=32,
        server=("--limit", "token bucket of 0.1 s", "--rate", "100"),
        sessions=_BULK,
    ),
    "import": Case(
        "Starting Python with an import",
        "process",
        {
            "pass": by.program("pass"),
            "import modelgates_client": by.program("import modelgates_client"),
            "ModelGates": by.program("from modelgates_client import ModelGates"),
            "httpx": by.program("import httpx", "httpx"),
            "aiohttp": by.program("import aiohttp", "aiohttp"),
            "OpenRouter": by.program("from openrouter import OpenRouter", "openrouter"),
            "OpenAI": by.program("from openai import OpenAI", "openai"),
        },
        goals=(Goal("import modelgates_client", _CPU, 1.2), Goal("ModelGates", _CPU, 7)),
        sessions=_START,
    ),
    "first-request": Case(
        "A program that makes one request, sync",
        "process",
        {"httpx": by.program(by.HTTPX_PROGRAM), "ours": by.program(by.OURS_PROGRAM)},
        goals=(Goal("ours", _CPU, 1.15),),
        server=_ON_LOOPBACK,
        sessions=_START,
    ),
    "first-request-async": Case(
        "A program that makes one request, async",
        "process",
        {
            "httpx": by.program(by.HTTPX_ASYNC_PROGRAM),
            "ours": by.program(by.OURS_ASYNC_PROGRAM),
        },
        goals=(Goal("ours", _CPU, 1.15),),
        server=_ON_LOOPBACK,
        sessions=_START,
    ),
    "ledger": Case(
        "`Ledger.add` of records, decoded and stored",
        "record",
        {
            "SQLite alone, nothing decoded": by.sqlite_alone,
            "ours, fast": by.ours_ledger(fast=True),
            "ours, base": by.ours_ledger(fast=False),
        },
        (_CPU, _RATE),
        times=2 * by.BATCH,
    ),
    **{
        f"capture-{sdk}-{'stream' if stream else 'whole'}-{path}": Case(
            f"Capturing: {sdk}, {'streamed' if stream else 'whole'}, "
            f"id in the {'head' if path == 'named' else 'body'}",
            "call",
            {
                name: by.completion(
                    captured=name == "captured",
                    by_openai=sdk == "openai",
                    stream=stream,
                    path=path,
                )
                for name in ("bare", "captured")
            },
            goals=(Goal("captured", _CPU, 1.02),),
            times=1,
            rounds=300,
            is_shared=True,
            server=_ON_LOOPBACK,
        )
        for sdk, stream, path in product(("openai", "httpx"), (False, True), ("named", "unnamed"))
    },
    "regeneration": Case(
        "Regenerating the package of a spec, by its size",
        "run",
        {f"{size} operation(s)": growth.regeneration(size) for size in _SIZES},
        times=1,
        rounds=1,
        sessions=("growth",),
    ),
    "drift": Case(
        "Judging a changed spec by reading alone, by its size",
        "run",
        {f"{size} operation(s)": growth.drift(size) for size in _SIZES},
        times=1,
        rounds=1,
        sessions=("growth",),
    ),
}
