"""The log of retries and waits: one line each, without any text from the server."""

import asyncio
import json
import logging
import re
import subprocess
import sys

import httpx
import pytest

from modelgates_client import (
    AsyncModelGates,
    ModelGates,
    RateLimit,
    RateLimitError,
    ResponseValidationError,
    ServerError,
)

ID = "gen-1771967973-0hZ8J5kY7qLMOKbPx0u3"
KEY = "sk-mg-of-nobody"
SERVER_TEXT = "text-of-the-server"


def error(status, **headers):
    """Respond with an error that has a text."""
    body = {"error": {"code": status, "message": SERVER_TEXT, "metadata": {"raw": SERVER_TEXT}}}
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json=body, headers=headers)


def record(**fields):
    """Respond with the record."""
    return httpx.Response(200, json={"data": {"id": ID, **fields}})


@pytest.fixture(params=["sync", "async"])
def log_lines(request, caplog, monkeypatch):
    """A function that returns the INFO lines of a scripted call, except for drift."""

    def lines_of_call(script, call, **options):
        responses = iter(script)

        def respond(_):
            response = next(responses)
            if isinstance(response, Exception):
                raise response
            return response

        options |= {"api_key": KEY, "base_url": "http://127.0.0.1:1/api/v1"}
        caplog.set_level(logging.INFO, "modelgates_client")
        if request.param == "async":
            asyncio.run(run_async(respond, call, options))
        else:
            run_sync(respond, call, options)
        return [
            log_record.getMessage()
            for log_record in caplog.records
            if log_record.levelno == logging.INFO and log_record.module != "drift_observer"
        ]

    def run_sync(respond, call, options):
        monkeypatch.setattr("time.sleep", lambda _: None)
        with httpx.Client(transport=httpx.MockTransport(respond)) as http_client:
            call(ModelGates(http_client=http_client, **options).generations)

    async def run_async(respond, call, options):
        async def skip_sleep(_):
            await asyncio.sleep(0)

        async with httpx.AsyncClient(transport=httpx.MockTransport(respond)) as http_client:
            client = AsyncModelGates(http_client=http_client, **options)
            monkeypatch.setattr(client._engine, "sleep", skip_sleep)
            await call(client.generations)

    return lines_of_call


def test_a_retry_logs_one_line(log_lines):
    """With the status, the attempt, the seconds and the reason."""
    lines = log_lines([error(503), error(502), record()], lambda it: it.get(ID))
    assert [re.sub(r"; the next in [0-9.]+ s$", "", line) for line in lines] == [
        "retry: attempt 1 ended with HTTP 503 (the server is not available)",
        "retry: attempt 2 ended with HTTP 502 (the gateway cannot reach the server)",
    ]


def test_a_failed_connection_logs_one_line(log_lines):
    """It has no status."""
    (line,) = log_lines([httpx.ConnectError(SERVER_TEXT), record()], lambda it: it.get(ID))
    assert line.startswith("retry: attempt 1 ended with no response (the connection failed); ")


def test_a_rate_limit_logs_one_line(log_lines):
    """With the wait that the server asks for."""
    (line,) = log_lines([error(429, retry_after="1"), record()], lambda it: it.get(ID))
    response = re.fullmatch(
        r"rate limit: attempt 1 ended with HTTP 429 \(too many requests\); the next in (.*) s", line
    )
    assert 1 <= float(response[1]) <= 2


def test_each_wait_logs_one_line(log_lines):
    """For a missing record, and for one that is not final."""
    script = [error(404), record(), record(cancelled=True)]
    lines = log_lines(script, lambda it: it.wait(ID, final=True, timeout=60))
    assert lines[0].startswith(
        "wait: attempt 1 ended with HTTP 404 (it is not there yet); the next"
    )
    assert lines[1].startswith(
        "wait: attempt 2 ended with HTTP 200 (it is not final yet); the next"
    )
    assert len(lines) == 2


def test_no_line_shows_an_id_or_text_from_the_server(log_lines, caplog):
    """Logs may be stored where records must not."""
    script = [error(503), error(429), error(500), error(404), record(cancelled=True)]
    assert len(log_lines(script, lambda it: it.wait(ID, timeout=60))) == 4
    shown = "".join(
        log_record.getMessage()
        for log_record in caplog.records
        if log_record.levelno >= logging.INFO
    )
    assert not [word for word in (ID, "gen-", SERVER_TEXT, KEY) if word in shown]


def test_an_environment_variable_enables_the_log():
    """On stderr, without any code."""
    program = (
        "from modelgates_client import ModelGates, ModelGatesError\n"
        f"client = ModelGates(api_key={KEY!r}, base_url='http://127.0.0.1:9/', max_retries=1)\n"
        f"try: client.generations.get({ID!r})\n"
        "except ModelGatesError: pass\n"
    )
    environ = {"MODELGATES_LOG": "Debug"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True
    )
    assert "modelgates_client - INFO] retry: attempt 1 ended with no response" in done.stderr
    assert "modelgates_client - DEBUG] Request(GET " in done.stderr
    assert KEY not in done.stderr


def test_an_unknown_log_level_is_a_warning(monkeypatch):
    """The program continues."""
    monkeypatch.setenv("MODELGATES_LOG", "loud")
    with pytest.warns(
        UserWarning, match="MODELGATES_LOG is 'loud'; expected one of debug, info"
    ) as caught:
        ModelGates(api_key=KEY)
    assert caught[0].filename == __file__


def test_the_logging_configuration_of_a_program_is_kept(monkeypatch):
    """Its own level counts."""
    logger = logging.getLogger("modelgates_client")
    monkeypatch.setattr(logger, "level", logging.ERROR)
    monkeypatch.setenv("MODELGATES_LOG", "debug")
    ModelGates(api_key=KEY)
    assert logger.level == logging.ERROR


def client_for(response):
    """Return a client that always receives a response."""
    transport = httpx.MockTransport(lambda _: response)
    return ModelGates(
        api_key=KEY,
        base_url="http://127.0.0.1:1/api/v1",
        http_client=httpx.Client(transport=transport),
        max_retries=0,
    )


def test_the_rate_limit_is_on_responses_and_errors():
    """From their headers."""
    headers = {"x-ratelimit-limit": "10", "x-ratelimit-remaining": "4", "x-ratelimit-reset": "7"}
    limit = RateLimit(10, 4, 7.0)
    response = httpx.Response(200, content=json.dumps({"data": {"id": ID}}), headers=headers)
    assert client_for(response).generations.get_raw(ID).rate_limit == limit
    for status, kind in ((429, RateLimitError), (503, ServerError)):
        response = error(
            status, **{name.replace("-", "_"): value for name, value in headers.items()}
        )
        with pytest.raises(kind) as caught:
            client_for(response).generations.get(ID)
        assert caught.value.rate_limit == limit
    with pytest.raises(ResponseValidationError) as caught:
        client_for(httpx.Response(200, content=b"[]", headers=headers)).generations.get(ID)
    assert caught.value.rate_limit == limit


def test_a_rate_limit_relayed_in_an_error_body_is_read():
    """Gateways put the headers of the provider into the error."""
    body = {"error": {"code": 429, "metadata": {"headers": {"X-RateLimit-Remaining": "0"}}}}
    with pytest.raises(RateLimitError) as caught:
        client_for(httpx.Response(429, json=body)).generations.get(ID)
    assert caught.value.rate_limit == RateLimit(None, 0, None)
