"""Where descriptors are scarce, fewer ids are asked for at one time, and none fails."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

from ..gateway import KEY, Gateway

PROGRAM = """
    import collections, json, resource, sys

    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    from modelgates_client import ModelGates
    from modelgates_client.transport import engines

    if sys.argv[1] == "httpcore":
        engines._has_httptools = lambda: False
    ids = [f"gen-{number}" for number in range(400)]
    with ModelGates() as client:
        outcomes = [*client.generations.get_many(ids, concurrency=200, wait=0)]
    print(json.dumps(collections.Counter(type(outcome).__name__ for outcome in outcomes)))
"""


@pytest.mark.skipif(os.name != "posix", reason="limits descriptors")
@pytest.mark.parametrize("engine", ["fast", "httpcore"])
def test_few_descriptors_fail_no_id(engine):
    """64 for 200 requests at one time."""
    with Gateway(delay_s=0.02) as gateway:
        environment = {
            **os.environ,
            "MODELGATES_API_KEY": KEY,
            "MODELGATES_BASE_URL": gateway.base_url,
        }
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(PROGRAM), engine],
            env=environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
    assert done.stderr == ""
    assert json.loads(done.stdout) == {"Resolved": 400}
