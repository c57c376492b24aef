"""Ctrl-C in the middle: it ends at once, and quietly."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from ..fast_server import KEY, Gateway, record

BLOCKING = """
    import itertools
    from modelgates_client import ModelGates

    with ModelGates() as client:
        try:
            for outcome in client.generations.get_many(map("gen-{}".format, itertools.count())):
                print(outcome.generation_id, flush=True)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
"""

AWAITED = """
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


def slowly(generation_id, _):
    """Answer the first few, and the others not before everything is over."""
    delay_s = 0 if int(generation_id.removeprefix("gen-")) < 3 else 60
    return record(generation_id)._replace(delay_s=delay_s)


@pytest.mark.parametrize("program", [BLOCKING, AWAITED], ids=["blocking", "awaited"])
def test_an_interrupt_ends_it(program):
    """What is on its way is cancelled; no thread and no task complains."""
    with Gateway(slowly) as gateway:
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
