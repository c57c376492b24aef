"""What is imported, and when: before a client is made, little; by a failing call, nothing."""

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
        results = {}
        for generation_id in ["gen-right", *sys.argv[2:]]:
            try:
                got = client.generations.get(
                    generation_id, validation="strict" if generation_id ==  "gen-odd" else "lenient"
                )
                if inspect.isawaitable(got):
                    got = await got
                results[generation_id] = got.id
            except ModelGatesError as error:
                results[generation_id] = type(error).__name__
                str(error), repr(error)
            except BaseException as error:
                results[generation_id] = repr(error)
            sys.meta_path = None  # as when the interpreter goes down
        print(json.dumps(results), flush=True)

    finders = sys.meta_path[:]
    try:
        asyncio.run(main())
    finally:
        sys.meta_path = finders
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
    responses = {name: response for name, (response, _) in FAILING.items()}
    with Gateway(
        lambda generation_id, _: responses.get(generation_id) or record(generation_id)
    ) as gateway:
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


def test_slow_modules_are_imported_with_the_first_client_or_later():
    """A program that only names the class does not wait for TLS, parsers or HTTP."""
    slow = {
        "asyncio",
        "email.utils",
        "html",
        "httpcore",
        "httpx",
        "logging",
        "msgspec",
        "random",
        "ssl",
    }
    program = f"""
        import sys
        before = {{*sys.modules}}
        from modelgates_client import ModelGates
        print({slow} & sys.modules.keys() - before)
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)

    assert done.stdout == "set()\n", done.stderr
