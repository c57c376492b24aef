"""Behaviour common to all operations: retries by method, own servers, pagination."""

import json
import warnings

import pytest

from modelgates_api.api.generations.get_generation import OPERATION as GET_GENERATION
from modelgates_api.models import ErrorResponse
from modelgates_client import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    BadGatewayError,
    ConfigurationError,
    EndpointNotFoundError,
    FieldError,
    InternalServerError,
    NotFoundError,
    OverloadedError,
    ResponseValidationError,
    ServerError,
)
from modelgates_runtime import decoders
from modelgates_runtime.operation import Content, Operation
from modelgates_runtime.paging import Pages
from modelgates_runtime.requests import Body, Parameter

from .servers import KEY, Server, drip, hang_up, json_response, refusal, refusing_port, silence

ANYTHING = decoders.ANYTHING
ERROR = Content(decoders.Object(ErrorResponse))
POST = Operation(
    "post-it",
    "POST",
    "/it",
    {"200": Content(ANYTHING), "404": ERROR, "502": ERROR},
    bodies=(Body("application/json"),),
)
DONE = json_response({"done": True})


def create_post():
    """Return a call with a body."""
    return POST.call({}, {"name": "é"})


@pytest.fixture
def client(either, server, no_backoff):
    """A client without backoff."""
    return either.make(server)


def sent_count(server):
    """Return the number of requests sent."""
    return len(server.requests)


def test_a_body_arrives_with_the_key_and_its_type(either, server, client):
    """With each engine."""
    server.respond_with(DONE)
    assert either(client.send(create_post())) == {"done": True}
    (request,) = server.requests
    assert (request.method, request.target, request.key) == ("POST", "/api/v1/it", KEY)
    assert json.loads(request.body) == {"name": "é"}
    assert request.headers["content-type"] == "application/json"


def test_a_connection_can_send_several_bodies(either, server, client):
    """Also requests without a body; a POST without a body has a length of 0."""
    server.respond_with(DONE)
    bare = POST._replace(bodies=())
    for call in (
        create_post(),
        GET_GENERATION.call({"id": "a"}),
        bare.call({}),
        create_post(),
    ):
        either(client.send_raw(call))
    assert server.connections == 1
    assert [len(request.body) > 0 for request in server.requests] == [True, False, False, True]
    assert [request.headers.get("content-length") for request in server.requests][1:3] == [
        None,
        "0",
    ]


@pytest.mark.parametrize(
    ("reaction", "error"),
    [
        (refusal(500), InternalServerError),
        (refusal(502), BadGatewayError),
        (refusal(503), ServerError),
        (refusal(529), OverloadedError),
        (refusal(408), APIStatusError),
        (hang_up, APIConnectionError),
    ],
)
def test_a_post_that_may_have_been_processed_is_not_retried(
    either, server, client, reaction, error
):
    """RFC 9110, section 9.2.2: a POST is not idempotent."""
    server.respond_with(reaction, DONE)
    with pytest.raises(error) as caught:
        either(client.send(create_post()))
    assert (sent_count(server), caught.value.attempts) == (1, 1)


@pytest.mark.parametrize(
    "reaction",
    [
        refusal(429),
        refusal(503, retry_after="0"),
        refusal(500, x_should_retry="true"),
    ],
)
def test_a_post_that_was_not_processed_is_retried(either, server, client, reaction):
    """The server says so."""
    server.respond_with(reaction, DONE)
    response = either(client.send_raw(create_post()))
    assert (response.attempts, sent_count(server)) == (2, 2)
    assert {request.body for request in server.requests} == {create_post().content}


def test_a_post_without_a_connection_is_retried(either, no_backoff):
    """No byte was sent."""
    client = either.make(base_url=f"http://127.0.0.1:{refusing_port()}/api/v1", max_retries=2)
    with pytest.raises(APIConnectionError) as caught:
        either(client.send(create_post()))
    assert caught.value.attempts == 3


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_idempotent_methods_are_retried(either, server, client, method):
    """After any retryable error."""
    operation = POST._replace(method=method, bodies=())
    server.respond_with(refusal(502), hang_up, DONE)
    assert either(client.send_raw(operation.call({}))).attempts == 3


def test_requests_with_an_idempotency_key_are_retried(either, server, client):
    """With the same key each time."""
    server.respond_with(refusal(502), hang_up, DONE)
    either(client.send(create_post(), idempotency_key="once-1"))
    assert [request.headers["idempotency-key"] for request in server.requests] == ["once-1"] * 3


def test_the_deadline_applies_to_requests_with_a_body(either, server, client):
    """However slow the response is."""
    for reaction in (silence, drip):
        server.respond_with(reaction)
        with pytest.raises(APITimeoutError):
            either(client.send(create_post(), timeout=0.3))


def test_options_of_a_call_apply_only_to_it(either, server, client):
    """The next call has the options of the client."""
    server.respond_with(refusal(500), DONE)
    get = POST._replace(method="GET", bodies=()).call({})
    with pytest.raises(InternalServerError) as caught:
        either(client.send(get, max_retries=0, headers={"X-Trace": "1", "User-Agent": "me"}))
    assert caught.value.attempts == 1
    either(client.send(get))
    first, second = server.requests
    assert (first.headers["x-trace"], first.headers["user-agent"]) == ("1", "me")
    assert "x-trace" not in second.headers
    assert second.headers["user-agent"].startswith("modelgates-client")


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 0},
        {"max_retries": -1},
        {"validation": "odd"},
        {"headers": {"Authorization": "Bearer other"}},
        {"headers": {"X": "a\r\nb"}},
        {"idempotency_key": "a\nb"},
        {"idempotency_key": 5},
        {"tiemout": 1},
    ],
)
def test_an_invalid_option_of_a_call_is_rejected(either, server, client, options):
    """Before any request is sent."""
    with pytest.raises(ConfigurationError):
        either(client.send(create_post(), **options))
    assert server.requests == []


def test_an_object_that_is_not_a_call_is_rejected(either, client):
    """With an error that says what is expected."""
    with pytest.raises(ConfigurationError, match="not a call"):
        either(client.send("gen-1"))


# --- responses


def test_an_error_has_its_documented_model(either, server, client):
    """With any schema; None if the status is undocumented."""
    problem = Content(decoders.Array(decoders.STRING))
    operation = POST._replace(method="GET", bodies=(), responses={"404": problem, "409": ERROR})
    server.respond_with(json_response(["gone"], 404), refusal(409), refusal(418))
    for expected, kind in ((["gone"], NotFoundError), (ErrorResponse, APIStatusError)):
        with pytest.raises(kind) as caught:
            either(client.send(operation.call({})))
        assert caught.value.parsed == expected or type(caught.value.parsed) is expected
        assert type(caught.value) is not EndpointNotFoundError
    with pytest.raises(APIStatusError) as caught:
        either(client.send(operation.call({})))
    assert caught.value.parsed is None


def test_a_documented_error_field_of_a_success_is_not_an_error(either, server, client):
    """If the spec has a field `error` in the model."""
    success = Content(decoders.Object(ErrorResponse))
    operation = POST._replace(method="GET", bodies=(), responses={"200": success})
    server.respond_with(json_response({"error": {"code": 404, "message": "of a part"}}))
    assert either(client.send(operation.call({}))).error.code == 404


def test_text_binary_and_empty_responses_are_supported(either, server, client):
    """By the media type of the status."""
    operation = Operation(
        "get-it",
        "GET",
        "/it",
        {
            "200": Content(decoders.STRING, "text/plain"),
            "202": Content(decoders.FILE, "image/png"),
            "204": Content(),
        },
    )
    server.respond_with(
        json_response(b"hi\xff"), json_response(b"\x00\xff", 202), json_response(b"", 204)
    )
    assert either(client.send(operation.call({}))) == "hi\N{REPLACEMENT CHARACTER}"
    assert either(client.send(operation.call({}))).payload.read() == b"\x00\xff"
    assert either(client.send(operation.call({}))) is None
    assert server.requests[0].headers["accept"] == "text/plain, image/png, application/json"


def test_an_event_stream_is_rejected_by_name(either, server, client):
    """The body may have requested it; it is not reported as invalid JSON."""
    server.respond_with(json_response(b"data: 1\n\n", Content_Type="text/event-stream"))
    with pytest.raises(ResponseValidationError, match="event stream, which is not supported"):
        either(client.send(create_post()))


# --- other properties of an operation in the spec


def test_an_operation_without_security_gets_no_key(either, server, client):
    """Nor do its logs show one."""
    server.respond_with(DONE)
    public = POST._replace(is_secured=False)
    either(client.send(public.call({}, {"a": 1})))
    either(client.send(public._replace(method="GET").call({})))
    assert ["authorization" in request.headers for request in server.requests] == [False, False]


def test_an_explicit_base_url_applies_to_all_operations(either, server, client):
    """The key is not sent to a server that the caller did not name."""
    server.respond_with(DONE)
    elsewhere = POST._replace(servers=("https://elsewhere.example/v9",))
    either(client.send(elsewhere.call({}, {})))
    assert [request.target for request in server.requests] == ["/api/v1/it"]


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        ("/api/beta", "modelgates.ai", "/api/beta"),
        ("https://other.modelgates.ai/v9/", "other.modelgates.ai", "/v9"),
    ],
)
def test_operations_use_their_own_server_with_the_default_base_url(either, url, host, path):
    """Relative to the spec's, or absolute; one client serves all of them."""
    client = either.make()
    call = POST._replace(servers=(url,)).call({}, {})
    client = client._client_for(call)
    network = client._settings.network.server
    assert (network.host, network.path) == (host, path)
    assert client._client_for(call) is client
    assert client._client_for(create_post()) is client


def test_send_many_uses_the_servers_of_the_operations(either, server, monkeypatch):
    """Each with the key, on connections that are closed at the end."""
    with Server() as other:
        for one in (server, other):
            one.respond_with(DONE)
        monkeypatch.setattr("modelgates_client.client.base.DEFAULT_BASE_URL", server.base_url)
        client = either.make(server)
        elsewhere = POST._replace(method="GET", bodies=(), servers=(f"{other.base_url}/v9",))
        calls = [create_post(), elsewhere.call({}), elsewhere.call({}), create_post()]
        outcomes = either.gather(client.send_many(calls, ordered=True))
        assert [outcome.response.parsed for outcome in outcomes] == [{"done": True}] * 4
        assert [outcome.call for outcome in outcomes] == calls
        targets = [[request.target for request in one.requests] for one in (server, other)]
        assert targets == [["/api/v1/it"] * 2, ["/api/v1/v9/it"] * 2]
        assert {request.key for one in (server, other) for request in one.requests} == {KEY}
        assert either.is_over_httpx or other.all_connections_closed()


def test_a_deprecated_operation_warns_once(either, server, client):
    """Per client and its derived clients."""
    server.respond_with(DONE)
    call = POST._replace(is_deprecated=True).call({}, {})
    with pytest.warns(DeprecationWarning, match="post-it is deprecated"):
        either(client.send(call))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        either(client.with_options(timeout=3).send(call))
        either(client.send(call))


# --- pages

LISTED = Operation(
    "list-it",
    "GET",
    "/its",
    {"200": Content(decoders.Object(ErrorResponse))},
    parameters=(Parameter("limit", "limit"), Parameter("offset", "offset")),
)


def listing(**pages):
    """Return an operation with pages in fields that its schema does not declare."""
    return LISTED._replace(pages=Pages(**pages))


def collect(either, items):
    """Return all items of an iterator, sync or async."""

    async def all_of():
        return [item async for item in items]

    return either(all_of()) if either.is_async else list(items)


def test_offset_pagination_ends_with_an_empty_page(either, server, client):
    """A page shorter than requested may be the maximum of the API."""
    server.respond_with(*(json_response({"items": items}) for items in ([1, 2], [3], [])))
    call = listing(items=("items",), offset="offset").call({"limit": 5, "offset": None})
    assert collect(either, client.paginate(call)) == [1, 2, 3]
    assert [request.target.partition("?")[2] for request in server.requests] == [
        "limit=5",
        "limit=5&offset=2",
        "limit=5&offset=3",
    ]


def test_cursor_pagination_ends_without_a_cursor(either, server, client):
    """Wherever the cursor is in the response."""
    server.respond_with(
        json_response({"items": [1], "paging": {"next": "a"}}),
        json_response({"items": [2], "paging": {"next": ""}}),
    )
    pages = {"items": ("items",), "cursor": "offset", "next": ("paging", "next")}
    call = listing(**pages).call({"limit": None, "offset": None})
    assert collect(either, client.paginate(call)) == [1, 2]
    assert server.requests[1].target.endswith("?offset=a")


def test_pagination_ends_if_the_api_reports_no_more_pages(either, server, client):
    """No empty page is requested."""
    server.respond_with(
        json_response({"items": [1], "more": True}), json_response({"items": [2], "more": False})
    )
    call = listing(items=("items",), offset="offset", more=("more",)).call(
        {"limit": None, "offset": 0}
    )
    assert collect(either, client.paginate(call)) == [1, 2]
    assert sent_count(server) == 2


def test_pages_are_fetched_only_when_needed(either, server, client):
    """The connection is free between them."""
    server.respond_with(
        json_response({"items": [1, 2]}),
        json_response({"items": [3]}),
        json_response({"items": []}),
    )
    items = client.paginate(
        listing(items=("items",), offset="offset").call({"limit": None, "offset": None})
    )

    async def first():
        return await anext(items)

    async def close():
        await items.aclose()

    assert (either(first()) if either.is_async else next(items)) == 1
    assert sent_count(server) == 1
    either(close()) if either.is_async else items.close()


def test_a_repeated_page_is_an_error(either, server, client):
    """A server that ignores the offset would cause an endless loop."""
    server.respond_with(json_response({"items": [1]}))
    call = listing(items=("items",), offset="offset").call({"limit": None, "offset": None})
    with pytest.raises(ResponseValidationError, match="repeats the one before"):
        collect(either, client.paginate(call))
    assert sent_count(server) == 2


def test_pages_are_retried_and_raise_typed_errors(either, server, client):
    """An error is raised when its page is needed."""
    server.respond_with(json_response({"items": [1]}), refusal(502), json_response({"items": []}))
    call = listing(items=("items",), offset="offset").call({"limit": None, "offset": None})
    assert collect(either, client.paginate(call)) == [1]
    server.respond_with(json_response({"items": [1]}), refusal(404))
    with pytest.raises(NotFoundError):
        collect(either, client.paginate(call))


def test_an_unreadable_list_of_items_is_an_error(either, server, client):
    """It is not an empty page."""
    server.respond_with(json_response({"error": "none"}))
    call = listing(items=("error",), offset="offset").call({"limit": None, "offset": None})
    with pytest.raises(FieldError):
        collect(either, client.paginate(call))


def test_paginating_an_operation_without_pages_is_an_error(client):
    """At once."""
    with pytest.raises(ConfigurationError, match="post-it is not paginated"):
        client.paginate(create_post())


# --- many calls


def test_send_many_yields_one_outcome_per_call(either, server, client):
    """In the order of the calls on request; a failure does not stop the others."""

    def by_number(request, _):
        number = int(json.loads(request.body)["number"])
        return refusal(400) if number == 3 else json_response({"number": number})

    server.respond_with(by_number)
    calls = [POST.call({}, {"number": number}) for number in range(6)]
    outcomes = collect(either, client.send_many(calls, ordered=True))
    assert [outcome.call for outcome in outcomes] == calls
    assert [getattr(outcome, "error", None) is None for outcome in outcomes] == [
        n != 3 for n in range(6)
    ]
    assert outcomes[5].result() == {"number": 5}
    with pytest.raises(APIStatusError):
        outcomes[3].result()
    assert sent_count(server) == 6


def test_send_many_does_not_repeat_non_idempotent_calls(either, server, client):
    """Not even in an apparent outage."""
    server.respond_with(refusal(502))
    calls = [POST.call({}, {"number": number}) for number in range(4)]
    outcomes = collect(either, client.send_many(calls, concurrency=2, outage_timeout=20))
    assert [type(outcome.error) for outcome in outcomes] == [BadGatewayError] * 4
    assert sorted(json.loads(request.body)["number"] for request in server.requests) == [0, 1, 2, 3]


def test_send_many_retries_rate_limited_calls(either, server, client):
    """A 429 means that the call was not processed."""
    server.respond_with(refusal(429, retry_after="0"), DONE)
    calls = [POST.call({}, {"number": number}) for number in range(4)]
    outcomes = collect(either, client.send_many(calls))
    assert [outcome.result() for outcome in outcomes] == [{"done": True}] * 4
    assert sent_count(server) == 5


def test_an_object_that_is_not_a_call_fails_alone(either, server, client):
    """The other calls succeed."""
    server.respond_with(DONE)
    outcomes = collect(either, client.send_many([create_post(), "gen-1"], ordered=True))
    assert outcomes[0].result() == {"done": True}
    assert type(outcomes[1].error) is ConfigurationError
