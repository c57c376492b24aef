"""Servers, trust and headers: what a client connects to, and what it sends."""

import re
import ssl
import sys

import pytest
import trustme

from modelgates_client import (
    DEFAULT_BASE_URL,
    APIConnectionError,
    ConfigurationError,
)
from modelgates_client.transport import options as transport_options

from .servers import KEY, Server, authority, refusing_port


@pytest.fixture
def system_trust(ca_bundle, monkeypatch):
    """A machine whose system trusts the tests' authority."""
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_bundle))
    transport_options._context.cache_clear()  # it is made once
    yield
    transport_options._context.cache_clear()


def trusting():
    """Return a context that trusts the tests' authority, and no other."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority().configure_trust(context)
    return context


# --- the server's URL


def test_the_default_server_is_the_vendors(either):
    """Path included."""
    assert repr(either.make()) == f"{either.kind.__name__}(base_url={DEFAULT_BASE_URL!r})"


def test_the_environment_names_the_server(either, server, monkeypatch):
    """Read when the client is made; an empty variable is as none, an argument comes first."""
    monkeypatch.setenv("MODELGATES_BASE_URL", server.base_url)
    client = either.make()
    monkeypatch.setenv("MODELGATES_BASE_URL", "https://later.example/api/v1")
    assert either(client.generations.get("gen-1")).id == "gen-1"
    assert either(client.with_options(timeout=9).generations.get("gen-1")).id == "gen-1"
    assert "later.example" in repr(either.make())
    assert server.base_url in repr(either.make(server))
    monkeypatch.setenv("MODELGATES_BASE_URL", "")
    assert DEFAULT_BASE_URL in repr(either.make())


@pytest.mark.parametrize("url", ["", "http://api.example", "localhost:9"])
def test_a_bad_server_of_the_environment_or_argument_is_refused(either, monkeypatch, url):
    """An empty argument is no gap to be filled."""
    monkeypatch.setenv("MODELGATES_BASE_URL", url or "ftp://host")
    with pytest.raises(ConfigurationError, match="base_url"):
        either.make()
    with pytest.raises(ConfigurationError, match="base_url"):
        either.make(base_url=url)


@pytest.mark.parametrize("attempt_result", ["", "/", "//"])
def test_the_path_of_the_base_url_is_kept(either, server, attempt_result):
    """With or without a slash at its end."""
    either(either.make(base_url=server.base_url + attempt_result).generations.get("gen-1"))
    assert server.requests[0].target.partition("?")[0] == "/api/v1/generation"


@pytest.mark.parametrize(
    "url",
    [
        "localhost:9",
        "http://[::1",
        "http://",
        "ftp://host/api/v1",
        "https://host:0x50/",
        "https://host:99999/",
        "https:///api",
        "https://ho st/",
        "https://host/a b",
        "https://host/\n",
        "https://h\u00f6st/",
        f"https://{'h' * 64}.org/",
        "https://.host/",
    ],
)
def test_a_url_that_is_none_of_https_is_refused_at_once(either, url):
    """The error says what it should be like."""
    with pytest.raises(ConfigurationError, match=re.escape(DEFAULT_BASE_URL)):
        either.make(base_url=url)


@pytest.mark.parametrize(
    "url",
    [
        "https://user:hunter2@host/api/v1",
        "https://hunter2@host/api/v1",
        "https://host/api/v1?hunter2",
        "https://host/api/v1#hunter2",
        "https://host:hunter2/",
        "https://[hunter2",
    ],
)
def test_a_url_that_may_hold_a_secret_is_refused_unseen(either, url):
    """Credentials in it would take the place of the key."""
    with pytest.raises(ConfigurationError) as caught:
        either.make(base_url=url)
    assert "hunter2" not in f"{caught.value!r} {caught.value}"


@pytest.mark.parametrize(
    "host",
    [
        "modelgates.ai",
        "10.0.0.1",
        "192.168.1.1",
        "0.0.0.0",
        "128.0.0.1",
        "[::]",
        "[fe80::1]",
        "localhost.example",
        "notlocalhost",
        "127.0.0.1.example",
    ],
)
def test_http_beyond_loopback_is_refused(either, host):
    """Anyone on the way could read the key."""
    with pytest.raises(ConfigurationError, match="anyone on the network path could read the key"):
        either.make(base_url=f"http://{host}/api/v1")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "[::1]"])
def test_http_on_loopback_is_for_development(either, host):
    """Nobody else is on the way."""
    assert host in repr(either.make(base_url=f"http://{host}:9/api/v1"))


def test_the_host_header_has_the_port(either, server, client):
    """RFC 9110, section 7.2."""
    either(client.generations.get("gen-1"))
    assert server.requests[0].headers["host"] == f"127.0.0.1:{server.port}"


def test_a_refused_connection_is_a_connection_error(either, no_backoff):
    """Tried again, and counted."""
    client = either.make(base_url=f"http://127.0.0.1:{refusing_port()}/api/v1", max_retries=2)
    with pytest.raises(APIConnectionError) as caught:
        either(client.generations.get("gen-1"))
    assert (type(caught.value), caught.value.attempts) == (APIConnectionError, 3)


# --- trust


@pytest.mark.parametrize("kind", ["str", "path", "context", "system"])
def test_a_certificate_is_trusted_by_any_of_the_ways(either, tls_server, ca_bundle, kind, request):
    """A file, a context of one's own, or what the system trusts (`SSL_CERT_FILE`)."""
    if kind == "system":
        request.getfixturevalue("system_trust")
    arguments = {
        "str": {"ca_bundle": str(ca_bundle)},
        "path": {"ca_bundle": ca_bundle},
        "context": {"ssl_context": trusting()},
        "system": {},
    }[kind]
    client = either.make(tls_server, **arguments)
    assert either(client.generations.get("gen-1")).id == "gen-1"
    assert tls_server.requests[0].key == KEY


@pytest.mark.parametrize("kind", ["ca_bundle", "ssl_context", "default"])
def test_a_bundle_takes_the_place_of_the_systems(either, ca_bundle, kind, system_trust, tmp_path):
    """An unknown authority fails at once, by one attempt, and the request is not sent."""
    other = tmp_path / "other.pem"
    with Server(tls=True) as known, Server(tls=True, stranger=True) as stranger:
        trustme.CA().cert_pem.write_to_path(other)
        arguments, server = {
            "ca_bundle": ({"ca_bundle": other}, known),
            "ssl_context": ({"ssl_context": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}, known),
            "default": ({}, stranger),
        }[kind]
        client = either.make(server, **arguments)
        before = server.connections
        with pytest.raises(APIConnectionError, match="certificate is not trusted") as caught:
            either(client.generations.get("gen-1"))
        assert (type(caught.value), caught.value.attempts) == (APIConnectionError, 1)
        assert server.requests == []
        assert server.is_left()
        assert server.connections == before + 1


def test_a_certificate_for_another_host_is_not_trusted(either, ca_bundle):
    """The name counts, whoever signed it."""
    with Server(tls=True, hosts=("api.example", "localhost")) as server:
        client = either.make(server, ca_bundle=ca_bundle)
        with pytest.raises(APIConnectionError, match="certificate is not trusted") as caught:
            either(client.generations.get("gen-1"))
        assert caught.value.attempts == 1
        assert server.requests == []


def test_a_bundle_and_a_context_exclude_each_other(either, ca_bundle):
    """Which of them would count is a guess."""
    with pytest.raises(ConfigurationError, match="mutually exclusive"):
        either.make(ca_bundle=ca_bundle, ssl_context=trusting())


@pytest.mark.parametrize("content", [None, b"", b"no PEM", b"-----BEGIN CERTIFICATE-----\nAA\n"])
def test_a_bundle_that_cannot_be_used_is_refused_at_once(either, tmp_path, content):
    """The error names it: it would be every call's error else."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=re.escape("ca.pem")):
        either.make(ca_bundle=path)
    with pytest.raises(ConfigurationError, match="cannot be used"):
        either.make(ca_bundle=tmp_path)


# --- headers


def test_what_is_sent_by_default(either, server, client):
    """No more than is needed, and who asks."""
    either(client.generations.get("gen-1"))
    headers = server.requests[0].headers
    assert headers.keys() == {"host", "accept", "user-agent", "accept-encoding", "authorization"}
    assert headers["accept"] == "application/json"
    minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert re.fullmatch(rf"modelgates-client/[0-9.]+ python/{minor}", headers["user-agent"])


def test_headers_of_ones_own_are_sent_with_every_request(either, server):
    """The default ones can be changed, in any spelling; the attribution headers have names."""
    client = either.make(
        server,
        headers={"X-One": "a b", "USER-AGENT": "mine/1"},
        http_referer="https://site.example",
        x_modelgates_title="My title",
    )
    for _ in range(2):
        either(client.generations.get("gen-1"))
    for asked in server.requests:
        assert asked.headers["x-one"] == "a b"
        assert asked.headers["user-agent"] == "mine/1"
        assert asked.headers["http-referer"] == "https://site.example"
        assert asked.headers["x-modelgates-title"] == "My title"


@pytest.mark.parametrize("bad", ["a\r\nX-Two: b", "a\nb", "a\0", "é", "\x7f"])
def test_a_value_that_no_header_carries_is_refused(either, bad):
    """It would be another header."""
    for arguments in ({"headers": {"X": bad}}, {"http_referer": bad}, {"x_modelgates_title": bad}):
        with pytest.raises(ConfigurationError, match="cannot be sent"):
            either.make(**arguments)


@pytest.mark.parametrize("name", ["", "X Y", "X:", "X\r\nY", "é", "X\0"])
def test_a_name_that_no_header_has_is_refused(either, name):
    """RFC 9110, section 5.6.2."""
    with pytest.raises(ConfigurationError, match="cannot be sent"):
        either.make(headers={name: "value"})


@pytest.mark.parametrize(
    "name", ["Accept-Encoding", "connection", "Content-Length", "HOST", "Transfer-Encoding"]
)
def test_the_headers_of_the_transport_are_its_own(either, name):
    """A wrong one would break the connection, or name another server."""
    with pytest.raises(ConfigurationError, match="is set by the client"):
        either.make(headers={name: "1"})


def test_the_first_headers_are_not_shared_with_the_caller(either, server):
    """Changing the mapping later changes nothing."""
    headers = {"X-One": "1"}
    client = either.make(server, headers=headers)
    headers["X-One"] = "2"
    either(client.generations.get("gen-1"))
    assert server.requests[0].headers["x-one"] == "1"
