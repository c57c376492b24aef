"""The decoder against mutated bodies, faster than Hypothesis, which remembers and shrinks them."""

import copy
import json
import random

import pytest

from modelgates_client.calls.responses import CallProblem, interpret
from modelgates_client.resources.generations import call_for
from modelgates_client.transport.messages import HTTPResponse

from ..calls.sample_responses import REQUESTED_ID
from ..calls.test_responses import check_record
from ..conftest import RECORD
from ..contract.strategies import ODD, as_json, containers

KEYS = ["", "a/b~c", "\ud800", "id", "data", "error", "code", "provider_responses", "status"]
SAMPLE = json.loads(RECORD.read_bytes())
SAMPLE["data"]["id"] = REQUESTED_ID


def mutated(rng):
    """Return a body with a few values replaced, removed or added, and perhaps bytes changed."""
    body = copy.deepcopy(SAMPLE)
    for _ in range(rng.randint(0, 4)):
        owner = rng.choice([*containers(body)])
        odd = copy.deepcopy(rng.choice([*ODD, SAMPLE, rng.random(), rng.getrandbits(70)]))
        if isinstance(owner, list):
            owner.insert(rng.randint(0, len(owner)), odd)
        else:
            key = rng.choice([*owner, *KEYS])
            owner[key] = odd
            if rng.random() < 0.3:
                del owner[key]
    content = bytearray(as_json(body))
    while content and rng.random() < 0.3:
        start = rng.randrange(len(content))
        content[start : start + rng.randint(0, 3)] = rng.choice(
            [b"", b'"', b"\\", b"{", b"]", b",", b"0", b"e9", b"null", b"\\ud800", rng.randbytes(2)]
        )
    return bytes(content)


@pytest.mark.slow("hundreds of bodies")
@pytest.mark.timeout(0)
def test_any_body_is_the_record_or_a_typed_error(size):
    """Whatever of it was changed; the seed of a failing body is its number."""
    call, records = call_for(REQUESTED_ID), 0
    for seed in range(size("bodies")):
        body = mutated(random.Random(seed))
        try:
            result = interpret(HTTPResponse(200, {}, body), call, 1, "lenient")
            if isinstance(result, CallProblem):
                assert str(result.error).isprintable()
                continue
            check_record(result, json.loads(body), "lenient")
            record = result.parsed.data
            assert repr((record, record.drift, record.cost, record.attempts))
            records += 1
        except Exception as error:
            error.add_note(f"body {seed}: {body!r}")
            raise
    assert 0.1 < records / size("bodies") < 0.9
