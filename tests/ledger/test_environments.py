"""A fetch that is cancelled while writing fails, and one without a thread to write in."""

import asyncio
import concurrent.futures
import threading

import pytest

from modelgates_client import AsyncModelGates, ConfigurationError
from modelgates_client.ledger import Ledger, LedgerError
from modelgates_client.ledger.fetch_run import FetchRun
from modelgates_client.ledger.fetching import fetch

TURNS = 8  # of the event loop, between a failure and a cancellation: any may be the wrong one


@pytest.mark.parametrize("turns", range(TURNS))
def test_asyncio_reports_no_failure_of_a_cancelled_call(tmp_path, turns):
    """The cancellation comes before the failure, after it, or in between."""
    complaints = []

    def fail():
        raise LedgerError("a", "the disk is full", "make room")

    async def main():
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: complaints.append(context["message"])
        )
        with Ledger(str(tmp_path / "a.db")) as ledger:
            run = FetchRun(ledger, retry_failed=False, chunk=1)
            call = asyncio.create_task(run.do(fail))
            await asyncio.sleep(0)
            run._thread.submit(int).result()  # the failure has happened
            for _ in range(turns):
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
            await run.aclose()

    asyncio.run(main())
    assert complaints == []


@pytest.mark.parametrize("kind", [threading.Thread, concurrent.futures.ThreadPoolExecutor])
def test_an_error_says_that_no_thread_can_be_started(tmp_path, monkeypatch, kind):
    """It is raised at once."""

    def start(*_, **__):
        raise RuntimeError("can't start new thread")

    name = "start" if kind is threading.Thread else "submit"
    monkeypatch.setattr(kind, name, start)

    async def main():
        async with AsyncModelGates(api_key="sk-mg-1", base_url="http://127.0.0.1:1") as client:
            with Ledger(str(tmp_path / "a.db")) as ledger:
                async for _ in fetch(ledger, client, iter(["gen-1"])):
                    pass

    with pytest.raises(ConfigurationError, match="can't start new thread"):
        asyncio.run(main())
