"""The contenders: different ways of doing the same work, each run in its own process.

A contender is a function that takes a `Setting`, prepares, and returns the work: a function that
repeats it a given number of times. It imports packages by name, so that the imports of others are
not measured, and it raises an error if the work fails. For a missing package it raises
`ModuleNotFoundError`, which the runner reports.

"Base" is the client as `pip install modelgates-client` leaves it, "fast" with the extra `fast`.
"""

import asyncio
import enum
import functools
import importlib
import itertools
import json
import operator
import os
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import GenericAlias, NoneType
from typing import Any

from benchmarks import bodies

KEY = "sk-mg-of-the-benchmark"  # any will do: the server does not look
PROGRAM_ID = "gen-1771967973-0hZ8J5kY7qLMOKbPx0u3"
TIMEOUT_S = 60.0
BATCH = 500  # records in a transaction of a ledger

_EXTRA = ("httptools", "msgspec")  # what the extra `fast` installs
_FAST_ENGINE = "modelgates_client.transport.httptools_async"
_TOO_MANY = 429
_ROOT = Path(__file__).resolve().parents[2]
_PLAIN = {"string": str, "number": float, "integer": int, "boolean": bool, "null": NoneType}


@dataclass(frozen=True)
class Setting:
    """The environment of contenders.

    Attributes:
        folder: The folder of `benchmarks.bodies`, also for temporary files.
        url: The URL of the server, without a path; empty without a server.
        path: The path of the operation that returns a record, below the base URL.
        concurrency: The number of concurrent requests.
    """

    folder: str
    url: str = ""
    path: str = ""
    concurrency: int = 1

    @property
    def base_url(self) -> str:
        """The base URL for clients."""
        return f"{self.url}/api/v1"

    def record_url(self, generation_id: str) -> str:
        """Return the URL of a record."""
        return f"{self.base_url}{self.path}?id={generation_id}"


#: Repeats some work; its result is kept alive where memory is measured.
Work = Callable[[int], object]
Contender = Callable[[Setting], Work]
Fetch = Callable[[str], None]
FetchAsync = Callable[[str], Awaitable[None]]

_numbers = itertools.count()


def new_ids(count: int) -> Iterator[str]:
    """Yield ids that were not used before in this process."""
    for number in itertools.islice(_numbers, count):
        yield f"gen-1771967973-{number:012}"


def expect(actual: object, expected: object) -> None:
    """Raise ValueError if the result is wrong: the work was not done."""
    if actual != expected:
        raise ValueError(f"{actual!r} came instead of {expected!r}")


# Sequential and concurrent requests


def sequential(prepare: Callable[[Setting], Fetch]) -> Contender:
    """Fetch one record after another with a sync client."""

    def contender(setting: Setting) -> Work:
        fetch = prepare(setting)

        def work(times: int) -> None:
            for generation_id in new_ids(times):
                fetch(generation_id)

        return work

    return contender


def concurrent(prepare: Callable[[Setting], Awaitable[FetchAsync]]) -> Contender:
    """Fetch records with an async client, in as many tasks as the concurrency allows."""

    def contender(setting: Setting) -> Work:
        runner = asyncio.Runner()

        async def share_out(times: int) -> None:
            ids = new_ids(times)

            async def worker() -> None:
                for generation_id in ids:
                    await fetch(generation_id)

            await asyncio.gather(*[worker() for _ in range(setting.concurrency)])

        async def prepared() -> FetchAsync:
            return await prepare(setting)

        fetch = runner.run(prepared())
        return lambda times: runner.run(share_out(times))

    return contender


# This package


def ours(*, fast: bool) -> Any:
    """Import this package, with the extra `fast` or without it."""
    modules: dict[str, Any] = sys.modules
    for name in _EXTRA:
        if fast:
            importlib.import_module(name)  # or this would silently be the other
        else:
            modules[name] = None  # that is how an import is made to fail
    return importlib.import_module("modelgates_client")


def ours_options(setting: Setting) -> dict[str, Any]:
    """Return the arguments of a client."""
    return {"api_key": KEY, "base_url": setting.base_url, "timeout": TIMEOUT_S}


def is_resolved(outcome: Any) -> bool:
    """Whether an outcome has the record of its id."""
    return type(outcome).__name__ == "Resolved"


def ours_get(*, fast: bool) -> Contender:
    """`generations.get`, sync."""

    def prepare(setting: Setting) -> Fetch:
        get = ours(fast=fast).ModelGates(**ours_options(setting)).generations.get
        return lambda generation_id: expect(get(generation_id).id, generation_id)

    return sequential(prepare)


def ours_get_async(*, fast: bool) -> Contender:
    """`generations.get`, async."""

    async def prepare(setting: Setting) -> FetchAsync:
        get = ours(fast=fast).AsyncModelGates(**ours_options(setting)).generations.get

        async def fetch(generation_id: str) -> None:
            expect((await get(generation_id)).id, generation_id)

        return fetch

    return concurrent(prepare)


def ours_get_many(*, fast: bool) -> Contender:
    """`generations.get_many`, sync."""

    def contender(setting: Setting) -> Work:
        client = ours(fast=fast).ModelGates(**ours_options(setting))

        def work(times: int) -> None:
            many = client.generations.get_many(new_ids(times), concurrency=setting.concurrency)
            expect(sum(is_resolved(outcome) for outcome in many), times)
            expect(_FAST_ENGINE in sys.modules, fast)

        return work

    return contender


def ours_get_many_async(*, fast: bool) -> Contender:
    """`generations.get_many`, async."""

    def contender(setting: Setting) -> Work:
        runner = asyncio.Runner()
        package = ours(fast=fast)

        async def connect() -> Any:
            return package.AsyncModelGates(**ours_options(setting))

        client = runner.run(connect())

        async def work(times: int) -> None:
            many = client.generations.get_many(new_ids(times), concurrency=setting.concurrency)
            expect(sum([is_resolved(outcome) async for outcome in many]), times)
            expect(_FAST_ENGINE in sys.modules, fast)

        return lambda times: runner.run(work(times))

    return contender


# Clients that do not decode


@sequential
def httpx_sync(setting: Setting) -> Fetch:
    """One `httpx.Client` with default settings except for the timeout."""
    httpx = importlib.import_module("httpx")
    client = httpx.Client(headers={"Authorization": f"Bearer {KEY}"}, timeout=TIMEOUT_S)
    return lambda id_: expect(client.get(setting.record_url(id_)).status_code, 200)


@concurrent
async def httpx_async(setting: Setting) -> FetchAsync:
    """One `httpx.AsyncClient`, without a limit of connections."""
    httpx = importlib.import_module("httpx")
    headers = {"Authorization": f"Bearer {KEY}"}
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    client = httpx.AsyncClient(headers=headers, timeout=TIMEOUT_S, limits=limits)

    async def fetch(generation_id: str) -> None:
        expect((await client.get(setting.record_url(generation_id))).status_code, 200)

    return fetch


@concurrent
async def aiohttp(setting: Setting) -> FetchAsync:
    """One session without a connection limit; rate limited requests are retried."""
    library = importlib.import_module("aiohttp")
    session = library.ClientSession(
        connector=library.TCPConnector(limit=0),
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=library.ClientTimeout(total=TIMEOUT_S),
    )

    async def fetch(generation_id: str) -> None:
        while True:
            async with session.get(setting.record_url(generation_id)) as response:
                await response.read()
            if response.status != _TOO_MANY:
                break
            await asyncio.sleep(float(response.headers["Retry-After"]))
        expect(response.status, 200)

    return fetch


@sequential
def pyreqwest_sync(setting: Setting) -> Fetch:
    """One client, implemented in Rust."""
    client = importlib.import_module("pyreqwest.client").SyncClientBuilder().build()

    def fetch(generation_id: str) -> None:
        response = client.get(setting.record_url(generation_id)).bearer_auth(KEY).build().send()
        response.bytes()
        expect(response.status, 200)

    return fetch


@concurrent
async def pyreqwest_async(setting: Setting) -> FetchAsync:
    """The async version."""
    client = importlib.import_module("pyreqwest.client").ClientBuilder().build()

    async def fetch(generation_id: str) -> None:
        request = client.get(setting.record_url(generation_id)).bearer_auth(KEY).build()
        response = await request.send()
        await response.bytes()
        expect(response.status, 200)

    return fetch


# Clients that decode


def _generator_client(setting: Setting) -> tuple[Any, dict[str, Any]]:
    """Return the operation of the generator's own client, and its arguments."""
    sys.path.insert(0, setting.folder)
    [file] = Path(setting.folder, bodies.GENERATOR_CLIENT).glob("api/*/get_generation.py")
    operation = f"{bodies.GENERATOR_CLIENT}.api.{file.parent.name}.get_generation"
    client = importlib.import_module(bodies.GENERATOR_CLIENT).Client(base_url=setting.base_url)
    arguments = {"client": client, "authorization": f"Bearer {KEY}"}
    return importlib.import_module(operation), arguments


@sequential
def generator_sync(setting: Setting) -> Fetch:
    """The generator's own client, with its own models."""
    operation, arguments = _generator_client(setting)
    return lambda id_: expect(operation.sync(id=id_, **arguments).data.id, id_)


@concurrent
async def generator_async(setting: Setting) -> FetchAsync:
    """The async version."""
    operation, arguments = _generator_client(setting)

    async def fetch(generation_id: str) -> None:
        expect((await operation.asyncio(id=generation_id, **arguments)).data.id, generation_id)

    return fetch


def _openrouter(setting: Setting) -> Any:
    """Return a client of the SDK of another gateway that serves the same operation."""
    url = f"{setting.url}/extended/api/v1"
    options = {"api_key": KEY, "server_url": url, "timeout_ms": int(TIMEOUT_S * 1000)}
    return importlib.import_module("openrouter").OpenRouter(**options).generations


@sequential
def openrouter_sync(setting: Setting) -> Fetch:
    """The `openrouter` SDK, generated by Speakeasy, with pydantic models."""
    get = _openrouter(setting).get_generation
    return lambda id_: expect(get(id=id_).data.id, id_)


@concurrent
async def openrouter_async(setting: Setting) -> FetchAsync:
    """The async version."""
    get = _openrouter(setting).get_generation_async

    async def fetch(generation_id: str) -> None:
        expect((await get(id=generation_id)).data.id, generation_id)

    return fetch


@sequential
def openai_sync(setting: Setting) -> Fetch:
    """The `openai` SDK, generated by Stainless, with a path that it has no model for."""
    openai = importlib.import_module("openai")
    get = openai.OpenAI(api_key=KEY, base_url=setting.base_url, timeout=TIMEOUT_S).get

    def fetch(generation_id: str) -> None:
        body = get(setting.path, cast_to=object, options={"params": {"id": generation_id}})
        expect(body["data"]["id"], generation_id)

    return fetch


@concurrent
async def openai_async(setting: Setting) -> FetchAsync:
    """The async version."""
    openai = importlib.import_module("openai")
    get = openai.AsyncOpenAI(api_key=KEY, base_url=setting.base_url, timeout=TIMEOUT_S).get

    async def fetch(generation_id: str) -> None:
        body = await get(setting.path, cast_to=object, options={"params": {"id": generation_id}})
        expect(body["data"]["id"], generation_id)

    return fetch


# Decoding


def decoding(prepare: Callable[[Setting], Callable[[bytes], Any]]) -> Contender:
    """Decode one body repeatedly; the first result is checked for completeness."""

    def contender(setting: Setting) -> Work:
        decode = prepare(setting)
        body = Path(setting.folder, bodies.COMPLETE).read_bytes()
        record, expected = decode(body), json.loads(body)["data"]
        record = record["data"] if isinstance(record, dict) else record.data
        field: Any = operator.getitem if isinstance(record, dict) else getattr
        expect(field(record, "total_cost"), expected["total_cost"])
        attempts = [field(attempt, "status") for attempt in field(record, "provider_responses")]
        expect(attempts, [attempt["status"] for attempt in expected["provider_responses"]])
        expect([*getattr(record, "drift", ())], [])  # or it were the path for odd bodies

        def work(times: int) -> None:
            for _ in itertools.repeat(None, times):
                decode(body)

        return work

    return contender


def keeping(prepare: Callable[[Setting], Callable[[bytes], Any]]) -> Contender:
    """Decode many records of one account, and keep them all in memory."""

    def contender(setting: Setting) -> Work:
        decode = prepare(setting)
        lines = Path(setting.folder, bodies.RECORDS)

        def work(times: int) -> list[Any]:
            with lines.open("rb") as file:
                records = [decode(line) for line in itertools.islice(file, times)]
            expect(len(records), times)
            return records

        return work

    return contender


def ours_models(*, fast: bool) -> Callable[[Setting], Callable[[bytes], Any]]:
    """Return a function that prepares this package's decoder, with its parser."""

    def prepare(_setting: Setting) -> Callable[[bytes], Any]:
        ours(fast=fast)
        parse = importlib.import_module("modelgates_runtime.parsing").parse_json
        from_dict = importlib.import_module("modelgates_api.models").GenerationResponse.from_dict
        return lambda body: from_dict(parse(body))

    return prepare


def generator_models(setting: Setting) -> Callable[[bytes], Any]:
    """Return the generator's own decoding, after the standard parser."""
    sys.path.insert(0, setting.folder)
    models = importlib.import_module(f"{bodies.GENERATOR_CLIENT}.models")
    return lambda body: models.GenerationResponse.from_dict(json.loads(body))


def standard_json(_setting: Setting) -> Callable[[bytes], Any]:
    """Return the standard parser, without types."""
    return json.loads


def untyped_msgspec(_setting: Setting) -> Callable[[bytes], Any]:
    """Return msgspec's parser, without types."""
    decode: Callable[[bytes], Any] = importlib.import_module("msgspec").json.decode
    return decode


def msgspec_structs(setting: Setting) -> Callable[[bytes], Any]:
    """Return msgspec's decoder into Structs with the types of the spec."""
    msgspec = importlib.import_module("msgspec")
    schemas = json.loads(Path(setting.folder, bodies.SCHEMAS).read_bytes())
    new_enum: Any = enum.Enum

    @functools.cache
    def struct(name: str) -> Any:
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
            return struct(part["$ref"].rpartition("/")[2])
        if "oneOf" in part:
            return either(part["oneOf"])
        if isinstance(part["type"], list):
            return either({**part, "type": name} for name in part["type"])
        if part["type"] == "array":
            return GenericAlias(list, (typed(part["items"]),))
        return _PLAIN[part["type"]]

    def either(parts: Iterable[dict[str, Any]]) -> Any:
        return functools.reduce(operator.or_, map(typed, parts))

    decode: Callable[[bytes], Any] = msgspec.json.Decoder(struct("GenerationResponse")).decode
    return decode


# Ledgers


def _batches(setting: Setting, times: int) -> Iterator[list[bytes]]:
    """Yield bodies of records of one account, in batches."""
    lines = Path(setting.folder, bodies.RECORDS).read_bytes().splitlines()
    remaining = itertools.islice(itertools.cycle(lines), times)
    while batch := list(itertools.islice(remaining, BATCH)):
        yield batch


def sqlite_alone(setting: Setting) -> Work:
    """Write the bodies into one table, a transaction for each batch, and nothing else."""

    def work(times: int) -> None:
        file = Path(setting.folder, f"bare-{next(_numbers)}.db")
        database = sqlite3.connect(file)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE records (id TEXT PRIMARY KEY, body BLOB) STRICT")
        ids = new_ids(times)
        for batch in _batches(setting, times):
            with database:
                database.executemany(
                    "INSERT INTO records VALUES (?, ?)", zip(ids, batch, strict=False)
                )
        database.close()
        file.unlink()

    return work


def ours_ledger(*, fast: bool) -> Contender:
    """Decode bodies into outcomes, and add them to a new ledger with `Ledger.add`."""

    def contender(setting: Setting) -> Work:
        package = ours(fast=fast)
        ledger = importlib.import_module("modelgates_client.ledger").Ledger
        resolved = importlib.import_module("modelgates_client.bulk.outcomes").Resolved
        parse = importlib.import_module("modelgates_runtime.parsing").parse_json
        from_dict = importlib.import_module(
            "modelgates_client.records.generation"
        ).GenerationResponse.from_dict

        def outcome(generation_id: str, body: bytes) -> Any:
            parsed = parse(body)
            parsed["data"]["id"] = generation_id
            response = package.Response(from_dict(parsed), 200, {}, body, 1, 0.25)
            return resolved(generation_id, response)

        def work(times: int) -> None:
            file = Path(setting.folder, f"ledger-{next(_numbers)}.db")
            ids = new_ids(times)
            with ledger(file) as open_ledger:
                for batch in _batches(setting, times):
                    open_ledger.add([outcome(next(ids), body) for body in batch])
                expect(open_ledger.counts().final, times)
            for part in Path(setting.folder).glob(f"{file.name}*"):
                part.unlink()

        return work

    return contender


# Capturing

_REQUEST: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}


def completion(
    *, captured: bool, by_openai: bool, stream: bool, path: str
) -> Callable[[Setting], Work]:
    """Request a completion with the OpenAI SDK or httpx, captured into a ledger or not."""

    def contender(setting: Setting) -> Work:
        httpx, url = importlib.import_module("httpx"), f"{setting.url}/{path}"
        client = httpx.Client()
        if by_openai:
            openai = importlib.import_module("openai")
            client = openai.OpenAI(api_key=KEY, base_url=url, max_retries=0)
        if captured:
            capture = importlib.import_module("modelgates_client.capture").capture
            client = capture(client, to=Path(setting.folder, "captured.db"))
        request = {**_REQUEST, "stream": stream}

        def call() -> object:
            if not by_openai:
                return client.post(f"{url}/chat/completions", json=request).content
            completion_ = client.chat.completions.create(**request)
            return list(completion_) if stream else completion_

        def work(times: int) -> None:
            for _ in range(times):
                expect(bool(call()), True)  # noqa: FBT003 - something came

        return work

    return contender


# Programs


def program(text: str, *needs: str) -> Contender:
    """Run a Python program that needs some packages; its URLs are filled in."""

    def contender(setting: Setting) -> Work:
        for name in needs:
            if find_spec(name) is None:
                raise ModuleNotFoundError(f"no {name}", name=name)
        filled = text.format(base_url=setting.base_url, record_url=setting.record_url(PROGRAM_ID))
        command = [sys.executable, "-c", filled]

        def work(times: int) -> None:
            for _ in range(times):
                started = os.posix_spawn(sys.executable, command, os.environ)
                expect(os.waitpid(started, 0)[1], 0)

        return work

    return contender


OURS_PROGRAM = f"""
from modelgates_client import ModelGates
with ModelGates(api_key="{KEY}", base_url="{{base_url}}") as client:
    client.generations.get("{PROGRAM_ID}")
"""
OURS_ASYNC_PROGRAM = f"""
import asyncio
from modelgates_client import AsyncModelGates
async def main():
    async with AsyncModelGates(api_key="{KEY}", base_url="{{base_url}}") as client:
        await client.generations.get("{PROGRAM_ID}")
asyncio.run(main())
"""
HTTPX_PROGRAM = f"""
import httpx
with httpx.Client(headers={{{{"Authorization": "Bearer {KEY}"}}}}) as client:
    client.get("{{record_url}}").json()
"""
HTTPX_ASYNC_PROGRAM = f"""
import asyncio, httpx
async def main():
    async with httpx.AsyncClient(headers={{{{"Authorization": "Bearer {KEY}"}}}}) as client:
        (await client.get("{{record_url}}")).json()
asyncio.run(main())
"""
