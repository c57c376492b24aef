"""Chat completions of the stub: a user's own application is tested by them, end to end."""

import json
from decimal import Decimal

import httpx
import pytest

from modelgates_client import ModelGates, NotFoundError
from modelgates_client.testing import StubAPI

ASKED = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}
TOOL = {"type": "function", "function": {"name": "weather"}}


@pytest.fixture
def ask(stub):
    """Ask for a completion, by plain HTTP."""

    def ask(body=None, key=stub.api_key, method="POST", **more):
        body = {**ASKED, **more} if body is None else body
        url = f"{stub.base_url}/chat/completions"
        return httpx.request(method, url, json=body, headers={"Authorization": f"Bearer {key}"})

    return ask


def events(response):
    """Return the events of a stream."""
    data = [line[6:] for line in response.text.splitlines() if line.startswith("data: ")]
    assert data[-1] == "[DONE]"
    return [json.loads(each) for each in data[:-1]]


def test_a_completion_is_a_generation_a_moment_later(stub, ask):
    """Its record costs what the completion said that it costs."""
    stub.chat.ready_s = 3600
    answer = ask().json()
    with ModelGates(api_key=stub.api_key, base_url=stub.base_url) as client:
        with pytest.raises(NotFoundError):
            client.generations.get(answer["id"])
        stub.chat._ready_at[answer["id"]] -= 3600  # a moment later
        record = client.generations.wait(answer["id"])
    assert stub.chat.ids == [answer["id"]]
    assert record.model == answer["model"] == "openai/gpt-4o"
    assert record.total_cost == answer["usage"]["cost"]
    assert record.tokens_prompt == answer["usage"]["prompt_tokens"]
    assert stub.chat.charged == Decimal(str(record.total_cost))
    assert record.streamed is False
    assert stub.requests[0].id == answer["id"]


def test_the_head_names_the_generation_unless_it_is_not_to(stub, ask):
    """Other gateways do not."""
    stub.chat.normal()
    stub.chat.unnamed(gzip=True)
    named, unnamed = ask(), ask()
    assert named.headers["x-generation-id"] == named.json()["id"]
    assert "x-generation-id" not in unnamed.headers
    assert unnamed.headers["content-encoding"] == "gzip"
    assert [named.json()["id"], unnamed.json()["id"]] == stub.chat.ids


def test_a_stream_has_the_id_in_every_event(stub, ask):
    """And the text, word by word; usage, if it is asked for."""
    response = ask(stream=True, stream_options={"include_usage": True})
    assert response.text.startswith(": MODELGATES PROCESSING\n\n")
    found = events(response)
    assert {event["id"] for event in found} == {*stub.chat.ids}
    words = [c["delta"].get("content", "") for event in found for c in event["choices"]]
    assert "".join(words).strip() == stub.chat.text
    assert found[-1]["usage"]["cost"] == float(stub.chat.charged)
    assert "usage" not in events(ask(stream=True))[-1]


@pytest.mark.parametrize("stream", [True, False])
def test_the_first_tool_is_called_until_there_is_a_result(ask, stream):
    """Then it answers with text."""
    with_result = [*ASKED["messages"], {"role": "tool", "tool_call_id": "1", "content": "sunny"}]
    for more, reason in (
        ({}, "tool_calls"),
        ({"tool_choice": "none"}, "stop"),
        ({"messages": with_result}, "stop"),
    ):
        answer = ask(stream=stream, tools=[TOOL], **more)
        said = [answer.json()] if not stream else events(answer)
        assert said[-1]["choices"][0]["finish_reason"] == reason


def test_errors_are_no_generations(stub, ask):
    """They come in their order, as often as they were asked for."""
    stub.chat.fail(status=429, retry_after=7)
    stub.chat.fail(status=502, message="upstream", times=2)
    first, second, third = ask(), ask(), ask()
    assert (first.status_code, first.headers["retry-after"]) == (429, "7")
    assert second.json() == third.json()
    assert second.json()["error"]["message"] == "upstream"
    assert stub.chat.ids == []
    assert ask().status_code == 200


def test_a_stream_can_break_or_end_with_an_error(stub, ask):
    """Each is a generation, and is charged."""
    stub.chat.break_off(after=2)
    stub.chat.fail_midway(after=3, message="gone")
    stub.chat.break_off()
    with pytest.raises(httpx.RemoteProtocolError):
        ask(stream=True)
    text = ask(stream=True).text
    with pytest.raises(httpx.RemoteProtocolError):
        ask()
    *pieces, last = [line for line in text.splitlines() if line.startswith("data: ")]
    assert len(pieces) == 3
    assert json.loads(last[6:])["error"]["message"] == "gone"
    assert len(stub.chat.ids) == 3
    assert stub.chat.charged > 0


@pytest.mark.parametrize(
    ("body", "violation"),
    [
        ([], "the body is no object"),
        ({}, "model is no text"),
        ({"model": "m"}, "messages is no list"),
        ({"model": "m", "messages": []}, "messages is no list"),
        ({**ASKED, "tools": 5}, "a tool is no function"),
        ({**ASKED, "tools": [{"type": "function"}]}, "a tool is no function"),
    ],
)
def test_what_the_api_would_not_accept_is_a_violation(stub, ask, body, violation):
    """It is answered as an error, and there is no generation."""
    assert ask(body).status_code == 400
    assert violation in stub.violations[0]
    assert stub.chat.ids == []


def test_another_key_or_method_is_refused(stub, ask):
    """As for records."""
    assert ask(key="sk-mg-other").status_code == 401
    assert ask(method="PUT").status_code == 405
    assert len(stub.violations) == 2


def test_closing_does_not_wait_for_a_stream():
    """However slow it is."""
    with StubAPI() as stub:
        stub.chat.pause_s = 60
        headers = {"Authorization": f"Bearer {stub.api_key}"}
        url = f"{stub.base_url}/chat/completions"
        client = httpx.Client(headers=headers)
        request = client.build_request("POST", url, json={**ASKED, "stream": True})
        response = client.send(request, stream=True)
    response.close()
    client.close()
