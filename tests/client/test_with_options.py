"""`with_options`: a derived client that shares as much as possible."""

import pytest

from modelgates_client import APIStatusError, ConfigurationError

from .servers import KEY, refusal


def test_with_options_does_not_change_the_client(either, server):
    """Options that are not named are the same in both."""
    client = either.make(server, headers={"X-One": "1"}, http_referer="https://a.example")
    derived = client.with_options(headers={"X-Two": "2"}, api_key=f"{KEY}-other")
    assert type(derived) is either.kind
    either(client.generations.get("gen-1"))
    either(derived.generations.get("gen-1"))
    first, second = server.requests
    assert (first.key, second.key) == (KEY, f"{KEY}-other")
    assert (first.headers.get("x-one"), first.headers.get("x-two")) == ("1", None)
    assert (second.headers.get("x-one"), second.headers.get("x-two")) == (None, "2")
    assert second.headers["http-referer"] == "https://a.example"


def test_with_options_shares_the_connections(either, server, client):
    """Also with a client derived from a derived one."""
    derived = client.with_options(timeout=9).with_options(headers={"X-One": "1"})
    for sender in (client, derived, client):
        either(sender.generations.get("gen-1"))
    assert server.connections == 1


def test_with_options_shares_the_budget_for_retries(either, server, client, no_backoff):
    """Tokens taken by one client are missing for all of them."""
    server.respond_with(refusal(503))
    budget = client._budget
    with pytest.raises(APIStatusError):
        either(client.with_options(timeout=9).generations.get("gen-1"))
    assert budget._last_number == 10
    with pytest.raises(APIStatusError):
        either(client.generations.get("gen-1"))
    assert budget._last_number == 20


def test_another_server_trust_or_proxy_shares_no_connection(either, server, tls_server, ca_bundle):
    """Such a client is closed on its own."""
    client = either.make(server)
    derived = client.with_options(base_url=tls_server.base_url, ca_bundle=ca_bundle)
    either(client.generations.get("gen-1"))
    either(derived.generations.get("gen-1"))
    assert (server.connections, tls_server.connections) == (1, 1)
    either(client.close())
    either(derived.generations.get("gen-1"))
    either(derived.close())
    assert tls_server.all_connections_closed()


@pytest.mark.parametrize("changes", [{"retries": 1}, {"timeout": 1, "base": "x", "key": "y"}])
def test_an_unknown_option_is_rejected(either, client, changes):
    """The error names it."""
    with pytest.raises(ConfigurationError, match=r"unknown option: (retries|base, key)"):
        client.with_options(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"timeout": 0},
        {"max_retries": -1},
        {"validation": "harsh"},
        {"base_url": "http://api.example"},
        {"api_key": f"{KEY}\n"},
        {"max_response_bytes": 0},
    ],
)
def test_changed_options_are_validated(either, client, changes):
    """The client stays usable."""
    with pytest.raises(ConfigurationError) as caught:
        client.with_options(**changes)
    assert KEY not in f"{caught.value!r}"
    assert either(client.generations.get("gen-1")).id == "gen-1"
