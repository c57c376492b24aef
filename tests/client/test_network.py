"""Servers, trust and headers: where a client connects, and what it sends."""

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
    """Make the system trust the tests' authority."""
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_bundle))
    transport_options._context.cache_clear()  # the context is cached
    yield
    transport_options._context.cache_clear()


def trusting_context():
    """Return a context that trusts only the tests' authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority().configure_trust(context)
    return context


# --- the server's URL


def test_a_client_without_a_base_url_uses_the_default_server(either):
    """Including the path."""
    assert repr(either.make()) == f"{either.kind.__name__}(base_url={DEFAULT_BASE_URL!r})"


def test_the_environment_sets_the_server(either, server, monkeypatch):
    """Read at construction; an empty variable counts as none, an argument takes precedence."""
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
def test_an_invalid_base_url_is_rejected(either, monkeypatch, url):
    """An empty argument is not replaced by the environment's."""
    monkeypatch.setenv("MODELGATES_BASE_URL", url or "ftp://host")
    with pytest.raises(ConfigurationError, match="base_url"):
        either.make()
    with pytest.raises(ConfigurationError, match="base_url"):
        either.make(base_url=url)


@pytest.mark.parametrize("attempt_result", ["", "/", "//"])
def test_the_path_of_the_base_url_is_kept(either, server, attempt_result):
    """With or without a trailing slash."""
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
def test_a_url_without_https_is_rejected(either, url):
    """The error has an example."""
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
def test_a_url_with_credentials_is_rejected_and_not_shown(either, url):
    """They would replace the key."""
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
    """Anyone on the network path could read the key."""
    with pytest.raises(ConfigurationError, match="anyone on the network path could read the key"):
        either.make(base_url=f"http://{host}/api/v1")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "[::1]"])
def test_http_on_loopback_is_allowed(either, host):
    """For development: there is no network path."""
    assert host in repr(either.make(base_url=f"http://{host}:9/api/v1"))


def test_the_host_header_has_the_port(either, server, client):
    """RFC 9110, section 7.2."""
    either(client.generations.get("gen-1"))
    assert server.requests[0].headers["host"] == f"127.0.0.1:{server.port}"


def test_a_refused_connection_is_a_connection_error(either, no_backoff):
    """It is retried, and the attempts are counted."""
    client = either.make(base_url=f"http://127.0.0.1:{refusing_port()}/api/v1", max_retries=2)
    with pytest.raises(APIConnectionError) as caught:
        either(client.generations.get("gen-1"))
    assert (type(caught.value), caught.value.attempts) == (APIConnectionError, 3)


# --- trust


@pytest.mark.parametrize("kind", ["str", "path", "context", "system"])
def test_a_certificate_can_be_trusted_in_several_ways(either, tls_server, ca_bundle, kind, request):
    """By a file, an SSL context, or the system's trust store (`SSL_CERT_FILE`)."""
    if kind == "system":
        request.getfixturevalue("system_trust")
    arguments = {
        "str": {"ca_bundle": str(ca_bundle)},
        "path": {"ca_bundle": ca_bundle},
        "context": {"ssl_context": trusting_context()},
        "system": {},
    }[kind]
    client = either.make(tls_server, **arguments)
    assert either(client.generations.get("gen-1")).id == "gen-1"
    assert tls_server.requests[0].key == KEY


@pytest.mark.parametrize("kind", ["ca_bundle", "ssl_context", "default"])
def test_a_bundle_replaces_the_trust_store_of_the_system(
    either, ca_bundle, kind, system_trust, tmp_path
):
    """An unknown authority fails after one attempt, and the request is not sent."""
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
        assert server.all_connections_closed()
        assert server.connections == before + 1


def test_a_certificate_for_another_host_is_not_trusted(either, ca_bundle):
    """Even from a trusted authority."""
    with Server(tls=True, hosts=("api.example", "localhost")) as server:
        client = either.make(server, ca_bundle=ca_bundle)
        with pytest.raises(APIConnectionError, match="certificate is not trusted") as caught:
            either(client.generations.get("gen-1"))
        assert caught.value.attempts == 1
        assert server.requests == []


def test_a_bundle_and_a_context_exclude_each_other(either, ca_bundle):
    """It would be unclear which one applies."""
    with pytest.raises(ConfigurationError, match="mutually exclusive"):
        either.make(ca_bundle=ca_bundle, ssl_context=trusting_context())


@pytest.mark.parametrize("content", [None, b"", b"no PEM", b"-----BEGIN CERTIFICATE-----\nAA\n"])
def test_an_unusable_bundle_is_rejected_at_construction(either, tmp_path, content):
    """The error names it; otherwise every call would fail."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=re.escape("ca.pem")):
        either.make(ca_bundle=path)
    with pytest.raises(ConfigurationError, match="cannot be used"):
        either.make(ca_bundle=tmp_path)


# --- headers


def test_default_headers(either, server, client):
    """No more than needed, and the user agent."""
    either(client.generations.get("gen-1"))
    headers = server.requests[0].headers
    assert headers.keys() == {"host", "accept", "user-agent", "accept-encoding", "authorization"}
    assert "application/json" in headers["accept"].split(", ")  # with a charset, in some specs
    minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert re.fullmatch(rf"modelgates-client/[0-9.]+ python/{minor}", headers["user-agent"])


def test_custom_headers_are_sent_with_every_request(either, server):
    """They may replace the defaults in any spelling; attribution headers have their own options."""
    client = either.make(
        server,
        headers={"X-One": "a b", "USER-AGENT": "mine/1"},
        http_referer="https://site.example",
        x_modelgates_title="My title",
    )
    for _ in range(2):
        either(client.generations.get("gen-1"))
    for request in server.requests:
        assert request.headers["x-one"] == "a b"
        assert request.headers["user-agent"] == "mine/1"
        assert request.headers["http-referer"] == "https://site.example"
        assert request.headers["x-modelgates-title"] == "My title"


@pytest.mark.parametrize("bad", ["a\r\nX-Two: b", "a\nb", "a\0", "é", "\x7f"])
def test_an_invalid_header_value_is_rejected(either, bad):
    """It could inject another header."""
    for arguments in ({"headers": {"X": bad}}, {"http_referer": bad}, {"x_modelgates_title": bad}):
        with pytest.raises(ConfigurationError, match="cannot be sent"):
            either.make(**arguments)


@pytest.mark.parametrize("name", ["", "X Y", "X:", "X\r\nY", "é", "X\0"])
def test_an_invalid_header_name_is_rejected(either, name):
    """RFC 9110, section 5.6.2."""
    with pytest.raises(ConfigurationError, match="cannot be sent"):
        either.make(headers={name: "value"})


@pytest.mark.parametrize(
    "name", ["Accept-Encoding", "connection", "Content-Length", "HOST", "Transfer-Encoding"]
)
def test_transport_headers_cannot_be_set(either, name):
    """A wrong value would break the connection, or address another server."""
    with pytest.raises(ConfigurationError, match="is set by the client"):
        either.make(headers={name: "1"})


def test_headers_are_copied(either, server):
    """Changing the mapping later has no effect."""
    headers = {"X-One": "1"}
    client = either.make(server, headers=headers)
    headers["X-One"] = "2"
    either(client.generations.get("gen-1"))
    assert server.requests[0].headers["x-one"] == "1"
