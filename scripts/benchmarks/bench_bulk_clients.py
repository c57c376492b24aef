"""What `bench_bulk.py` compares: the rows, which are ways of asking for many records.

Each row runs in a process of its own, where this file is the program: `bench_bulk_clients.py ROW`.
It imports what it needs by name, so that nothing of the other rows is in its numbers and one can
be kept from finding an extra. Jobs come as JSON lines; what each came to leaves as one.
"""

import asyncio
import gc
import json
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

KEY = "sk-mg-of-the-benchmark"  # any will do: the server does not look
TIMEOUT_S = 60.0  # of a request; that of each row's own is left out of the comparison

_EXTRA = ("httptools", "msgspec")  # what the extra `fast` installs
_FAST_ENGINE = "modelgates_client.transport.fast"
_TOO_MANY = 429
_OK = 200


class Job(Iterator[str]):
    """Ids to ask for, one after the other, and what became of them.

    Attributes:
        url: What a client takes as its base URL.
        path: Where below it a record is asked for.
        concurrency: The most requests at one time.
        done: The ids whose records came.
        failed: How often what went wrong.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - as they are in a line of JSON
        self, url: str, path: str, concurrency: int, name: str, most: int, seconds: float
    ) -> None:
        """Give `most` ids, or as many as are taken in some seconds: at least one a worker."""
        self.url = url
        self.path = path
        self.concurrency = concurrency
        self.done: set[str] = set()
        self.failed: Counter[str] = Counter()
        self._name = name
        self._most = most
        self._given = 0
        gc.collect()
        self._waited_s = self._waited_in_all_s = waited_s()
        self._cpu_s = time.process_time()
        self._start = time.perf_counter()
        self._until = self._start + seconds

    def __next__(self) -> str:
        is_late = self._given >= self.concurrency and time.perf_counter() >= self._until
        if is_late or self._given == self._most:
            self._waited_in_all_s = waited_s()  # now, while all the threads are there
            raise StopIteration
        self._given += 1
        return f"gen-1771967973-{self._name}-{self._given:06}"

    def result(self) -> dict[str, Any]:
        """Return what became of all, and what it took."""
        return {
            "elapsed_s": time.perf_counter() - self._start,
            "cpu_s": time.process_time() - self._cpu_s,
            "waited_s": self._waited_in_all_s - self._waited_s,
            "given": self._given,
            "done": len(self.done),
            "failed": self.failed,
        }


Row = Callable[[Job], None]


def waited_s() -> float:
    """Return the seconds that this process's threads were ready and had no core to run on.

    Linux tells it; elsewhere it is 0.
    """
    waited_ns = 0
    for thread in Path("/proc/self/task").glob("*"):
        try:
            waited_ns += int((thread / "schedstat").read_text().split()[1])
        except FileNotFoundError:  # it has ended, or this is a system that does not tell
            continue
    return waited_ns / 1e9


def ours(*, fast: bool, awaited: bool) -> Row:
    """Return `get_many` of this package, with the extra `fast` or without it."""
    modules: dict[str, Any] = sys.modules
    for name in _EXTRA:
        if fast:
            import_module(name)  # without it this row would silently be the other
        else:
            modules[name] = None  # that is how an import is made to fail
    fetch = _awaited if awaited else _blocking

    def row(job: Job) -> None:
        fetch(job, {"api_key": KEY, "base_url": job.url, "timeout": TIMEOUT_S})
        if (_FAST_ENGINE in modules) != fast:
            sys.exit(f"it ran {'without' if fast else 'with'} {_FAST_ENGINE}")

    return row


def _awaited(job: Job, options: dict[str, Any]) -> None:
    package = import_module("modelgates_client")

    async def main() -> None:
        async with package.AsyncModelGates(**options) as client:
            async for outcome in client.generations.get_many(job, concurrency=job.concurrency):
                _take(job, outcome)

    asyncio.run(main())


def _blocking(job: Job, options: dict[str, Any]) -> None:
    package = import_module("modelgates_client")
    with package.ModelGates(**options) as client:
        for outcome in client.generations.get_many(job, concurrency=job.concurrency):
            _take(job, outcome)


def _take(job: Job, outcome: Any) -> None:
    if type(outcome).__name__ == "Resolved":
        job.done.add(outcome.record.id)
    else:
        job.failed[type(outcome.error).__name__] += 1


def aiohttp() -> Row:
    """Return aiohttp as it is fastest: no limit of connections, and nothing is decoded."""
    library = import_module("aiohttp")
    headers = {"Authorization": f"Bearer {KEY}"}

    async def main(job: Job) -> None:
        connector = library.TCPConnector(limit=0)
        timeout = library.ClientTimeout(total=TIMEOUT_S)
        async with library.ClientSession(
            connector=connector, headers=headers, timeout=timeout
        ) as session:

            async def ask(generation_id: str) -> None:
                while True:
                    url = f"{job.url}{job.path}?id={generation_id}"
                    async with session.get(url) as response:
                        await response.read()
                    if response.status != _TOO_MANY:
                        break
                    await asyncio.sleep(float(response.headers["Retry-After"]))
                _expect(response.status, _OK)

            await share_out(job, ask)

    return lambda job: asyncio.run(main(job))


def httpx() -> Row:
    """Return httpx with one pool for all, as it comes but for the timeout; nothing is decoded."""
    library = import_module("httpx")
    headers = {"Authorization": f"Bearer {KEY}"}

    async def main(job: Job) -> None:
        async with library.AsyncClient(headers=headers, timeout=TIMEOUT_S) as client:

            async def ask(generation_id: str) -> None:
                response = await client.get(f"{job.url}{job.path}?id={generation_id}")
                _expect(response.status_code, _OK)

            await share_out(job, ask)

    return lambda job: asyncio.run(main(job))


def openrouter() -> Row:
    """Return the SDK of another gateway that serves the same operation."""
    library = import_module("openrouter")
    timeout_ms = int(TIMEOUT_S * 1000)

    async def main(job: Job) -> None:
        async with library.OpenRouter(
            api_key=KEY, server_url=job.url, timeout_ms=timeout_ms
        ) as client:

            async def ask(generation_id: str) -> None:
                response = await client.generations.get_generation_async(id=generation_id)
                _expect(response.data.id, generation_id)

            await share_out(job, ask)

    return lambda job: asyncio.run(main(job))


async def share_out(job: Job, ask: Callable[[str], Awaitable[None]]) -> None:
    """Let as many workers as are allowed ask for one id after the other."""

    async def work() -> None:
        for generation_id in job:
            try:
                await ask(generation_id)
            except Exception as error:  # noqa: BLE001 - counted, and shown beside the numbers
                job.failed[type(error).__name__] += 1
            else:
                job.done.add(generation_id)

    await asyncio.gather(*[work() for _ in range(job.concurrency)])


def _expect(found: object, wanted: object) -> None:
    if found != wanted:
        raise ValueError(f"{found!r} came instead of {wanted!r}")


#: By the name that is printed.
ROWS: dict[str, Callable[[], Row]] = {
    "aiohttp": aiohttp,
    "ours, fast, async": lambda: ours(fast=True, awaited=True),
    "ours, plain, async": lambda: ours(fast=False, awaited=True),
    "ours, fast, sync": lambda: ours(fast=True, awaited=False),
    "ours, plain, sync": lambda: ours(fast=False, awaited=False),
    "httpx": httpx,
    "openrouter": openrouter,
}


def main() -> None:
    """Do one job after the other; say first whether that is possible."""
    try:
        row = ROWS[sys.argv[1]]()
    except ModuleNotFoundError as error:
        print(json.dumps({"missing": error.name}))
        return
    print(json.dumps({"missing": None}), flush=True)
    for line in sys.stdin:
        job = Job(**json.loads(line))
        row(job)
        print(json.dumps(job.result()), flush=True)


if __name__ == "__main__":
    main()
