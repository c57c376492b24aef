"""What every operation is under, whatever it is: retries by its method, its own servers, pages."""

import json
import warnings

import pytest

from modelgates_api.api import OPERATIONS
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

from .servers import KEY, Server, drip, hang_up, refusal, refusing_port, says, silence

ANYTHING = decoders.ANYTHING
ERROR = Content(decoders.Object(ErrorResponse))
POST = Operation(
    "post-it",
    "POST",
    "/it",
    {"200": Content(ANYTHING), "404": ERROR, "502": ERROR},
    bodies=(Body("application/json"),),
)
DONE = says({"done": True})


def posted():
    """Return a call with a body."""
    return POST.call({}, {"name": "é"})


@pytest.fixture
def client(either, server, no_backoff):
    """A client that tries again at once."""
    return either.make(server)


def sent(server):
    """Return how many requests came."""
    return len(server.requests)


def test_a_body_arrives_with_the_key_and_its_type(either, server, client):
    """Over each engine."""
    server.answers(DONE)
    assert either(client.send(posted())) == {"done": True}
    (asked,) = server.requests
    assert (asked.method, asked.target, asked.key) == ("POST", "/api/v1/it", KEY)
    assert json.loads(asked.body) == {"name": "é"}
    assert asked.headers["content-type"] == "application/json"


def test_a_connection_carries_one_body_after_the_other(either, server, client):
    """And what has none, between them; a POST without a body says that it has none."""
    server.answers(DONE)
    bare = POST._replace(bodies=())
    for call in (posted(), OPERATIONS["get-generation"].call({"id": "a"}), bare.call({}), posted()):
        either(client.send_raw(call))
    assert server.connections == 1
    assert [len(asked.body) > 0 for asked in server.requests] == [True, False, False, True]
    assert [asked.headers.get("content-length") for asked in server.requests][1:3] == [None, "0"]


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
def test_what_the_server_may_have_acted_on_is_not_sent_again(
    either, server, client, reaction, error
):
    """RFC 9110, section 9.2.2: a POST is not idempotent."""
    server.answers(reaction, DONE)
    with pytest.raises(error) as caught:
        either(client.send(posted()))
    assert (sent(server), caught.value.attempts) == (1, 1)


@pytest.mark.parametrize(
    "reaction",
    [
        refusal(429),
        refusal(503, retry_after="0"),
        refusal(500, x_should_retry="true"),
    ],
)
def test_what_the_server_did_not_act_on_is_sent_again(either, server, client, reaction):
    """It says so itself."""
    server.answers(reaction, DONE)
    response = either(client.send_raw(posted()))
    assert (response.attempts, sent(server)) == (2, 2)
    assert {asked.body for asked in server.requests} == {posted().content}


def test_without_a_connection_it_is_tried_again(either, no_backoff):
    """Nothing was sent."""
    client = either.make(base_url=f"http://127.0.0.1:{refusing_port()}/api/v1", max_retries=2)
    with pytest.raises(APIConnectionError) as caught:
        either(client.send(posted()))
    assert caught.value.attempts == 3


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_an_idempotent_method_is_sent_again(either, server, client, method):
    """Whatever it failed by."""
    operation = POST._replace(method=method, bodies=())
    server.answers(refusal(502), hang_up, DONE)
    assert either(client.send_raw(operation.call({}))).attempts == 3


def test_an_idempotency_key_lets_any_method_be_sent_again(either, server, client):
    """With the same key each time."""
    server.answers(refusal(502), hang_up, DONE)
    either(client.send(posted(), idempotency_key="once-1"))
    assert [asked.headers["idempotency-key"] for asked in server.requests] == ["once-1"] * 3


def test_a_deadline_holds_for_a_body_too(either, server, client):
    """However slowly the answer comes."""
    for reaction in (silence, drip):
        server.answers(reaction)
        with pytest.raises(APITimeoutError):
            either(client.send(posted(), timeout=0.3))


def test_the_options_of_a_call_are_its_own(either, server, client):
    """The next call is as the client has it."""
    server.answers(refusal(500), DONE)
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
def test_an_option_that_cannot_be_used_is_refused(either, server, client, options):
    """Before anything is sent."""
    with pytest.raises(ConfigurationError):
        either(client.send(posted(), **options))
    assert server.requests == []


def test_what_is_no_call_is_refused(either, client):
    """In words."""
    with pytest.raises(ConfigurationError, match="not a call"):
        either(client.send("gen-1"))


# --- answers


def test_an_error_has_its_documented_body(either, server, client):
    """Whatever schema that has; one that is not documented has none."""
    problem = Content(decoders.Array(decoders.STRING))
    operation = POST._replace(method="GET", bodies=(), responses={"404": problem, "409": ERROR})
    server.answers(says(["gone"], 404), refusal(409), refusal(418))
    for expected, kind in ((["gone"], NotFoundError), (ErrorResponse, APIStatusError)):
        with pytest.raises(kind) as caught:
            either(client.send(operation.call({})))
        assert caught.value.parsed == expected or type(caught.value.parsed) is expected
        assert type(caught.value) is not EndpointNotFoundError
    with pytest.raises(APIStatusError) as caught:
        either(client.send(operation.call({})))
    assert caught.value.parsed is None


def test_an_error_that_a_success_may_hold_is_none(either, server, client):
    """Where the spec has a field `error` in it."""
    success = Content(decoders.Object(ErrorResponse))
    operation = POST._replace(method="GET", bodies=(), responses={"200": success})
    server.answers(says({"error": {"code": 404, "message": "of a part"}}))
    assert either(client.send(operation.call({}))).error.code == 404


def test_texts_octets_and_nothing_are_answers(either, server, client):
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
    server.answers(says(b"hi\xff"), says(b"\x00\xff", 202), says(b"", 204))
    assert either(client.send(operation.call({}))) == "hi\N{REPLACEMENT CHARACTER}"
    assert either(client.send(operation.call({}))).payload.read() == b"\x00\xff"
    assert either(client.send(operation.call({}))) is None
    assert server.requests[0].headers["accept"] == "text/plain, image/png, application/json"


def test_an_event_stream_is_refused_by_its_name(either, server, client):
    """It was asked for by the body, perhaps; it is not JSON that is broken."""
    server.answers(says(b"data: 1\n\n", Content_Type="text/event-stream"))
    with pytest.raises(ResponseValidationError, match="event stream, which is not supported"):
        either(client.send(posted()))


# --- what the spec says of an operation besides


def test_an_operation_without_security_gets_no_key(either, server, client):
    """Nor has it any in what is logged."""
    server.answers(DONE)
    public = POST._replace(is_secured=False)
    either(client.send(public.call({}, {"a": 1})))
    either(client.send(public._replace(method="GET").call({})))
    assert ["authorization" in asked.headers for asked in server.requests] == [False, False]


def test_who_names_a_server_means_that_one(either, server, client):
    """The key goes to no server that the caller did not name."""
    server.answers(DONE)
    elsewhere = POST._replace(servers=("https://elsewhere.example/v9",))
    either(client.send(elsewhere.call({}, {})))
    assert [asked.target for asked in server.requests] == ["/api/v1/it"]


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        ("/api/beta", "modelgates.ai", "/api/beta"),
        ("https://other.modelgates.ai/v9/", "other.modelgates.ai", "/v9"),
    ],
)
def test_an_operation_has_its_own_server_where_the_client_is_of_the_specs(either, url, host, path):
    """Relative to the spec's, or absolute; one client of it serves all calls."""
    client = either.make()
    call = POST._replace(servers=(url,)).call({}, {})
    client = client._client_for(call)
    network = client._settings.network.server
    assert (network.host, network.path) == (host, path)
    assert client._client_for(call) is client
    assert client._client_for(posted()) is client


def test_many_go_to_the_servers_of_their_operations(either, server, monkeypatch):
    """Each with the key, over connections that are closed when all are answered."""
    with Server() as other:
        for one in (server, other):
            one.answers(DONE)
        monkeypatch.setattr("modelgates_client.client.base.DEFAULT_BASE_URL", server.base_url)
        client = either.make(server)
        elsewhere = POST._replace(method="GET", bodies=(), servers=(f"{other.base_url}/v9",))
        calls = [posted(), elsewhere.call({}), elsewhere.call({}), posted()]
        answers = either.gather(client.send_many(calls, ordered=True))
        assert [answer.response.parsed for answer in answers] == [{"done": True}] * 4
        assert [answer.call for answer in answers] == calls
        targets = [[asked.target for asked in one.requests] for one in (server, other)]
        assert targets == [["/api/v1/it"] * 2, ["/api/v1/v9/it"] * 2]
        assert {asked.key for one in (server, other) for asked in one.requests} == {KEY}
        assert either.is_given or other.is_left()


def test_a_deprecated_operation_warns_once(either, server, client):
    """A client and those that are made of it."""
    server.answers(DONE)
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


def listed(**pages):
    """Return an operation whose pages are in what its schema does not name."""
    return LISTED._replace(pages=Pages(**pages))


def gathered(either, items):
    """Return all items of an iterator, awaited where it must be."""

    async def all_of():
        return [item async for item in items]

    return either(all_of()) if either.is_async else list(items)


def test_pages_follow_by_an_offset_until_one_is_empty(either, server, client):
    """A page that is shorter than asked for may be the longest that the API gives."""
    server.answers(*(says({"items": items}) for items in ([1, 2], [3], [])))
    call = listed(items=("items",), offset="offset").call({"limit": 5, "offset": None})
    assert gathered(either, client.paginate(call)) == [1, 2, 3]
    assert [asked.target.partition("?")[2] for asked in server.requests] == [
        "limit=5",
        "limit=5&offset=2",
        "limit=5&offset=3",
    ]


def test_pages_follow_by_a_cursor_until_there_is_none(either, server, client):
    """Wherever the cursor stands."""
    server.answers(
        says({"items": [1], "paging": {"next": "a"}}), says({"items": [2], "paging": {"next": ""}})
    )
    pages = {"items": ("items",), "cursor": "offset", "next": ("paging", "next")}
    call = listed(**pages).call({"limit": None, "offset": None})
    assert gathered(either, client.paginate(call)) == [1, 2]
    assert server.requests[1].target.endswith("?offset=a")


def test_an_api_that_says_that_there_are_no_more_is_believed(either, server, client):
    """No request is made for an empty page."""
    server.answers(says({"items": [1], "more": True}), says({"items": [2], "more": False}))
    call = listed(items=("items",), offset="offset", more=("more",)).call(
        {"limit": None, "offset": 0}
    )
    assert gathered(either, client.paginate(call)) == [1, 2]
    assert sent(server) == 2


def test_pages_are_fetched_when_they_are_needed(either, server, client):
    """And the connection is free between them."""
    server.answers(says({"items": [1, 2]}), says({"items": [3]}), says({"items": []}))
    items = client.paginate(
        listed(items=("items",), offset="offset").call({"limit": None, "offset": None})
    )

    async def first():
        return await anext(items)

    async def close():
        await items.aclose()

    assert (either(first()) if either.is_async else next(items)) == 1
    assert sent(server) == 1
    either(close()) if either.is_async else items.close()


def test_a_server_that_gives_one_page_for_ever_is_an_error(either, server, client):
    """It ignores the offset: there would be no end."""
    server.answers(says({"items": [1]}))
    call = listed(items=("items",), offset="offset").call({"limit": None, "offset": None})
    with pytest.raises(ResponseValidationError, match="repeats the one before"):
        gathered(either, client.paginate(call))
    assert sent(server) == 2


def test_pages_are_under_the_promises_of_any_call(either, server, client):
    """Each is tried again; what it fails by is raised when it is needed."""
    server.answers(says({"items": [1]}), refusal(502), says({"items": []}))
    call = listed(items=("items",), offset="offset").call({"limit": None, "offset": None})
    assert gathered(either, client.paginate(call)) == [1]
    server.answers(says({"items": [1]}), refusal(404))
    with pytest.raises(NotFoundError):
        gathered(either, client.paginate(call))


def test_items_that_cannot_be_read_are_an_error(either, server, client):
    """Not an empty page."""
    server.answers(says({"error": "none"}))
    call = listed(items=("error",), offset="offset").call({"limit": None, "offset": None})
    with pytest.raises(FieldError):
        gathered(either, client.paginate(call))


def test_what_gives_no_pages_is_refused(client):
    """At once."""
    with pytest.raises(ConfigurationError, match="post-it is not paginated"):
        client.paginate(posted())


# --- many calls


def test_many_calls_are_answered_or_not_each_by_itself(either, server, client):
    """In the order of the calls, if that is asked for; a failure stops nothing."""

    def by_number(asked, _):
        number = int(json.loads(asked.body)["number"])
        return refusal(400) if number == 3 else says({"number": number})

    server.answers(by_number)
    calls = [POST.call({}, {"number": number}) for number in range(6)]
    found = gathered(either, client.send_many(calls, ordered=True))
    assert [one.call for one in found] == calls
    assert [getattr(one, "error", None) is None for one in found] == [n != 3 for n in range(6)]
    assert found[5].result() == {"number": 5}
    with pytest.raises(APIStatusError):
        found[3].result()
    assert sent(server) == 6


def test_of_many_calls_none_is_sent_twice_that_may_not_be(either, server, client):
    """Not even in what looks like an outage."""
    server.answers(refusal(502))
    calls = [POST.call({}, {"number": number}) for number in range(4)]
    found = gathered(either, client.send_many(calls, concurrency=2, outage_timeout=20))
    assert [type(one.error) for one in found] == [BadGatewayError] * 4
    assert sorted(json.loads(asked.body)["number"] for asked in server.requests) == [0, 1, 2, 3]


def test_many_refusals_for_the_rate_are_asked_again(either, server, client):
    """A 429 says that nothing was done."""
    server.answers(refusal(429, retry_after="0"), DONE)
    calls = [POST.call({}, {"number": number}) for number in range(4)]
    found = gathered(either, client.send_many(calls))
    assert [one.result() for one in found] == [{"done": True}] * 4
    assert sent(server) == 5


def test_what_is_no_call_fails_alone(either, server, client):
    """Beside the others."""
    server.answers(DONE)
    found = gathered(either, client.send_many([posted(), "gen-1"], ordered=True))
    assert found[0].result() == {"done": True}
    assert type(found[1].error) is ConfigurationError
