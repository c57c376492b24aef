"""The captured OpenAI SDK: each completion that the stub charges for is in the ledger."""

import asyncio
import contextlib

import httpx
import httpx2
import pytest

from modelgates_client.capture import CaptureTransport, capture, labels
from modelgates_client.ledger import Ledger
from modelgates_client.testing import StubAPI

ARGUMENTS = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]


@pytest.fixture
def stub():
    with StubAPI() as stub:
        yield stub
        stub.check()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "costs.db"


@pytest.fixture(scope="module")
def openai():
    """The SDK, which takes a second to import: only where these tests run."""
    import openai  # noqa: PLC0415 - see above

    return openai


@pytest.fixture
def client(openai, stub, path):
    with openai.OpenAI(api_key=stub.api_key, base_url=stub.base_url, max_retries=0) as client:
        yield capture(client, to=path)


def ledger_ids(path):
    """Return the ids of a ledger, in order of arrival."""
    with Ledger(path) as ledger:
        return ledger.lease(1000, wait=False)


@pytest.mark.parametrize("named", [True, False], ids=["head", "body"])
def test_each_kind_of_completion_is_captured(stub, path, client, named):
    """Plain, with tools, streamed, raw; with the id in the headers or in the body."""
    completions = client.chat.completions
    if not named:
        stub.chat.unnamed(times=6)
    answered = completions.create(**ARGUMENTS)
    assert answered.choices[0].message.content == stub.chat.text
    called = completions.create(**ARGUMENTS, tools=TOOLS).choices[0]
    assert called.message.tool_calls[0].function.name == "weather"
    chunks = [*completions.create(**ARGUMENTS, stream=True, stream_options={"include_usage": True})]
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text.strip() == stub.chat.text
    assert chunks[-1].usage.total_tokens > 0
    raw = completions.with_raw_response.create(**ARGUMENTS)
    assert raw.parse().id == stub.chat.ids[3]
    with completions.with_streaming_response.create(**ARGUMENTS) as response:
        assert response.parse().id == stub.chat.ids[4]
    with completions.stream(**ARGUMENTS) as events:
        assert events.get_final_completion().id == stub.chat.ids[5]
    assert len(stub.chat.ids) == 6
    assert ledger_ids(path) == stub.chat.ids


@pytest.mark.parametrize("named", [True, False], ids=["head", "body"])
def test_a_cancelled_stream_is_captured(stub, path, client, named):
    """Its cost is easily overlooked."""
    if not named:
        stub.chat.unnamed()
    stub.chat.pause_s = 0.01
    stream = client.chat.completions.create(**ARGUMENTS, stream=True)
    next(iter(stream))
    stream.close()
    assert ledger_ids(path) == stub.chat.ids != []


def test_a_broken_or_failed_stream_is_captured(openai, stub, path, client):
    """The application gets the same errors as without capturing."""
    stub.chat.break_off()
    with pytest.raises(openai.APIConnectionError):
        list(client.chat.completions.create(**ARGUMENTS, stream=True))
    stub.chat.fail_midway(message="Provider disconnected")
    with pytest.raises(openai.APIError, match="Provider disconnected"):
        list(client.chat.completions.create(**ARGUMENTS, stream=True))
    assert len(stub.chat.ids) == 2
    assert ledger_ids(path) == stub.chat.ids


def test_an_error_yields_no_id_and_its_retry_yields_one(openai, stub, path, client):
    """The ids are those that were charged."""
    stub.chat.fail(status=429, times=2, retry_after=0)
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(**ARGUMENTS)
    client.with_options(max_retries=2).chat.completions.create(**ARGUMENTS)
    assert len(stub.chat.ids) == 1
    assert ledger_ids(path) == stub.chat.ids


@pytest.mark.parametrize("named", [True, False], ids=["head", "body"])
def test_async_completions_are_captured(openai, stub, path, named):
    """Plain ones, streams, a cancelled one, one whose task is cancelled; all concurrently."""
    stub.chat.pause_s = 0.01
    if not named:
        stub.chat.unnamed(times=4)

    async def main():
        has_started = asyncio.Event()
        async with openai.AsyncOpenAI(api_key=stub.api_key, base_url=stub.base_url) as client:
            completions = capture(client, to=path).chat.completions

            async def stream(max_chunks):
                async with await completions.create(**ARGUMENTS, stream=True) as chunks:
                    async for _ in chunks:
                        max_chunks -= 1
                        if not max_chunks:
                            break
                        if max_chunks < -100:
                            has_started.set()
                            await asyncio.sleep(60)

            task = asyncio.create_task(stream(-100))
            await asyncio.gather(completions.create(**ARGUMENTS), stream(1000), stream(2))
            await has_started.wait()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert len(stub.chat.ids) == 4
    assert sorted(ledger_ids(path)) == sorted(stub.chat.ids)


def test_a_custom_http_client_is_kept(openai, path):
    """With its transport, proxies and certificates; of either library."""
    for library in (httpx2, httpx):
        noted = []

        def respond(request, library=library):
            assert request.headers["x-own"] == "1"
            return library.Response(200, json={"id": "gen-1", "choices": []})

        http_client = library.Client(
            transport=library.MockTransport(respond), headers={"X-Own": "1"}
        )
        with openai.OpenAI(
            api_key="k", base_url="http://x.test/v1", http_client=http_client
        ) as client:
            assert capture(client, to=noted.append) is client
            client.chat.completions.create(**ARGUMENTS)
        assert noted == ["gen-1"]


def test_a_capturing_transport_can_be_passed_to_the_http_client(openai, stub, path):
    """For applications that construct the HTTP client."""
    transport = CaptureTransport(httpx2.HTTPTransport(), to=path)
    with openai.OpenAI(
        api_key=stub.api_key,
        base_url=stub.base_url,
        http_client=httpx2.Client(transport=transport),
    ) as client:
        client.chat.completions.create(**ARGUMENTS)
    assert ledger_ids(path) == stub.chat.ids != []


def test_subclasses_and_copies_are_captured(openai):
    """The client for Azure is a subclass; `with_options` makes a copy."""
    noted = []

    def respond(request):
        return httpx2.Response(200, json={"id": "gen-1", "choices": []})

    client = openai.AzureOpenAI(
        api_key="k",
        azure_endpoint="http://x.test",
        api_version="2024-10-21",
        http_client=httpx2.Client(transport=httpx2.MockTransport(respond)),
    )
    with capture(client, to=noted.append):
        client.with_options(max_retries=0).chat.completions.create(**ARGUMENTS)
    assert noted == ["gen-1"]


def test_completions_have_the_labels_of_their_block(stub, path, client):
    """Of each thread and task."""

    def complete(name):
        with labels(feature=name):
            return client.chat.completions.create(**ARGUMENTS).id

    async def main():
        with labels(tenant="acme"):
            return await asyncio.gather(*(asyncio.to_thread(complete, f"f{n}") for n in range(4)))

    ids = asyncio.run(main())
    unlabelled = client.chat.completions.create(**ARGUMENTS).id
    with Ledger(path) as ledger:
        labels_by_id = [dict(ledger.labels(generation_id)) for generation_id in (*ids, unlabelled)]
    assert labels_by_id == [*({"tenant": "acme", "feature": f"f{n}"} for n in range(4)), {}]


def test_a_stream_has_the_labels_at_its_request(stub, path, client):
    """Not those at the time when it is read."""
    stub.chat.unnamed()
    with labels(feature="search"):
        stream = client.chat.completions.create(**ARGUMENTS, stream=True)
    with labels(feature="other"):
        list(stream)
    with Ledger(path) as ledger:
        assert ledger.labels(stub.chat.ids[0]) == {"feature": "search"}
