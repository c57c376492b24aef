"""The ways of decoding that `bench_decode.py` compares; it runs this file in other processes.

Packages are imported by name, and only by the row that needs them: what a row measures holds
nothing of the others, and one of them can be kept from finding `msgspec`.
"""

import enum
import functools
import gc
import json
import operator
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable
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
_GENERATED = Path(__file__).resolve().parent.parent / "generated"
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
    hidden = {name: sys.modules.get(name) for name in ("msgspec", "msgspec.json")}
    sys.modules.update(dict.fromkeys(hidden))  # None there is how an import is made to fail
    try:
        return _ours()
    finally:
        for name, module in hidden.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def ours_with_msgspec(_scratch: Path) -> Decode:
    """Return this package's decoding where msgspec is installed."""
    import_module("msgspec")  # without it this row would silently be the one above
    return _ours()


def _ours() -> Decode:
    # In one process both rows have a copy of the package each: it picks its parser when imported.
    for name in [name for name in sys.modules if name.partition(".")[0] == _OURS]:
        del sys.modules[name]
    sys.path.insert(0, str(_GENERATED))
    parse = import_module(f"{_OURS}.runtime.parsing").parse_json
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
    """Return the bytes that a record occupies while it is kept, its share of any caches included."""
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
    """Do one thing: `bench_child.py WHAT ROW FILE TIMES`; numbers go to stdout as JSON."""
    what, row, file, times = sys.argv[1:]
    path = Path(file)
    if what == "cpu-time":
        decoders = {name: make(path.parent) for name, make in ROWS.items()}
        print(json.dumps(cpu_times(decoders, path.read_bytes(), int(times))))
        return
    decode = ROWS[row](path.parent)
    if what == "check":
        check(decode, path)
    elif what == "memory":
        print(json.dumps(kept_bytes(decode, path)))
    else:
        decode_often(decode, path.read_bytes(), int(times))


if __name__ == "__main__":
    main()
