"""Fetching the records that a ledger lacks: lease ids, request them, store outcomes, repeat.

If the process is killed, everything that a `Progress` counted is stored, and at most four times
`concurrency` ids are requested again although the server had responded: those of the batch that is
being committed, those of the next batch, and those in flight. The first is less than twice
`concurrency`; so are the other two together.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable
from contextlib import aclosing
from typing import Final, Unpack

from attrs import evolve

import modelgates_client  # for annotations; the class is loaded when it is used
from modelgates_client.bulk.options import DEFAULT_CONCURRENCY, DEFAULT_OUTAGE_TIMEOUT_S
from modelgates_client.calls.settings import Options
from modelgates_client.ledger.fetch_run import FetchRun
from modelgates_client.ledger.ledger import Ledger
from modelgates_client.ledger.progress import Progress
from modelgates_client.resources.generations import WAIT_S

#: The age in seconds at which an id without a final record is given up: a week.
GIVE_UP_AFTER_S: Final = 7 * 86_400.0


async def fetch(  # noqa: PLR0913 - all are keywords and optional
    ledger: Ledger,
    client: "modelgates_client.AsyncModelGates",
    ids: Iterable[str] | AsyncIterable[str] = (),
    *,
    concurrency: int = DEFAULT_CONCURRENCY,
    wait: float = WAIT_S,
    final: bool = True,
    max_rate: float | None = None,
    outage_timeout: float = DEFAULT_OUTAGE_TIMEOUT_S,
    retry_failed: bool = False,
    give_up_after_s: float | None = GIVE_UP_AFTER_S,
    on_request: Callable[[], object] | None = None,
) -> AsyncGenerator[Progress]:
    """Queue ids, and fetch all records that the ledger lacks, including those of earlier runs.

    Yields the progress after each transaction, in an outage after each attempt, and at the end.
    Each id is requested once in a run; several runs on one ledger, in any processes, share the
    work. It ends when every queued id was requested since it began; it waits for ids that other
    runs have leased.

    The queue stores why an id has no (final) record. The id stays pending if a retry may help: the
    record did not exist yet, or there was no response, or a 5xx. Otherwise the id is failed.

    To end early, close the generator (`contextlib.aclosing`) or cancel the task: outcomes received
    by then are stored, and leases are released.

    Args:
        ledger: The ledger, open for writing.
        client: Makes the requests.
        ids: Ids to queue first; they may arrive slowly, and are fetched in the meantime. A plain
            iterator is read in a thread.
        concurrency: The maximum number of concurrent requests, 1 to 1,000.
        wait: Seconds to wait for each record that does not exist yet; 0: do not wait.
        final: Whether to wait for a final record; others are stored, too.
        max_rate: The maximum number of requests per second.
        outage_timeout: Seconds that an outage may last; ids stay pending then.
        retry_failed: Whether failed ids are requested again.
        give_up_after_s: The age in seconds, as for `Ledger.forget_all`, at which an id is given up
            if the server still has no record of it, or none that is final; None: never.
        on_request: Called for each request that is sent; `Progress` counts those of stored ids.

    Raises:
        AuthenticationError: The key was refused. The other ids stay pending, here and below.
        InsufficientCreditsError: The account does not have enough credits.
        RateLimitError: The server let no request through for minutes, or demanded a longer pause.
        OutageError: An outage lasted too long, or too many ids in a row failed.
        ConfigurationError: An argument is invalid, or there is no API key.
        ClientClosedError: The client was closed.
        LedgerError: The ledger cannot be written to.
    """
    run = FetchRun(ledger, retry_failed=retry_failed, chunk=concurrency)
    batches = client.generations.get_batches(
        run.leased(ids),
        concurrency=concurrency,
        wait=wait,
        final=final,
        max_rate=max_rate,
        outage_timeout=outage_timeout,
        on_outage=run.note_outage,
        on_request=on_request,
    )
    async with aclosing(run), aclosing(batches):
        try:
            async for batch in batches:
                yield await run.store(batch)
        finally:
            await run.store_rest(batches)
        given_up = await run.give_up(give_up_after_s)
        yield evolve(await run.progress(), given_up=given_up)


def fetch_all(  # noqa: PLR0913 - all are keywords and optional
    ledger_path: str | os.PathLike[str],
    ids: Iterable[str] = (),
    *,
    concurrency: int = DEFAULT_CONCURRENCY,
    wait: float = WAIT_S,
    final: bool = True,
    max_rate: float | None = None,
    outage_timeout: float = DEFAULT_OUTAGE_TIMEOUT_S,
    retry_failed: bool = False,
    give_up_after_s: float | None = GIVE_UP_AFTER_S,
    **options: Unpack[Options],
) -> Progress:
    """Fetch as `fetch` does, synchronously, and return the final progress.

    It depends only on its arguments and on the environment, which contains the API key, so that any
    worker process can run it.

    Args:
        ledger_path: The path of the ledger, which is created if it does not exist.
        ids: As for `fetch`.
        concurrency: As for `fetch`.
        wait: As for `fetch`.
        final: As for `fetch`.
        max_rate: As for `fetch`.
        outage_timeout: As for `fetch`.
        retry_failed: As for `fetch`.
        give_up_after_s: As for `fetch`.
        **options: Options of the client other than the key, such as `base_url` and `timeout`.

    Raises:
        ModelGatesError: As for `fetch`.
        RuntimeError: This thread runs an event loop; use `fetch` there.
    """
    from modelgates_client.client.async_client import AsyncModelGates  # noqa: PLC0415 - engines cost

    async def fetch_to_end() -> Progress:
        async with AsyncModelGates(**options) as client:
            stream = fetch(
                ledger,
                client,
                ids,
                concurrency=concurrency,
                wait=wait,
                final=final,
                max_rate=max_rate,
                outage_timeout=outage_timeout,
                retry_failed=retry_failed,
                give_up_after_s=give_up_after_s,
            )
            latest: Progress | None = None
            async with aclosing(stream):
                async for progress in stream:
                    latest = progress
            if latest is None:
                raise RuntimeError("a fetch yields its final progress")
            return latest

    with Ledger(ledger_path) as ledger:
        return asyncio.run(fetch_to_end())
