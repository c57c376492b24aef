"""Fetching what a ledger lacks: lease ids, ask for them, store what came, again and again.

What it promises when it is killed: all that a `Progress` has told of is stored, and at most four
times `concurrency` ids are asked for again though they had been answered. They are: a batch that is
being committed, those that are ready to be the next one, and those in flight; each of the first
two is less than twice `concurrency`, the second with what is in flight.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from contextlib import aclosing
from typing import Final, Unpack

from attrs import evolve

import modelgates_client  # annotations name what it loads when it is asked for
from modelgates_client.bulk.options import DEFAULT_CONCURRENCY, DEFAULT_OUTAGE_TIMEOUT_S
from modelgates_client.calls.settings import Options
from modelgates_client.ledger.fetch_run import FetchRun
from modelgates_client.ledger.ledger import Ledger
from modelgates_client.ledger.progress import Progress
from modelgates_client.resources.generations import WAIT_S

#: Seconds from which on an id without a record is given up: a week.
GIVE_UP_AFTER_S: Final = 7 * 86_400.0


async def fetch(  # noqa: PLR0913 - all by name, and all can be left out
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
) -> AsyncGenerator[Progress]:
    """Queue ids, and fetch all that the ledger lacks, also of earlier runs.

    Yields how far it is after each transaction, in an outage after each try, and at the end. Each
    id is asked for once in a run; several runs on one ledger, in any processes, share the work. It
    ends when nothing is left that was not asked for since it began; ids that others have leased are
    waited for.

    Of an id without a (final) record the queue keeps the reason. It stays pending where asking
    again may help: it was not there yet, or there was no answer, or a 5xx; else it is failed.

    To end early, close the generator (`contextlib.aclosing`) or cancel the task: what has come by
    then is stored, and leases are given back.

    Args:
        ledger: Where records are stored; open for writing.
        client: Asks for them.
        ids: What to queue first; they may come slowly, and are fetched meanwhile. A plain iterator
            is read in a thread.
        concurrency: The most requests at one time, 1 to 1,000.
        wait: Seconds to wait for each record that is not there yet; 0: none.
        final: Whether a record must be final; those that are not are stored, too.
        max_rate: The most requests per second.
        outage_timeout: Seconds that an outage may last; what was asked for stays pending then.
        retry_failed: Whether ids that had failed are asked for again.
        give_up_after_s: The age in seconds, as for `Ledger.forget_all`, from which on an id is
            forgotten of which the server says in the end that there is no record; None: none is.

    Raises:
        AuthenticationError: The key is not taken. What is left stays pending, here and below.
        InsufficientCreditsError: The account has not enough credits.
        RateLimitError: The server let nothing through for minutes, or asked for a longer pause.
        OutageError: An outage lasted too long, or too many ids in a row failed.
        ConfigurationError: An argument cannot be used, or there is no key to ask with.
        ClientClosedError: The client was closed.
        LedgerError: The ledger cannot be written to.
    """
    work = FetchRun(ledger, retry_failed=retry_failed, chunk=concurrency)
    batches = client.generations.get_batches(
        work.leased(ids),
        concurrency=concurrency,
        wait=wait,
        final=final,
        max_rate=max_rate,
        outage_timeout=outage_timeout,
        on_outage=work.note_outage,
    )
    async with aclosing(work), aclosing(batches):
        try:
            async for batch in batches:
                yield await work.store(batch)
        finally:
            await work.store_rest(batches)
        given_up = await work.give_up(give_up_after_s)
        yield evolve(await work.now(), given_up=given_up)


def fetch_all(  # noqa: PLR0913 - all by name, and all can be left out
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
    """Fetch as `fetch` does, blocking, and return how it ended.

    It depends on its arguments alone, and on the environment, which has the key; so that any worker
    process may be given it.

    Args:
        ledger_path: The ledger; created if it is not there.
        ids: As for `fetch`, and what follows, too.
        concurrency: As for `fetch`.
        wait: As for `fetch`.
        final: As for `fetch`.
        max_rate: As for `fetch`.
        outage_timeout: As for `fetch`.
        retry_failed: As for `fetch`.
        give_up_after_s: As for `fetch`.
        **options: Those of the client, without the key: `base_url`, `timeout` and so on.

    Raises:
        ModelGatesError: As `fetch`.
        RuntimeError: An event loop runs in this thread: use `fetch` there.
    """
    from modelgates_client.client.async_client import AsyncModelGates  # noqa: PLC0415 - engines cost

    async def run() -> Progress:
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
                raise RuntimeError("a fetch tells of its end")
            return latest

    with Ledger(ledger_path) as ledger:
        return asyncio.run(run())
