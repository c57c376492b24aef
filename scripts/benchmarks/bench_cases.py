"""What `bench_decode.py` measures: the bodies, and the rows, which are ways of decoding them.

Rows run in other processes, where this file is the program. They import what they need by name,
so that nothing of the other rows is in their numbers, and one can be kept from finding `msgspec`.
"""

import enum
import functools
import gc
import json
import operator
import random
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from itertools import repeat
from pathlib import Path
from types import GenericAlias, NoneType
from typing import Any

DEFAULT_PACKAGE = "default_api"  # generated into the scratch directory
SCHEMAS = "schemas.json"  # there too: the spec's `components.schemas`
RECORD_SCHEMA = "GenerationResponseData"
ROUNDS = 50  # of CPU time

_OURS = "modelgates_api"
_RUNTIME = "modelgates_runtime"
_ROOT = Path(__file__).resolve().parents[2]
_PLAIN = {"string": str, "number": float, "integer": int, "boolean": bool, "null": NoneType}

Decode = Callable[[bytes], Any]


def structs(scratch: Path) -> Decode:
    """Return msgspec's decoder into Structs that are typed like the spec."""
    msgspec = import_module("msgspec")
    schemas = json.loads((scratch / SCHEMAS).read_bytes())
    new_enum: Any = enum.Enum

    @functools.cache
    def named(name: str) -> Any:
        schema = schemas[name]
        if "enum" in schema:
            return new_enum(name, {f"VALUE_{n}": value for n, value in enumerate(schema["enum"])})
        fields: list[tuple[Any, ...]] = []
        for key, part in schema["properties"].items():
            kind = typed(part)
            # Live servers leave out nullable fields, required or not: a Struct needs a default.
            missable = key not in schema["required"] or NoneType in getattr(kind, "__args__", ())
            fields.append((key, kind | None, None) if missable else (key, kind))
        return msgspec.defstruct(name, fields, kw_only=True)

    def typed(part: dict[str, Any]) -> Any:
        if "$ref" in part:
            return named(part["$ref"].rpartition("/")[2])
        if "oneOf" in part:
            return either(part["oneOf"])
        if isinstance(part["type"], list):
            return either({**part, "type": name} for name in part["type"])
        if part["type"] == "array":
            return GenericAlias(list, (typed(part["items"]),))
        return _PLAIN[part["type"]]

    def either(parts: Iterable[dict[str, Any]]) -> Any:
        return functools.reduce(operator.or_, map(typed, parts))

    decode: Decode = msgspec.json.Decoder(named("GenerationResponse")).decode
    return decode


def plain_json(_scratch: Path) -> Decode:
    """Return the standard parser, which types nothing."""
    return json.loads


def plain_msgspec(_scratch: Path) -> Decode:
    """Return msgspec's parser, which types nothing when it is given no type."""
    decode: Decode = import_module("msgspec").json.decode
    return decode


def ours_with_json(_scratch: Path) -> Decode:
    """Return this package's decoding where msgspec is not installed."""
    modules: dict[str, Any] = sys.modules
    hidden = {name: modules.pop(name) for name in list(modules) if name.startswith("msgspec")}
    modules["msgspec"] = None  # that is how an import is made to fail
    try:
        return _ours()
    finally:
        del modules["msgspec"]
        modules.update(hidden)


def ours_with_msgspec(_scratch: Path) -> Decode:
    """Return this package's decoding where msgspec is installed."""
    import_module("msgspec")  # without it this row would silently be the one above
    return _ours()


def _ours() -> Decode:
    # In one process both rows have a copy of the package each: it picks its parser when imported.
    for name in [name for name in sys.modules if name.partition(".")[0] in {_OURS, _RUNTIME}]:
        del sys.modules[name]
    sys.path[:0] = [str(_ROOT / "generated"), str(_ROOT / "overlays")]
    parse = import_module(f"{_RUNTIME}.parsing").parse_json
    from_dict = import_module(f"{_OURS}.models").GenerationResponse.from_dict
    return lambda body: from_dict(parse(body))


def default_models(scratch: Path) -> Decode:
    """Return what openapi-python-client makes of the spec, without overlays and templates."""
    sys.path.insert(0, str(scratch))
    from_dict = import_module(f"{DEFAULT_PACKAGE}.models").GenerationResponse.from_dict
    return lambda body: from_dict(json.loads(body))


#: By the name that is printed; the first of them is 1.0.
ROWS: dict[str, Callable[[Path], Decode]] = {
    "msgspec into Structs": structs,
    "json.loads alone": plain_json,
    "msgspec.json.decode alone": plain_msgspec,
    "this package, json": ours_with_json,
    "this package, msgspec": ours_with_msgspec,
    "default models, json": default_models,
}


def encode(record: dict[str, Any]) -> bytes:
    """Return a response's body, without spaces as servers send it."""
    return json.dumps({"data": record}, separators=(",", ":")).encode()


def complete(real: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    """Return a record that has every key of the spec and was served at the third attempt.

    The keys stay in the order of the real record: Structs, which are fastest when the order is
    their own (by a quarter here), do not get to choose it from a live server either.
    """
    served = real["provider_responses"][-1]
    failed = [
        {**served, "id": "oAbYqLe-2kFHot-9c3ad8a5", "provider_name": "Together", "status": 503},
        {**served, "id": "req_01kjam3q9wf3trw8", "provider_name": "Groq", "status": 429},
    ]
    texts = {
        "http_referer": "https://example.com/",
        "request_id": "req-1771967973-7hQ2mVbXcN4rTz8sLw1k",
        "session_id": "session-5f2c9d",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
    }
    missing = {key: texts.get(key) for key in properties if key not in real}
    return {**real, **missing, "provider_responses": [*failed, served]}


def distinct(full: dict[str, Any], count: int) -> Iterator[dict[str, Any]]:
    """Yield records of one account: each its own ids, numbers and times, few models and origins."""
    chance = random.Random(0)  # noqa: S311 - the same records every time; nothing is secret
    models = ["meta-llama/llama-4-scout-17b-16e-instruct", "openai/gpt-5-mini", "z-ai/glm-4.7"]
    providers = ["DeepInfra", "Together", "Groq", "Fireworks", "Novita", "Cerebras"]
    origins = [f"https://{name}.example.com/" for name in ("app", "batch", "docs")]
    agents = [full["user_agent"], "python-httpx/0.28.1", "OpenAI/Python 2.8.0", "node"]
    for number in range(count):
        model, origin = chance.choice(models), chance.choice(origins)
        names = chance.sample(providers, k=3)
        attempts = [
            {
                **attempt,
                "endpoint_id": f"9cf05ded-eefe-41b4-8c08-{models.index(model):04}{name:->8.8}",
                "id": f"chatcmpl-{chance.getrandbits(96):024x}",
                "latency": chance.randrange(100, 9000),
                "model_permaslug": model,
                "provider_name": name,
            }
            for name, attempt in zip(names, full["provider_responses"], strict=True)
        ]
        tokens = {
            key: chance.randrange(10, 50_000)
            for key, value in full.items()
            if "tokens" in key and value is not None
        }
        cost = round(chance.uniform(1e-6, 0.2), 8)
        second = f"{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}"
        yield {
            **full,
            **tokens,
            "created_at": f"2026-02-24T{second}.{chance.randrange(1000):03}Z",
            "generation_time": chance.randrange(500, 90_000),
            "http_referer": origin,
            "id": f"gen-{1771967973 + number}-{chance.getrandbits(80):020x}",
            "latency": chance.randrange(100, 9000),
            "model": model,
            "origin": origin,
            "provider_name": names[-1],
            "provider_responses": attempts,
            "request_id": f"req-{1771967973 + number}-{chance.getrandbits(80):020x}",
            "session_id": f"session-{number // 20:06x}",
            "total_cost": cost,
            "upstream_id": attempts[-1]["id"],
            "usage": cost,
            "user_agent": chance.choice(agents),
        }


def check(decode: Decode, path: Path) -> None:
    """Decode once, which also compiles the bytecode; exit if the row does not do its work."""
    expected = json.loads(path.read_bytes())["data"]
    record = _record(decode(path.read_bytes()))
    attempts = _field(record, "provider_responses")
    found = (_field(record, "total_cost"), [_field(attempt, "status") for attempt in attempts])
    wanted = (expected["total_cost"], [one["status"] for one in expected["provider_responses"]])
    if found != wanted:
        sys.exit(f"it decodes to {found} instead of {wanted}")
    # A complete body with drift would be measured on the path that is meant for odd ones.
    schemas = json.loads((path.parent / SCHEMAS).read_bytes())
    is_complete = expected.keys() == schemas[RECORD_SCHEMA]["properties"].keys()
    if is_complete and (drift := getattr(record, "drift", ())):
        sys.exit(f"it finds drift in a body that follows the spec: {drift[0]}")


def decode_often(decode: Decode, body: bytes, times: int) -> None:
    """Decode a body again and again, each time to a record that is dropped."""
    for _ in repeat(None, times):
        decode(body)


def cpu_times(decoders: dict[str, Decode], body: bytes, times: int) -> dict[str, float]:
    """Return nanoseconds of CPU per decode for each row: the best of rounds that alternate."""
    best = dict.fromkeys(decoders, float("inf"))
    for _ in range(ROUNDS):
        for row, decode in decoders.items():
            start = time.process_time_ns()
            decode_often(decode, body, times)
            best[row] = min(best[row], (time.process_time_ns() - start) / times)
    return best


def kept_bytes(decode: Decode, bodies: Path) -> float:
    """Return the bytes that a kept record occupies, its share of any caches included."""
    with bodies.open("rb") as lines:
        kept = [_record(decode(next(lines)))]  # what is built once, on first use, is no record's
        kept.clear()
        lines.seek(0)
        gc.collect()
        tracemalloc.start()
        kept.extend(_record(decode(line)) for line in lines)
    gc.collect()
    return tracemalloc.get_traced_memory()[0] / len(kept)


def _record(response: Any) -> Any:
    return _field(response, "data")


def _field(whole: Any, name: str) -> Any:
    return whole[name] if isinstance(whole, dict) else getattr(whole, name)


def main() -> None:
    """Do one thing: `bench_cases.py WHAT ROWS FILE TIMES`; numbers go to stdout as JSON."""
    what, rows, file, times = sys.argv[1:]
    path = Path(file)
    decoders = {row: ROWS[row](path.parent) for row in rows.split(";")}
    if what == "cpu-time":
        print(json.dumps(cpu_times(decoders, path.read_bytes(), int(times))))
        return
    (decode,) = decoders.values()
    if what == "check":
        check(decode, path)
    elif what == "memory":
        print(json.dumps(kept_bytes(decode, path)))
    else:
        decode_often(decode, path.read_bytes(), int(times))


if __name__ == "__main__":
    main()
