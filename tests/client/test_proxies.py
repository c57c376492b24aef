"""Proxies: which one is used, what it sees, and what is sent to it."""

import base64
import warnings

import pytest

from modelgates_client import APIConnectionError, ConfigurationError

from .servers import KEY, Server, refusing_port

ELSEWHERE = "https://api.example/api/v1"  # found by the proxy alone


@pytest.fixture
def proxy(tls_server, ca_bundle):
    """A proxy that tunnels to the TLS server, whatever host is requested."""
    with Server(behind=tls_server) as proxy:
        proxy.direct_url = tls_server.base_url
        proxy.ca_bundle = ca_bundle
        yield proxy


def test_a_proxy_cannot_read_https(either, proxy, tls_server, ca_bundle):
    """It gets the host name, which it looks up; the key is sent through the tunnel."""
    client = either.make(base_url=ELSEWHERE, proxy=proxy.url, ca_bundle=ca_bundle)
    for _ in range(2):
        assert either(client.generations.get("gen-1")).id == "gen-1"
    assert [target for target, _ in proxy.connects] == ["api.example:443"]
    assert [request.key for request in tls_server.requests] == [KEY] * 2
    assert tls_server.requests[0].headers["host"] == "api.example"
    assert len(proxy.seen) > 1_000
    assert KEY.encode() not in proxy.seen
    assert KEY not in str(proxy.connects)
    assert b"generation" not in proxy.seen


def test_a_proxy_needs_no_scheme(either, proxy, ca_bundle):
    """As with curl."""
    url = proxy.url.removeprefix("http://")
    client = either.make(base_url=ELSEWHERE, proxy=url, ca_bundle=ca_bundle)
    assert either(client.generations.get("gen-1")).id == "gen-1"


def test_a_proxy_in_the_way_cannot_forge_the_server(either, ca_bundle):
    """The certificate is verified through the tunnel."""
    with Server(tls=True, stranger=True) as forger, Server(behind=forger) as proxy:
        client = either.make(base_url=ELSEWHERE, proxy=proxy.url, ca_bundle=ca_bundle)
        with pytest.raises(APIConnectionError, match="not trusted") as caught:
            either(client.generations.get("gen-1"))
        assert caught.value.attempts == 1
        assert forger.requests == []


@pytest.mark.parametrize(
    ("is_used", "variables"),
    [
        (True, {"HTTPS_PROXY": "{}"}),
        (True, {"https_proxy": "{}"}),
        (True, {"ALL_PROXY": "{}"}),
        (True, {"HTTPS_PROXY": "{}", "NO_PROXY": "other.example"}),
        (False, {"HTTPS_PROXY": "{}", "NO_PROXY": "127.0.0.1"}),
        (False, {"HTTPS_PROXY": "{}", "no_proxy": "127.0.0.1"}),
        (False, {"HTTPS_PROXY": "{}", "NO_PROXY": "*"}),
        (False, {"HTTP_PROXY": "{}"}),
        (False, {"HTTPS_PROXY": ""}),
    ],
)
def test_the_proxy_of_the_environment_is_used(either, proxy, monkeypatch, is_used, variables):
    """From the usual variables in either case, unless excluded or with `trust_env=False`."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(proxy.url))
    client = either.make(ca_bundle=proxy.ca_bundle, base_url=proxy.direct_url)
    assert either(client.generations.get("gen-1")).id == "gen-1"
    assert len(proxy.connects) == int(is_used)
    client = either.make(ca_bundle=proxy.ca_bundle, base_url=proxy.direct_url, trust_env=False)
    assert either(client.generations.get("gen-1")).id == "gen-1"
    assert len(proxy.connects) == int(is_used)


def test_http_on_loopback_ignores_the_proxy_of_the_environment(either, server, monkeypatch):
    """The proxy would see the key, and could not reach this machine."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{refusing_port()}")
    assert either(either.make(server).generations.get("gen-1")).id == "gen-1"


def test_sending_the_key_in_clear_to_a_proxy_warns_once(either):
    """At the line that creates the client."""
    with Server() as proxy:
        with pytest.warns(UserWarning, match="the API key goes to the proxy in clear") as caught:
            client = either.kind(api_key=KEY, base_url="http://127.0.0.1:9/api/v1", proxy=proxy.url)
        assert len(caught) == 1
        assert caught[0].filename == __file__
        assert KEY not in str(caught[0].message)
        with warnings.catch_warnings(record=True) as later:
            either(client.generations.get("gen-1"))
        either(client.close())
        assert later == []
        assert proxy.requests[0].target == "http://127.0.0.1:9/api/v1/generation?id=gen-1"


def test_a_proxy_login_is_sent_only_to_the_proxy(either, proxy, tls_server, ca_bundle):
    """It is percent-decoded, and never shown."""
    login = base64.b64encode(b"us er:hunter2@").decode()
    proxy.login = f"Basic {login}"
    url = proxy.url.replace("http://", "http://us%20er:hunter2%40@")
    client = either.make(base_url=ELSEWHERE, proxy=url, ca_bundle=ca_bundle)
    either(client.generations.get("gen-1"))
    assert proxy.connects[0][1]["Proxy-Authorization"] == proxy.login
    assert "proxy-authorization" not in tls_server.requests[0].headers
    shown = f"{client!r} {vars(client.generations)} {client._settings!r} {client._engine.options!r}"
    assert "hunter2" not in shown


@pytest.mark.parametrize("login", ["", "user:wrong-hunter2@"])
def test_a_407_of_a_proxy_is_not_retried(either, proxy, ca_bundle, login):
    """It is not a response of the API."""
    proxy.login = "Basic x"
    url = proxy.url.replace("http://", f"http://{login}")
    client = either.make(base_url=ELSEWHERE, proxy=url, ca_bundle=ca_bundle)
    with pytest.raises(APIConnectionError, match="407") as caught:
        either(client.generations.get("gen-1"))
    assert (caught.value.attempts, len(proxy.connects)) == (1, 1)
    assert "hunter2" not in f"{caught.value!r} {caught.value}"


@pytest.mark.parametrize(
    "url", ["", "socks5://u:hunter2@host:1", "http://", "http://u:hunter2@[::1", "http://h:hunter2"]
)
@pytest.mark.parametrize("where", ["argument", "environment"])
def test_an_invalid_proxy_is_rejected_and_not_shown(either, monkeypatch, url, where):
    """Its URL may contain a password."""
    if where == "environment":
        if not url:
            pytest.skip("an empty variable is as none")
        monkeypatch.setenv("HTTPS_PROXY", url)
    with pytest.raises(ConfigurationError, match="not a usable proxy URL") as caught:
        either.make(proxy=url if where == "argument" else None)
    assert "hunter2" not in f"{caught.value!r} {caught.value}"


def test_an_unreachable_proxy_is_a_connection_error(either, ca_bundle, no_backoff):
    """It is retried."""
    url = f"http://127.0.0.1:{refusing_port()}"
    client = either.make(base_url=ELSEWHERE, proxy=url, ca_bundle=ca_bundle, max_retries=1)
    with pytest.raises(APIConnectionError) as caught:
        either(client.generations.get("gen-1"))
    assert caught.value.attempts == 2
