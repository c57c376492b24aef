"""Chat completions of the stub, which users test their applications with."""

import json
from decimal import Decimal

import httpx
import pytest

from modelgates_client import ModelGates, NotFoundError
from modelgates_client.testing import StubAPI

REQUEST = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}
TOOL = {"type": "function", "function": {"name": "weather"}}


@pytest.fixture
def complete(stub):
    """Request a completion with plain HTTP."""

    def complete(body=None, key=stub.api_key, method="POST", **more):
        body = {**REQUEST, **more} if body is None else body
        url = f"{stub.base_url}/chat/completions"
        return httpx.request(method, url, json=body, headers={"Authorization": f"Bearer {key}"})

    return complete


def events(response):
    """Return the events of a stream."""
    data = [line[6:] for line in response.text.splitlines() if line.startswith("data: ")]
    assert data[-1] == "[DONE]"
    return [json.loads(each) for each in data[:-1]]


def test_the_record_of_a_completion_exists_a_moment_later(stub, complete):
    """With the cost in the body of the completion."""
    stub.chat.ready_s = 3600
    body = complete().json()
    with ModelGates(api_key=stub.api_key, base_url=stub.base_url) as client:
        with pytest.raises(NotFoundError):
            client.generations.get(body["id"])
        stub.chat._ready_at[body["id"]] -= 3600  # a moment later
        record = client.generations.wait(body["id"])
    assert stub.chat.ids == [body["id"]]
    assert record.model == body["model"] == "openai/gpt-4o"
    assert record.total_cost == body["usage"]["cost"]
    assert record.tokens_prompt == body["usage"]["prompt_tokens"]
    assert stub.chat.charged == Decimal(str(record.total_cost))
    assert record.streamed is False
    assert stub.requests[0].id == body["id"]


def test_the_headers_name_the_generation_unless_unnamed(stub, complete):
    """Other gateways do not send this header."""
    stub.chat.normal()
    stub.chat.unnamed(gzip=True)
    named, unnamed = complete(), complete()
    assert named.headers["x-generation-id"] == named.json()["id"]
    assert "x-generation-id" not in unnamed.headers
    assert unnamed.headers["content-encoding"] == "gzip"
    assert [named.json()["id"], unnamed.json()["id"]] == stub.chat.ids


def test_a_stream_has_the_id_in_each_event(stub, complete):
    """It sends the text word by word, and the usage on request."""
    response = complete(stream=True, stream_options={"include_usage": True})
    assert response.text.startswith(": MODELGATES PROCESSING\n\n")
    chunks = events(response)
    assert {event["id"] for event in chunks} == {*stub.chat.ids}
    words = [c["delta"].get("content", "") for event in chunks for c in event["choices"]]
    assert "".join(words).strip() == stub.chat.text
    assert chunks[-1]["usage"]["cost"] == float(stub.chat.charged)
    assert "usage" not in events(complete(stream=True))[-1]


@pytest.mark.parametrize("stream", [True, False])
def test_the_first_tool_is_called_until_there_is_a_result(complete, stream):
    """After that, the response is text."""
    with_result = [*REQUEST["messages"], {"role": "tool", "tool_call_id": "1", "content": "sunny"}]
    for more, reason in (
        ({}, "tool_calls"),
        ({"tool_choice": "none"}, "stop"),
        ({"messages": with_result}, "stop"),
    ):
        response = complete(stream=stream, tools=[TOOL], **more)
        bodies = events(response) if stream else [response.json()]
        assert bodies[-1]["choices"][0]["finish_reason"] == reason


def test_errors_are_not_generations(stub, complete):
    """They come in the order of the calls, and the given number of times."""
    stub.chat.fail(status=429, retry_after=7)
    stub.chat.fail(status=502, message="upstream", times=2)
    first, second, third = complete(), complete(), complete()
    assert (first.status_code, first.headers["retry-after"]) == (429, "7")
    assert second.json() == third.json()
    assert second.json()["error"]["message"] == "upstream"
    assert stub.chat.ids == []
    assert complete().status_code == 200


def test_a_stream_can_break_or_end_with_an_error(stub, complete):
    """Each is a generation that costs something."""
    stub.chat.break_off(after=2)
    stub.chat.fail_midway(after=3, message="gone")
    stub.chat.break_off()
    with pytest.raises(httpx.RemoteProtocolError):
        complete(stream=True)
    text = complete(stream=True).text
    with pytest.raises(httpx.RemoteProtocolError):
        complete()
    *pieces, last = [line for line in text.splitlines() if line.startswith("data: ")]
    assert len(pieces) == 3
    assert json.loads(last[6:])["error"]["message"] == "gone"
    assert len(stub.chat.ids) == 3
    assert stub.chat.charged > 0


@pytest.mark.parametrize(
    ("body", "violation"),
    [
        ([], "the body is not a JSON object"),
        ({}, "model is not a string"),
        ({"model": "m"}, "messages is not a list"),
        ({"model": "m", "messages": []}, "messages is not a list"),
        ({**REQUEST, "tools": 5}, "a tool is not a function"),
        ({**REQUEST, "tools": [{"type": "function"}]}, "a tool is not a function"),
    ],
)
def test_an_invalid_body_is_a_violation(stub, complete, body, violation):
    """The response is an error, and there is no generation."""
    assert complete(body).status_code == 400
    assert violation in stub.violations[0]
    assert stub.chat.ids == []


def test_a_wrong_key_or_method_is_refused(stub, complete):
    """As for records."""
    assert complete(key="sk-mg-other").status_code == 401
    assert complete(method="PUT").status_code == 405
    assert len(stub.violations) == 2


def test_close_does_not_wait_for_a_stream():
    """Even if it is slow."""
    with StubAPI() as stub:
        stub.chat.pause_s = 60
        headers = {"Authorization": f"Bearer {stub.api_key}"}
        url = f"{stub.base_url}/chat/completions"
        client = httpx.Client(headers=headers)
        request = client.build_request("POST", url, json={**REQUEST, "stream": True})
        response = client.send(request, stream=True)
    response.close()
    client.close()
