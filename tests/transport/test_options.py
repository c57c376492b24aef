"""The connection options: any text is a valid server or proxy, or a `ConfigurationError`."""

import ipaddress
import os
from unittest import mock
from urllib.parse import quote

import pytest
from hypothesis import example, given, strategies as st

from modelgates_client import AsyncModelGates, ConfigurationError, ModelGates
from modelgates_client.transport.options import (
    Proxy,
    Server,
    choose_proxy,
    is_excluded,
    is_loopback,
)

EXAMPLE = "https://modelgates.example/api/v1"
SECRET = "hunter2"
SERVER = Server("https", "api.example", 443, "/api/v1")

#: Parts of URLs, and characters that break them.
PARTS = st.sampled_from(
    [
        *("http", "https", "HTTPS", "ftp", "ws", "file", ":", "/", "//", "://", "@", "?", "#", "."),
        *(
            "localhost",
            "127.0.0.1",
            "[::1]",
            "::1",
            "[",
            "]",
            "a.example",
            "a..b",
            "xn--",
            "ü",
            "%",
        ),
        *(
            ":0",
            ":1",
            ":80",
            ":443",
            ":65535",
            ":65536",
            ":-1",
            ":x",
            "\\",
            " ",
            "\n",
            "\t",
            "\x00",
        ),
        *("user:pw", "/api/v1", "[v1.x]", "[fe80::1%eth0]", "\ud800", "٣", "。", "a" * 64),
    ]
)
URLS = st.one_of(
    st.text(),
    st.lists(PARTS, max_size=9).map("".join),
    st.builds(
        "{}://{}{}{}".format,
        st.sampled_from(["http", "https", "ftp", "ws", "wss", ""]),
        st.sampled_from(["localhost", "a.example", "[::1]", "127.0.0.1", "1.1.1.1", ""]) | PARTS,
        st.sampled_from(["", ":0", ":1", ":8443"]) | PARTS,
        st.sampled_from(["", "/", "/api/v1/"]) | st.text(max_size=5),
    ),
)

LOOPBACK = ["localhost", "127.0.0.1", "127.255.0.9", "::1"]
ELSEWHERE = [
    "a.localhost",
    *(
        "",
        "a.example",
        "localhost.example",
        "notlocalhost",
        "localhost.",
        "0.0.0.0",
        "::",
        "10.0.0.1",
    ),
    *("128.0.0.1", "127.0.0.1.example", "127.1", "2130706433", "0x7f.0.0.1", "::2", "[::1]"),
]


@given(URLS)
@example("ftp://a.example:21/x")
@example("ws://a.example:80")
def test_any_text_is_a_valid_server_or_rejected(url):
    """A valid server uses https, or is this machine."""
    try:
        server = Server.from_url(url, EXAMPLE)
    except ConfigurationError as error:
        assert "base_url" in str(error)  # noqa: PT017 - either may happen
        return
    assert server.scheme in {"http", "https"}
    assert server.scheme == "https" or is_loopback(server.host)
    assert server.host.isascii()
    assert 1 <= server.port <= 65535
    assert not server.path.endswith("/")
    assert server.authority.isprintable()
    assert "@" not in server.authority


@pytest.mark.parametrize("url", [None, 1, b"https://a.example", ["https://a.example"]])
def test_a_base_url_that_is_not_a_string_is_rejected(url):
    """The error says so."""
    with pytest.raises(ConfigurationError, match="not a string"):
        Server.from_url(url, EXAMPLE)


@pytest.mark.parametrize("url", ["user:pw@", "user@", "@", "a.example?q=1", "a.example/#there"])
def test_parts_of_a_base_url_that_would_not_be_sent_are_rejected(url):
    """They are not dropped silently."""
    url = f"https://{url}a.example/api/v1"
    with pytest.raises(ConfigurationError, match="which would not be sent"):
        Server.from_url(url, EXAMPLE)


@given(st.lists(PARTS, max_size=3).map("".join), st.lists(PARTS, max_size=3).map("".join))
@example("https:", "a.example")
@example("", "a.example")
@example("https:///", "a.example")
def test_errors_do_not_show_credentials_of_a_base_url(before, behind):
    """However it is mistyped."""
    url = f"{before}user:{SECRET}@{behind}"
    try:
        shown = repr(Server.from_url(url, EXAMPLE)._replace(path=""))
    except ConfigurationError as error:
        shown = str(error)
    assert SECRET not in shown


@given(st.lists(PARTS, max_size=3).map("".join), st.lists(PARTS, max_size=3).map("".join))
def test_errors_do_not_show_credentials_of_a_proxy(before, behind):
    """Neither does a `repr`; requests use them."""
    try:
        shown = repr(Proxy.from_url(f"{before}user:{SECRET}@{behind}", "proxy"))
    except ConfigurationError as error:
        shown = str(error)
    assert SECRET not in shown


@given(URLS)
def test_any_text_is_a_valid_proxy_or_rejected(url):
    """A valid proxy has a supported scheme."""
    try:
        proxy = Proxy.from_url(url, "the argument")
    except ConfigurationError as error:
        assert "the argument" in str(error)  # noqa: PT017 - either may happen
        return
    assert proxy.scheme in {"http", "https"}
    assert proxy.host.isascii()
    assert proxy.host
    assert 1 <= proxy.port <= 65535


@given(st.text(), st.text())
def test_a_proxy_login_is_percent_decoded(user, password):
    """As in any URL."""
    if any(0xD800 <= ord(char) < 0xE000 for char in user + password):
        return  # those have no encoding
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    proxy = Proxy.from_url(f"http://{login}@127.0.0.1:3128", "proxy")
    assert proxy == ("http", "127.0.0.1", 3128, (user, password))


def test_a_proxy_needs_no_scheme():
    """Environment variables often omit it."""
    assert Proxy.from_url("127.0.0.1:3128", "proxy") == ("http", "127.0.0.1", 3128, None)
    assert Proxy.from_url("https://a.example", "proxy") == ("https", "a.example", 443, None)
    for url in ("socks5://127.0.0.1:1080", "file:///etc/passwd", "http://", "http://:80", ""):
        with pytest.raises(ConfigurationError):
            Proxy.from_url(url, "proxy")


@pytest.mark.parametrize(
    ("host", "is_it"),
    [*((host, True) for host in LOOPBACK), *((host, False) for host in ELSEWHERE)],
)
def test_only_this_machine_is_loopback(host, is_it):
    """By its name or address, without a look-up."""
    assert is_loopback(host) is is_it


@given(st.ip_addresses())
def test_addresses_are_loopback_as_the_rfc_has_it(address):
    """127.0.0.0/8 and ::1."""
    network = ipaddress.ip_network("127.0.0.0/8" if address.version == 4 else "::1/128")
    if getattr(address, "ipv4_mapped", None) is None:  # Pythons disagree about those
        assert is_loopback(str(address)) is (address in network)


@pytest.mark.parametrize("host", ["a.example", "1.1.1.1", "[2001:db8::1]", "localhost.example"])
def test_http_is_only_for_this_machine(host):
    """Otherwise the key could be read on the network path."""
    assert Server.from_url(f"https://{host}/x", EXAMPLE).scheme == "https"
    with pytest.raises(ConfigurationError, match="without https"):
        Server.from_url(f"http://{host}/x", EXAMPLE)


@pytest.mark.parametrize("kind", [ModelGates, AsyncModelGates])
@pytest.mark.parametrize(
    ("host", "named"),
    [
        ("gateway", "gateway"),
        ("host.docker.internal", "Host.Docker.Internal"),
        ("10.0.0.7", "10.0.0.7"),
        ("[fd00::7]", "fd00::7"),
    ],
)
def test_allow_http_permits_a_private_host(kind, host, named):
    """With a warning at the line that creates the client."""
    with pytest.warns(UserWarning, match="the API key goes to .* in clear") as caught:
        client = kind(api_key=SECRET, base_url=f"http://{host}:8080/api/v1", allow_http=named)
    assert [each.filename for each in caught] == [__file__]
    assert client._settings.network.server.authority == f"{host}:8080"


@pytest.mark.parametrize(
    "named", ["other", "", "gateway:8080", "http://gateway", "*", True, ["gateway"]]
)
def test_allow_http_permits_no_other_host(named):
    """A `base_url` from an untrusted source cannot redirect the key."""
    with pytest.raises(ConfigurationError, match="must be the host of base_url, 'gateway'"):
        Server.from_url("http://gateway:8080", EXAMPLE, named)


@pytest.mark.parametrize("host", ["modelgates.ai", "eu.modelgates.ai.", "1.1.1.1", "[2600::1]"])
def test_http_to_a_public_host_is_never_allowed(host):
    """Not even with `allow_http`."""
    with pytest.raises(ConfigurationError, match="must be used with https"):
        Server.from_url(f"http://{host}", EXAMPLE, host)


def test_allow_http_has_no_effect_with_tls():
    """Nor on this machine: there is no warning."""
    assert Server.from_url("https://a.example", EXAMPLE, "gateway").scheme == "https"
    assert Server.from_url("http://127.0.0.1:8080", EXAMPLE, "gateway").host == "127.0.0.1"


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("https://a.example", "a.example", ""),
        ("https://A.Example/", "a.example", ""),
        ("https://a.example:443/api/v1/", "a.example", "/api/v1"),
        ("https://a.example:80/api", "a.example:80", "/api"),
        ("http://127.0.0.1", "127.0.0.1", ""),
        ("http://localhost:443", "localhost:443", ""),
        ("http://[::1]:8080/a//", "[::1]:8080", "/a"),
        ("https://[2001:db8::1]", "[2001:db8::1]", ""),
    ],
)
def test_the_authority_omits_the_default_port(url, authority, path):
    """RFC 9110, section 7.2; an IPv6 address is in brackets."""
    server = Server.from_url(url, EXAMPLE)
    assert (server.authority, server.path) == (authority, path)


def chosen_proxy(variables, server=SERVER, proxy=None, *, trust_env=True):
    """Return the proxy chosen in an environment with only these variables."""
    with mock.patch.dict(os.environ, variables, clear=True):
        return choose_proxy(server, proxy, trust_env=trust_env)


@pytest.mark.parametrize(
    ("variables", "host"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://one:1"}, "one"),
        ({"https_proxy": "http://one:1"}, "one"),
        ({"https_proxy": "http://one:1", "HTTPS_PROXY": "http://two:2"}, "one"),
        ({"ALL_PROXY": "http://one:1"}, "one"),
        ({"ALL_PROXY": "http://one:1", "HTTPS_PROXY": "http://two:2"}, "two"),
        ({"HTTP_PROXY": "http://one:1"}, None),
        ({"HTTPS_PROXY": ""}, None),
        ({"HTTPS_PROXY": "http://one:1", "NO_PROXY": "*"}, None),
        ({"HTTPS_PROXY": "http://one:1", "NO_PROXY": "api.example"}, None),
        ({"HTTPS_PROXY": "http://one:1", "no_proxy": "other, .example"}, None),
        ({"HTTPS_PROXY": "http://one:1", "NO_PROXY": "api.example:443"}, None),
        ({"HTTPS_PROXY": "http://one:1", "NO_PROXY": "api.example:8443"}, "one"),
        ({"HTTPS_PROXY": "http://one:1", "NO_PROXY": "pi.example,other"}, "one"),
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="elsewhere the system has settings of its own")
def test_the_proxy_of_the_environment_is_used(variables, host):
    """From the usual variables in either case, unless `NO_PROXY` excludes the server."""
    proxy = chosen_proxy(variables)
    assert (proxy and proxy.host) == host
    assert chosen_proxy(variables, trust_env=False) is None
    assert chosen_proxy(variables, Server("http", "localhost", 80, "")) is None
    assert chosen_proxy(variables, proxy="http://mine:3").host == "mine"


def test_an_unusable_proxy_of_the_environment_is_rejected():
    """The error names its source and how to ignore it, but not its password."""
    with pytest.raises(ConfigurationError, match="trust_env=False") as caught:
        chosen_proxy({"HTTPS_PROXY": f"socks5://user:{SECRET}@one:1"})
    assert SECRET not in str(caught.value)


def test_sending_the_key_in_clear_to_a_proxy_warns():
    """With http, a proxy can read everything."""
    with pytest.warns(UserWarning, match="in clear"):
        proxy = chosen_proxy({}, Server("http", "127.0.0.1", 80, ""), f"http://u:{SECRET}@mine:3")
    assert proxy.login == ("u", SECRET)


# --- NO_PROXY


@pytest.mark.parametrize(
    ("url", "exceptions"),
    [
        ("https://api.example.org", "example.org"),
        ("https://api.example.org", ".example.org"),
        ("https://api.example.org", "*.example.org"),
        ("https://example.org", ".example.org"),
        ("https://api.example.org", "other.test , EXAMPLE.org"),
        ("https://api.example.org", "other.test api.example.org"),
        ("https://api.example.org", "example.org."),
        ("https://api.example.org.", "example.org"),
        ("https://api.example.org:8443", "example.org:8443"),
        ("https://api.example.org", "example.org:443"),
        ("https://api.example.org", "*"),
        ("https://10.1.2.3", "10.0.0.0/8"),
        ("https://10.1.2.3", "10.1.2.4/8"),
        ("https://10.1.2.3", "10.1.2.3"),
        ("https://10.1.2.3:8443", "10.1.2.3:8443"),
        ("https://[2001:db8::1]", "[2001:db8::1]"),
        ("https://[2001:db8::1]", "2001:db8:0::1"),
        ("https://[2001:db8::1]", "2001:db8::/32"),
        ("https://[2001:db8::1]:8443", "[2001:db8::1]:8443"),
        ("https://xn--bcher-kva.example", "b\u00fccher.example"),
        ("https://api.example.org", "*.example.org."),
        ("https://api.example.org", "other.test,\tapi.example.org. ,"),
        ("https://api.example.org.:8443", "*.example.org:8443"),
        ("https://10.1.2.3:8443", "10.0.0.0/8:8443"),
        ("https://[2001:db8::1]", "[2001:db8::]/32"),
        ("https://[2001:DB8::1]", "[2001:db8::1]:443"),
        ("https://[::ffff:10.1.2.3]", "::ffff:10.0.0.0/104"),
    ],
)
def test_no_proxy_excludes_a_server(url, exceptions):
    """In the union of the formats of curl, Go and requests."""
    assert is_excluded(Server.from_url(url, "…"), exceptions)


@pytest.mark.parametrize(
    ("url", "exceptions"),
    [
        ("https://api.example.org", ""),
        ("https://api.example.org", " , ,"),
        ("https://myexample.org", "example.org"),
        ("https://example.org", "*.example.org"),
        ("https://api.example.org", "example.org:8443"),
        ("https://example.org", "api.example.org"),
        ("https://api.example.org", "10.0.0.0/8"),
        ("https://11.1.2.3", "10.0.0.0/8"),
        ("https://127.0.0.1", "0.0.1"),
        ("https://10.1.2.3", "2001:db8::/32"),
        ("https://[2001:db8::1]:8443", "[2001:db8::1]:443"),
        ("https://10.1.2.3", "*.1.2.3"),
        ("https://api.example.org", "*.api.example.org"),
        ("https://10.1.2.3:8443", "10.0.0.0/8:443"),
        ("https://api.example.org", "[api.example.org"),
    ],
)
def test_no_proxy_does_not_exclude_another_server(url, exceptions):
    """The proxy is used."""
    assert not is_excluded(Server.from_url(url, "…"), exceptions)


@pytest.mark.parametrize("blank", ["", " ", "\t"])
def test_a_blank_proxy_variable_is_ignored(monkeypatch, blank):
    """As if it were not set; as an argument it is an error."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, blank)
    server = Server.from_url("https://api.example.org", "…")
    assert choose_proxy(server, None, trust_env=True) is None
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:3128")
    monkeypatch.delenv("all_proxy")
    assert choose_proxy(server, None, trust_env=True) is not None
    with pytest.raises(ConfigurationError, match="proxy is not a usable proxy URL"):
        choose_proxy(server, blank, trust_env=True)


@pytest.mark.parametrize("url", ["ftp://u:pass-word@127.0.0.1", "http://u:pass-word@"])
@pytest.mark.parametrize("kind", [ModelGates, AsyncModelGates])
@pytest.mark.parametrize("is_given", [True, False])
def test_no_traceback_shows_the_password_of_a_proxy(monkeypatch, kind, url, is_given):
    """Not even a traceback with locals."""
    monkeypatch.setenv("HTTPS_PROXY", "" if is_given else url)
    with pytest.raises(ConfigurationError) as caught:
        kind(api_key="sk-mg-1", proxy=url if is_given else None)
    frame, ours = caught.value.__traceback__.tb_next, []
    while frame is not None:
        ours.append(repr(frame.tb_frame.f_locals))
        frame = frame.tb_next
    assert ours
    assert "pass-word" not in "".join(ours) + str(caught.value)
