"""`client.generations`: records, and the errors instead of them."""

import pickle
import socket

import httpx
import pytest

import modelgates_client
from modelgates_client import (
    APIConnectionError,
    APIStatusError,
    ClientClosedError,
    ConfigurationError,
    FieldError,
    Generation,
    ModelGates,
    ModelGatesError,
    ResponseValidationError,
)

KEY = "sk-mg-do-not-show"


@pytest.fixture
def client(stub):
    with ModelGates(api_key=KEY, base_url=stub.base_url) as client:
        yield client


def failing(client):
    """Return the error of a call; its text and its `repr` show no key, and it pickles."""
    with pytest.raises(ModelGatesError) as caught:
        client.generations.get("gen-1")
    error = caught.value
    assert KEY not in f"{error} {error!r} {vars(error)}"
    twin = pickle.loads(pickle.dumps(error))
    assert (type(twin), str(twin), vars(twin)) == (type(error), str(error), vars(error))
    return error


def test_get_returns_the_record_itself(client, stub, recorded):
    """Not the envelope around it."""
    stub.answers(recorded)
    record = client.generations.get("gen-1 &/?")
    assert type(record) is Generation
    assert record.to_dict() == recorded["data"]
    assert stub.request.path == "/api/v1/generation"
    assert stub.request.args.to_dict(flat=False) == {"id": ["gen-1 &/?"]}
    assert stub.request.headers["Authorization"] == f"Bearer {KEY}"


def test_a_record_with_drift_is_still_a_record(client, stub):
    """What is wrong with it shows when it is read, by its path in the body."""
    stub.answers({"data": {"id": "gen-1", "total_cost": "free"}})
    record = client.generations.get("gen-1")
    assert record.id == "gen-1"
    with pytest.raises(FieldError, match="at /data/total_cost"):
        _ = record.total_cost
    assert "/total_cost" in {entry.pointer for entry in record.drift}


@pytest.mark.parametrize(
    "status", [400, 401, 402, 403, 404, 408, 429, 500, 502, 503, 524, 529, 999]
)
def test_an_error_status_is_a_status_error(client, stub, status):
    """Documented or not, it is an integer, and the body is shown."""
    stub.answers({"error": {"code": status, "message": "No such thing"}}, status)
    error = failing(client)
    assert type(error) is APIStatusError
    assert (type(error.status_code), error.status_code) == (int, status)
    assert "No such thing" in error.body
    assert str(status) in str(error)


def test_the_servers_message_is_the_errors_message(client, stub):
    """Where the spec says where it stands."""
    stub.answers({"error": {"code": 404, "message": "Generation not found"}}, 404)
    assert failing(client).message == "Generation not found"


@pytest.mark.parametrize(
    "body",
    [b"<html>upstream</html>", b"", b"null", b"[]", b"{}", b'{"error": {"code": 1}}', b"\xff"],
)
@pytest.mark.parametrize("status", [404, 502, 529])
def test_an_error_body_of_any_kind_is_a_status_error(client, stub, body, status):
    """HTML from an edge, nothing at all, or JSON without a message."""
    stub.answers(body, status, "text/html")
    error = failing(client)
    assert (type(error), error.status_code) == (APIStatusError, status)
    assert error.body == body.decode("utf-8", "replace")


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"", b"null", b"[]", b"{}", b'{"data": null}', b'{"data": []}', b'{"error": {}}'],
)
def test_success_without_a_record_is_a_validation_error(client, stub, body):
    """A 200 that carries an error object, or none of what the spec says."""
    stub.answers(body)
    error = failing(client)
    assert (type(error), error.status_code) == (ResponseValidationError, 200)
    assert error.body == body.decode()


@pytest.mark.parametrize(("status", "kind"), [(204, "validation"), (302, "status")])
def test_other_statuses_are_no_records(client, stub, status, kind):
    """A redirect is not followed: the key is for this server alone."""
    stub.answers(b"", status, Location="/elsewhere")
    error = failing(client)
    assert type(error) is (ResponseValidationError if kind == "validation" else APIStatusError)


def test_only_the_beginning_of_a_long_body_is_kept(client, stub):
    """Errors stay small enough to log."""
    stub.answers(b"x" * 100_000, 500)
    assert failing(client).body == "x" * 500


def test_a_refused_connection_is_a_connection_error():
    """Nobody listens on a port that was just given back."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    with ModelGates(api_key=KEY, base_url=f"http://127.0.0.1:{port}/api/v1") as client:
        assert type(failing(client)) is APIConnectionError


def test_a_transfer_that_breaks_is_a_connection_error(client, stub):
    """A body that is not what its encoding says never arrived."""
    stub.answers(b"not gzip", **{"Content-Encoding": "gzip"})
    assert type(failing(client)) is APIConnectionError


@pytest.mark.parametrize("url", ["localhost:9", "http://[::1", "http://", "ftp://host/api/v1"])
def test_a_url_that_is_none_of_http_is_refused_at_once(url):
    """The error shows it, and what it should be like."""
    with pytest.raises(ConfigurationError, match="must be like https://"):
        ModelGates(api_key=KEY, base_url=url)


@pytest.mark.parametrize("key", [f"{KEY}\n", f"{KEY}é", f"{KEY} \x00"])
def test_a_key_that_no_header_can_carry_is_not_shown(stub, key):
    """A pasted line break is a common mistake; the error must not print the key."""
    stub.answers({"data": {}})
    with (
        pytest.raises(ModelGatesError) as caught,
        ModelGates(api_key=key, base_url=stub.base_url) as c,
    ):
        c.generations.get("gen-1")
    assert KEY not in f"{caught.value} {caught.value!r}"


def test_a_closed_client_is_an_error_of_ours(stub):
    """All errors of a call derive from one root."""
    stub.answers({"data": {}})
    with ModelGates(api_key=KEY, base_url=stub.base_url) as client:
        client.generations.get("gen-1")
    with pytest.raises(ModelGatesError):
        client.generations.get("gen-1")


ERRORS = {
    "APIConnectionError": ("no answer",),
    "APIStatusError": ("no", 404, "{}"),
    "ClientClosedError": ("closed",),
    "ConfigurationError": ("no key",),
    "FieldError": ("A.b", "/b", "string", "null"),
    "ModelGatesError": (),
    "ResponseValidationError": ("no", 200, ""),
}


def test_every_error_of_the_package_pickles():
    """With its type, its text and its attributes."""
    kinds = {
        name: kind
        for name in modelgates_client.__all__
        if isinstance(kind := getattr(modelgates_client, name), type)
        and issubclass(kind, Exception)
    }
    assert kinds.keys() == ERRORS.keys()
    for name, kind in kinds.items():
        error = kind(*ERRORS[name])
        assert isinstance(error, ModelGatesError)
        twin = pickle.loads(pickle.dumps(error))
        assert (type(twin), str(twin), vars(twin)) == (kind, str(error), vars(error))


@pytest.mark.parametrize("status", [400, 403, 503, 524, 529, 999])
def test_the_servers_words_survive_a_status_that_the_spec_lacks(client, stub, status):
    """Overload and missing rights are when the reason matters most."""
    stub.answers({"error": {"code": status, "message": "Key limit exceeded"}}, status)
    error = failing(client)
    assert (type(error), error.status_code) == (APIStatusError, status)
    assert error.message == "Key limit exceeded"


@pytest.mark.parametrize("body", [{"error": "no"}, {"detail": "no"}, [], b"<html>"])
def test_other_words_are_shown_as_they_begin(client, stub, body):
    """What is not in the form of the API's errors is not taken for one."""
    stub.answers(body, 529)
    error = failing(client)
    assert "does not document" in error.message
    assert error.body


def test_the_server_cannot_steer_the_terminal_by_an_error(client, stub):
    """The text of an error is one line; the attribute keeps what was said."""
    said = "pay\nnow \x1b[2J"
    stub.answers({"error": {"code": 402, "message": said}}, 402)
    error = failing(client)
    assert str(error).isprintable()
    assert error.message == said


@pytest.mark.parametrize("generation_id", ["", "\ud800", "gen-1\n", "\x00"])
def test_an_id_that_no_url_carries_is_refused(client, generation_id):
    """Before anything is sent."""
    with pytest.raises(ConfigurationError, match="generation id"):
        client.generations.get(generation_id)


@pytest.mark.parametrize(
    "url",
    [
        "http://user:hunter2@host/api/v1",
        "http://hunter2@host/api/v1",
        "https://host/api/v1?hunter2",
        "https://host/api/v1#hunter2",
        "http://host:hunter2/",
        "http://[hunter2",
        f"http://{'h' * 64}.org/",
        "http://host/\n",
    ],
)
def test_a_url_that_would_not_be_used_as_it_is_is_refused(url):
    """Credentials in it would take the place of the key; what may be a secret is not shown."""
    with pytest.raises(ConfigurationError) as caught:
        ModelGates(api_key=KEY, base_url=url)
    assert "hunter2" not in f"{caught.value!r} {caught.value}"


def test_a_client_closed_by_another_thread_says_so(stub, monkeypatch):
    """Also when it is closed between the check and the request."""
    stub.answers({"data": {}})
    client = ModelGates(api_key=KEY, base_url=stub.base_url)
    request = httpx.Client.request

    def closed_meanwhile(self, *args, **options):
        client.close()
        return request(self, *args, **options)

    monkeypatch.setattr(httpx.Client, "request", closed_meanwhile)
    with pytest.raises(ClientClosedError):
        client.generations.get("gen-1")
