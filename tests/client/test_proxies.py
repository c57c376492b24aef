"""Proxies: which one is used, what it gets to see, and what it is told."""

import base64
import warnings

import pytest

from modelgates_client import APIConnectionError, ConfigurationError

from .servers import KEY, Server, refusing_port

ELSEWHERE = "https://api.example/api/v1"  # found by the proxy alone


@pytest.fixture
def proxy(tls_server, ca_bundle):
    """A proxy; whatever host it is asked for, it is the server with TLS."""
    with Server(behind=tls_server) as proxy:
        proxy.direct_url = tls_server.base_url
        proxy.ca_bundle = ca_bundle
        yield proxy


def test_a_proxy_carries_https_unread(either, proxy, tls_server, ca_bundle):
    """It is asked for the host, which it looks up; the key goes through the tunnel."""
    client = either.make(base_url=ELSEWHERE, proxy=proxy.url, ca_bundle=ca_bundle)
    for _ in range(2):
        assert either(client.generations.get("gen-1")).id == "gen-1"
    assert [target for target, _ in proxy.connects] == ["api.example:443"]
    assert [asked.key for asked in tls_server.requests] == [KEY] * 2
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
    """The certificate is checked through the tunnel."""
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
def test_the_environments_proxy_is_used(either, proxy, monkeypatch, is_used, variables):
    """By the usual variables, in either case; not where they say no, nor with `trust_env=False`."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(proxy.url))
    client = either.make(ca_bundle=proxy.ca_bundle, base_url=proxy.direct_url)
    assert either(client.generations.get("gen-1")).id == "gen-1"
    assert len(proxy.connects) == int(is_used)
    client = either.make(ca_bundle=proxy.ca_bundle, base_url=proxy.direct_url, trust_env=False)
    assert either(client.generations.get("gen-1")).id == "gen-1"
    assert len(proxy.connects) == int(is_used)


def test_http_on_loopback_has_no_proxy_of_the_environment(either, server, monkeypatch):
    """It would get the key in clear, and could not find this machine."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{refusing_port()}")
    assert either(either.make(server).generations.get("gen-1")).id == "gen-1"


def test_a_key_in_clear_through_a_proxy_is_warned_of(either):
    """Once, when the client is made, and where it is made."""
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


def test_a_proxys_login_is_sent_to_the_proxy_alone(either, proxy, tls_server, ca_bundle):
    """Percent-encoded, as in a URL; and shown nowhere."""
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
def test_a_proxy_that_wants_another_login_is_asked_once(either, proxy, ca_bundle, login):
    """407 is for good, and no answer of the API."""
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
def test_a_proxy_that_cannot_be_used_is_refused_unseen(either, monkeypatch, url, where):
    """Its URL may hold a password."""
    if where == "environment":
        if not url:
            pytest.skip("an empty variable is as none")
        monkeypatch.setenv("HTTPS_PROXY", url)
    with pytest.raises(ConfigurationError, match="not a usable proxy URL") as caught:
        either.make(proxy=url if where == "argument" else None)
    assert "hunter2" not in f"{caught.value!r} {caught.value}"


def test_a_proxy_that_is_not_there_is_a_connection_error(either, ca_bundle, no_backoff):
    """And tried again."""
    url = f"http://127.0.0.1:{refusing_port()}"
    client = either.make(base_url=ELSEWHERE, proxy=url, ca_bundle=ca_bundle, max_retries=1)
    with pytest.raises(APIConnectionError) as caught:
        either(client.generations.get("gen-1"))
    assert caught.value.attempts == 2
