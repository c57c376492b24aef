"""`with_options`: another client, which shares what it can."""

import pytest

from modelgates_client import APIStatusError, ConfigurationError

from .servers import KEY, refusal


def test_with_options_leaves_the_client_as_it_is(either, server):
    """What is not named stays, in both."""
    client = either.make(server, headers={"X-One": "1"}, http_referer="https://a.example")
    other = client.with_options(headers={"X-Two": "2"}, api_key=f"{KEY}-other")
    assert type(other) is either.kind
    either(client.generations.get("gen-1"))
    either(other.generations.get("gen-1"))
    first, second = server.requests
    assert (first.key, second.key) == (KEY, f"{KEY}-other")
    assert (first.headers.get("x-one"), first.headers.get("x-two")) == ("1", None)
    assert (second.headers.get("x-one"), second.headers.get("x-two")) == (None, "2")
    assert second.headers["http-referer"] == "https://a.example"


def test_with_options_shares_the_connections(either, server, client):
    """Of a client made of one made of it, too."""
    other = client.with_options(timeout=9).with_options(headers={"X-One": "1"})
    for each in (client, other, client):
        either(each.generations.get("gen-1"))
    assert server.connections == 1


def test_with_options_shares_the_budget_for_retries(either, server, client, no_backoff):
    """Making clients is no way around it: what one of them took, all of them wait for."""
    server.answers(refusal(503))
    budget = client._budget
    with pytest.raises(APIStatusError):
        either(client.with_options(timeout=9).generations.get("gen-1"))
    assert budget._last_number == 10
    with pytest.raises(APIStatusError):
        either(client.generations.get("gen-1"))
    assert budget._last_number == 20


def test_another_network_is_another_connection(either, server, tls_server, ca_bundle):
    """A changed server, trust or proxy shares nothing, and is closed by itself."""
    client = either.make(server)
    other = client.with_options(base_url=tls_server.base_url, ca_bundle=ca_bundle)
    either(client.generations.get("gen-1"))
    either(other.generations.get("gen-1"))
    assert (server.connections, tls_server.connections) == (1, 1)
    either(client.close())
    either(other.generations.get("gen-1"))
    either(other.close())
    assert tls_server.is_left()


@pytest.mark.parametrize("changes", [{"retries": 1}, {"timeout": 1, "base": "x", "key": "y"}])
def test_an_unknown_option_is_refused(either, client, changes):
    """By name."""
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
def test_changed_options_are_checked_as_the_first_ones(either, client, changes):
    """And the client works on."""
    with pytest.raises(ConfigurationError) as caught:
        client.with_options(**changes)
    assert KEY not in f"{caught.value!r}"
    assert either(client.generations.get("gen-1")).id == "gen-1"
