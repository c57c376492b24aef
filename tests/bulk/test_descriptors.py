"""When file descriptors are scarce, fewer ids are fetched at a time, and none fails."""

import errno
import json
import os
import subprocess
import sys
import textwrap

import pytest

from modelgates_client.transport.exchange import connect_failure

from ..cli import preforked
from ..fast_server import KEY, Gateway

MANY_CALLS = """
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


SINGLE_CALL = """
    import os, resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    from modelgates_client import APIConnectionError, ModelGates

    with ModelGates(api_key="sk-mg-1", base_url="http://127.0.0.1:9", timeout=1) as client:
        held = []
        while len(held) < 64:
            try:
                held.append(os.open(os.devnull, os.O_RDONLY))
            except OSError:
                break
        try:
            client.generations.get("gen-1")
        except APIConnectionError as error:
            [os.close(each) for each in held]
            print(error.attempts > 1, error)
"""


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.EADDRNOTAVAIL])
def test_a_lack_of_descriptors_buffers_or_ports_is_not_a_lost_connection(code):
    """Fewer requests at a time help."""
    assert connect_failure(OSError(code, "none left"), "none left").kind == "scarce"
    assert connect_failure(OSError(errno.ECONNREFUSED, "no"), "no").kind == "connection"


@pytest.mark.skipif(os.name != "posix", reason="limits descriptors")
def test_a_call_without_a_free_descriptor_is_a_connection_error():
    """The modules needed for the error are loaded earlier: no file can be opened at that point."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SINGLE_CALL)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.startswith("True 127.0.0.1: no connection: ")


@pytest.mark.skipif(os.name != "posix", reason="limits descriptors")
@pytest.mark.parametrize("engine", ["fast", "httpcore"])
def test_a_low_descriptor_limit_fails_no_id(engine):
    """A limit of 64 descriptors for a concurrency of 200."""
    with Gateway(delay_s=0.02) as gateway:
        variables = {"MODELGATES_API_KEY": KEY, "MODELGATES_BASE_URL": gateway.base_url}
        _, output, errors = preforked.run_program(MANY_CALLS, engine, **variables)
    assert errors == ""
    assert json.loads(output) == {"Resolved": 400}
