"""A failing call imports nothing: at the exit of a program or without a descriptor it could not."""

import json
import subprocess
import sys
import textwrap

import pytest

from ..fast_server import KEY, Answer, Gateway, error, record

PROGRAM = """
    import asyncio, inspect, json, sys
    from modelgates_client import AsyncModelGates, ModelGates, ModelGatesError

    async def main():
        kind = {"ModelGates": ModelGates, "AsyncModelGates": AsyncModelGates}[sys.argv[1]]
        client = kind(max_retries=1, timeout=20)
        ended = {}
        for wanted in ["gen-right", *sys.argv[2:]]:
            try:
                got = client.generations.get(
                    wanted, validation="strict" if wanted == "gen-odd" else "lenient"
                )
                if inspect.isawaitable(got):
                    got = await got
                ended[wanted] = got.id
            except ModelGatesError as error:
                ended[wanted] = type(error).__name__
                str(error), repr(error)
            except BaseException as error:
                ended[wanted] = repr(error)
            sys.meta_path = None  # as when the interpreter goes down
        print(json.dumps(ended), flush=True)

    found = sys.meta_path[:]
    try:
        asyncio.run(main())
    finally:
        sys.meta_path = found
"""

PAST = "Thu, 06 Mar 2025 23:59:00 GMT"
FAILING = {
    "gen-missing": (error(404), "NotFoundError"),
    "gen-page": (Answer(502, b"<html>&amp; a page</html>"), "BadGatewayError"),
    "gen-text": (Answer(200, b"no JSON"), "ResponseValidationError"),
    "gen-busy": (error(429, f"Retry-After: {PAST}"), "RateLimitError"),
    "gen-reset": (
        error(429, f"X-RateLimit-Reset: {PAST}", 'RateLimit: "d";r=0;t=0'),
        "RateLimitError",
    ),
    "gen-down": (error(503, "retry-after-ms: 1"), "ServerError"),
    "gen-key": (error(401, message="not &#115;k-mg-of"), "AuthenticationError"),
    "gen-other": (record("gen-1"), "ResponseValidationError"),
    "gen-odd": (record("gen-odd", created_at="then", total_cost="free"), "ResponseValidationError"),
}


@pytest.mark.parametrize("kind", ["ModelGates", "AsyncModelGates"])
def test_each_failure_is_typed_without_further_imports(kind):
    """After one successful call, any call may fail."""
    answers = {name: answer for name, (answer, _) in FAILING.items()}
    with Gateway(lambda wanted, _: answers.get(wanted) or record(wanted)) as gateway:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(PROGRAM), kind, *FAILING],
            env={"MODELGATES_API_KEY": KEY, "MODELGATES_BASE_URL": gateway.base_url},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
    expected = {"gen-right": "gen-right", **{name: error for name, (_, error) in FAILING.items()}}
    assert json.loads(done.stdout or "null") == expected, done.stderr
