"""The contenders: different ways of doing the same work, each run in its own process.

A contender is a function that takes a `Setting`, prepares, and returns the work: a function that
repeats it a given number of times. It imports packages by name, so that the imports of others are
not measured, and it raises an error if the work fails. For a missing package it raises
`ModuleNotFoundError`, which the runner reports.

The runner blocks the extra `fast` for contenders with "base" in their name.
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
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import GenericAlias, NoneType
from typing import Any

from benchmarks import bodies

KEY = "sk-mg-of-the-benchmark"  # the server does not check it
PROGRAM_ID = "gen-1771967973-0hZ8J5kY7qLMOKbPx0u3"
TIMEOUT_S = 60.0
BATCH = 500  # records in a transaction of a ledger

_EXTRA = ("httptools", "msgspec")  # what the extra `fast` installs
_FAST_ENGINE = "modelgates_client.transport.httptools_async"
_TOO_MANY = 429
_PLAIN = {"string": str, "number": float, "integer": int, "boolean": bool, "null": NoneType}


@dataclass(frozen=True)
class Setting:
    """The environment of contenders.

    Attributes:
        folder: The folder of `benchmarks.bodies`, also for temporary files.
        url: The URL of the server, without a path; empty without a server.
        path: The path of the operation that returns a record, below the base URL.
        concurrency: The number of concurrent requests.
        timeout_s: The timeout of this package's clients, in seconds.
    """

    folder: str
    url: str = ""
    path: str = ""
    concurrency: int = 1
    timeout_s: float = 60.0

    @property
    def base_url(self) -> str:
        """The base URL for clients."""
        return f"{self.url}/api/v1"

    def record_url(self, generation_id: str) -> str:
        """Return the URL of a record."""
        return f"{self.base_url}{self.path}?id={generation_id}"


#: Does some work a number of times. A number that it returns is how often it succeeded; any other
#: result is kept alive where memory is measured.
Work = Callable[[int], object]
Contender = Callable[[Setting], Work]
Fetch = Callable[[str], None]
FetchAsync = Callable[[str], Awaitable[None]]
Decode = Callable[[bytes], Any]

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


def ours() -> Any:
    """Import this package, with the extra `fast` unless `block_extra` was called."""
    for name in _EXTRA:
        if sys.modules.get(name, name) is not None:
            importlib.import_module(name)  # a missing package would turn fast into base
    return importlib.import_module("modelgates_client")


def block_extra() -> None:
    """Make imports of the packages of the extra `fast` fail in this process."""
    modules: dict[str, Any] = sys.modules
    modules.update(dict.fromkeys(_EXTRA))


def ours_options(setting: Setting) -> dict[str, Any]:
    """Return the arguments of a client."""
    return {"api_key": KEY, "base_url": setting.base_url, "timeout": setting.timeout_s}


@sequential
def ours_get(setting: Setting) -> Fetch:
    """`generations.get`, sync."""
    get = ours().ModelGates(**ours_options(setting)).generations.get
    return lambda id_: expect(get(id_).id, id_)


@concurrent
async def ours_get_async(setting: Setting) -> FetchAsync:
    """`generations.get`, async."""
    get = ours().AsyncModelGates(**ours_options(setting)).generations.get

    async def fetch(generation_id: str) -> None:
        expect((await get(generation_id)).id, generation_id)

    return fetch


def ours_get_in_threads(setting: Setting) -> Work:
    """`generations.get`, sync, in as many threads as the concurrency allows."""
    package = ours()
    client = package.ModelGates(**ours_options(setting))

    def get(generation_id: str) -> bool:
        try:
            return bool(client.generations.get(generation_id).id == generation_id)
        except package.ModelGatesError:
            return False

    def work(times: int) -> int:
        with ThreadPoolExecutor(setting.concurrency) as pool:
            return sum(pool.map(get, new_ids(times)))

    return work


def ours_get_many(setting: Setting) -> Work:
    """`generations.get_many`, sync."""
    package = ours()
    client = package.ModelGates(**ours_options(setting))

    def work(times: int) -> int:
        many = client.generations.get_many(new_ids(times), concurrency=setting.concurrency)
        count = sum(isinstance(outcome, package.Resolved) for outcome in many)
        expect(_FAST_ENGINE in sys.modules, sys.modules.get("httptools") is not None)
        return count

    return work


def ours_get_many_async(setting: Setting) -> Work:
    """`generations.get_many`, async."""
    package, runner = ours(), asyncio.Runner()

    async def connect() -> Any:
        return package.AsyncModelGates(**ours_options(setting))

    client = runner.run(connect())

    async def work(times: int) -> int:
        many = client.generations.get_many(new_ids(times), concurrency=setting.concurrency)
        count = sum([isinstance(outcome, package.Resolved) async for outcome in many])
        expect(_FAST_ENGINE in sys.modules, sys.modules.get("httptools") is not None)
        return count

    return lambda times: runner.run(work(times))


# Clients that do not decode


@sequential
def httpx_sync(setting: Setting) -> Fetch:
    """One `httpx.Client` with default settings except for the timeout."""
    httpx = importlib.import_module("httpx")
    client = httpx.Client(headers={"Authorization": f"Bearer {KEY}"}, timeout=TIMEOUT_S)
    return lambda id_: expect(client.get(setting.record_url(id_)).status_code, 200)


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
    url = f"{setting.url}/{bodies.EXTENDED_PATH}/api/v1"
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


# Decoding


def decoding(prepare: Callable[[Setting], Decode]) -> Contender:
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
        expect([*getattr(record, "drift", ())], [])  # drift takes a slower path

        def work(times: int) -> None:
            for _ in itertools.repeat(None, times):
                decode(body)

        return work

    return contender


def keeping(prepare: Callable[[Setting], Decode]) -> Contender:
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


def ours_models(_setting: Setting) -> Decode:
    """Return this package's decoder, after its parser."""
    ours()
    parse = importlib.import_module("modelgates_runtime.parsing").parse_json
    from_dict = importlib.import_module("modelgates_api.models").GenerationResponse.from_dict
    return lambda body: from_dict(parse(body))


def generator_models(setting: Setting) -> Decode:
    """Return the generator's own decoding, after the standard parser."""
    sys.path.insert(0, setting.folder)
    models = importlib.import_module(f"{bodies.GENERATOR_CLIENT}.models")
    return lambda body: models.GenerationResponse.from_dict(json.loads(body))


def standard_json(_setting: Setting) -> Decode:
    """Return the standard parser, without types."""
    return json.loads


def msgspec_structs(setting: Setting) -> Decode:
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

    decode: Decode = msgspec.json.Decoder(struct("GenerationResponse")).decode
    return decode


# Ledgers


def _batches(setting: Setting, times: int) -> Iterator[list[tuple[str, bytes]]]:
    """Yield batches of new ids, each with the body of a record of one account."""
    lines = Path(setting.folder, bodies.RECORDS).read_bytes().splitlines()
    remaining = zip(new_ids(times), itertools.cycle(lines), strict=False)
    while batch := list(itertools.islice(remaining, BATCH)):
        yield batch


def sqlite_alone(setting: Setting) -> Work:
    """Write the bodies into one table, a transaction for each batch, and nothing else."""

    def work(times: int) -> None:
        file = Path(setting.folder, f"bare-{next(_numbers)}.db")
        database = sqlite3.connect(file)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE records (id TEXT PRIMARY KEY, body BLOB) STRICT")
        for batch in _batches(setting, times):
            with database:
                database.executemany("INSERT INTO records VALUES (?, ?)", batch)
        database.close()
        file.unlink()

    return work


def resolved_outcomes() -> Callable[[str, bytes], Any]:
    """Return a function that makes an outcome of an id and a body; the body gets the id."""
    package = ours()
    parse = importlib.import_module("modelgates_runtime.parsing").parse_json
    records = importlib.import_module("modelgates_client.records.generation")

    def outcome(generation_id: str, body: bytes) -> Any:
        parsed = parse(body)
        parsed["data"]["id"] = generation_id
        record = records.GenerationResponse.from_dict(parsed)
        return package.Resolved(generation_id, package.Response(record, 200, {}, body, 1, 0.25))

    return outcome


def ours_ledger(setting: Setting) -> Work:
    """Decode bodies into outcomes, and add them to a new ledger with `Ledger.add`."""
    outcome = resolved_outcomes()
    ledger_class = importlib.import_module("modelgates_client.ledger").Ledger

    def work(times: int) -> None:
        file = Path(setting.folder, f"ledger-{next(_numbers)}.db")
        with ledger_class(file) as ledger:
            for batch in _batches(setting, times):
                ledger.add(list(itertools.starmap(outcome, batch)))
            expect(ledger.counts().final, times)
        for part in Path(setting.folder).glob(f"{file.name}*"):
            part.unlink()

    return work


def ours_fetch(setting: Setting) -> Work:
    """`fetch_all` by two runs that share the leases of one ledger."""
    ours()
    fetch_all = importlib.import_module("modelgates_client.ledger.fetching").fetch_all
    ledger_class = importlib.import_module("modelgates_client.ledger").Ledger
    options = {**ours_options(setting), "concurrency": setting.concurrency, "wait": 0.0}

    def work(times: int) -> int:
        ids = [*new_ids(times)]
        with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
            file = Path(folder, "ledger.db")
            with ledger_class(file) as ledger:
                for _ in pool.map(lambda part: fetch_all(file, part, **options), (ids, ids)):
                    pass
                return int(ledger.counts().final)

    work(0)  # the client is imported by the first run
    return work


# Capturing

_REQUEST: dict[str, Any] = {
    "model": "m",
    "messages": [{"role": "user", "content": "Hello"}],
    "stream": True,
}


def completion(*, captured: bool, by_openai: bool) -> Contender:
    """Request a streamed completion with the OpenAI SDK or httpx, captured into a ledger or not."""

    def contender(setting: Setting) -> Work:
        client = importlib.import_module("httpx").Client()
        if by_openai:
            openai = importlib.import_module("openai")
            client = openai.OpenAI(api_key=KEY, base_url=setting.base_url, max_retries=0)
        if captured:
            capture = importlib.import_module("modelgates_client.capture").capture
            client = capture(client, to=Path(setting.folder, "captured.db"))

        def call() -> bytes:
            if not by_openai:
                url = f"{setting.base_url}/chat/completions"
                return bytes(client.post(url, json=_REQUEST).content)
            chunks = client.chat.completions.create(**_REQUEST)
            return b"".join(chunk.choices[0].delta.content.encode() for chunk in chunks)

        def work(times: int) -> None:
            for _ in range(times):
                expect(b"word" in call(), expected=True)

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
HTTPX_PROGRAM = f"""
import httpx
with httpx.Client(headers={{{{"Authorization": "Bearer {KEY}"}}}}) as client:
    client.get("{{record_url}}").json()
"""
