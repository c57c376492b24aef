"""Ctrl-C during `get_many` ends it at once and quietly."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from ..fast_server import KEY, Gateway, record

SYNC_PROGRAM = """
    import itertools
    from modelgates_client import ModelGates

    with ModelGates() as client:
        try:
            for outcome in client.generations.get_many(map("gen-{}".format, itertools.count())):
                print(outcome.generation_id, flush=True)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
"""

ASYNC_PROGRAM = """
    import asyncio, itertools
    from modelgates_client import AsyncModelGates

    async def main():
        async with AsyncModelGates() as client:
            ids = map("gen-{}".format, itertools.count())
            async for outcome in client.generations.get_many(ids):
                print(outcome.generation_id, flush=True)

    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


def respond_slowly(generation_id, _):
    """Respond to the first few requests at once, to the others only after a minute."""
    delay_s = 0 if int(generation_id.removeprefix("gen-")) < 3 else 60
    return record(generation_id)._replace(delay_s=delay_s)


@pytest.mark.parametrize("program", [SYNC_PROGRAM, ASYNC_PROGRAM], ids=["sync", "async"])
def test_an_interrupt_ends_get_many(program):
    """Requests in flight are cancelled; no thread and no task reports an error."""
    with Gateway(respond_slowly) as gateway:
        environment = {
            **os.environ,
            "MODELGATES_API_KEY": KEY,
            "MODELGATES_BASE_URL": gateway.base_url,
        }
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3):
            assert process.stdout.readline().startswith("gen-")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (out, err, process.returncode) == ("interrupted\n", "", 0)
