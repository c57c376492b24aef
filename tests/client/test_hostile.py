"""Regression tests for the findings of a security review."""

import asyncio
import json
import logging
import os
import socket
import ssl
import threading
import traceback

import httpcore
import pytest
import trustme

from modelgates_client import AsyncModelGates, BadGatewayError, ModelGates
from modelgates_client.calls.retry import RetryBudget
from modelgates_client.transport.credentials import Secret
from modelgates_client.transport.httpcore_sync import HttpcoreEngine

from .servers import KEY, json_response


@pytest.mark.parametrize("text", ["\\" * 250_000, "&" * 250_000, "%" * 250_000, "\\u" * 100_000])
def test_masking_takes_linear_time(text):
    """A quadratic search of these texts would take minutes."""
    assert Secret(KEY).masked(text) == text


def test_an_entity_with_a_huge_number_is_masked(either, server):
    """Python refuses to parse it; the text is withheld."""
    server.respond_with(json_response(b"&#" + b"9" * 5_000 + b";", 502))
    client = either.make(server, max_retries=0)
    with pytest.raises(BadGatewayError) as caught:
        either(client.generations.get("gen-1"))
    assert caught.value.body == "[withheld: it shows the API key]"


def test_part_of_a_short_key_is_not_masked_in_other_words():
    """Half of a key that is an everyday word must not change a record."""
    assert Secret("development-token").masked("a development") == "a development"


def test_an_interrupt_while_writing_shows_no_key(monkeypatch, server):
    """The engine's frames with the request are not in the traceback."""

    def interrupted(_stream, buffer, *_):
        assert KEY.encode() in buffer
        raise KeyboardInterrupt

    with ModelGates(api_key=KEY, base_url=server.base_url) as client:
        other = httpcore.SyncBackend().connect_tcp("127.0.0.1", server.port)
        other.close()
        monkeypatch.setattr(type(other), "write", interrupted)
        with pytest.raises(KeyboardInterrupt) as caught:
            client.generations.get("gen-1")
    assert caught.value.__context__ is None
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert KEY not in "".join(report.format())


def test_a_connection_closes_while_a_lock_is_held(server):
    """After a Ctrl-C inside httpcore, closing does not wait for its locks."""
    with ModelGates(api_key=KEY, base_url=server.base_url) as client:
        client.generations.get("gen-1")
        engine: HttpcoreEngine = client._engine
        connection = engine._connections.idle[0]
        closing = threading.Thread(target=connection.close, daemon=True)
        with connection._pool._optional_thread_lock:
            closing.start()
            closing.join(5)
            assert not closing.is_alive()


def test_a_budget_locked_during_a_fork_is_unlocked_in_the_child(monkeypatch):
    """The thread that held the lock does not exist there."""
    budget = RetryBudget()
    budget._lock.acquire()
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert budget.take() == 1


def test_derived_clients_log_each_kind_of_drift_once(server, caplog):
    """`client.with_options(…)` in each call is a common idiom."""
    caplog.set_level(logging.INFO, logger="modelgates_client")
    with ModelGates(api_key=KEY, base_url=server.base_url) as client:
        for _ in range(3):
            client.with_options(timeout=5).generations.get("gen-1")
    messages = [record.getMessage() for record in caplog.records]
    assert messages
    assert len(messages) == len(set(messages))


@pytest.mark.parametrize(
    "options", [{"headers": ["a"]}, {"ca_bundle": 5}, {"proxy": 5}, {"validation": ["strict"]}]
)
def test_an_argument_of_another_type_is_a_configuration_error(either, options):
    """For callers without a type checker."""
    with pytest.raises(Exception, match=r"headers|ca_bundle|proxy|validation") as caught:
        either.make(base_url="https://api.example", **options)
    assert type(caught.value).__name__ == "ConfigurationError"


def answer(status, body):
    content = json.dumps(body).encode()
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(content), content)


def serve_two_records(listener, context, request_ids):  # noqa: C901 - a server in one piece
    """Respond to each request, and send a second response in the same segment."""
    while True:
        try:
            connection = listener.accept()[0]
        except OSError:
            return
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_side=True)

        def pump(step, incoming=incoming, outgoing=outgoing, connection=connection):
            while True:
                try:
                    result = step()
                except ssl.SSLWantReadError:
                    connection.sendall(outgoing.read())
                    data = connection.recv(65_536)
                    if not data:
                        raise EOFError from None
                    incoming.write(data)
                else:
                    connection.sendall(outgoing.read())
                    return result

        with connection:
            try:
                pump(tls.do_handshake)
                while True:
                    request = pump(lambda tls=tls: tls.read(65_536)).decode()
                    generation_id = request.partition("id=")[2].partition(" ")[0]
                    tls.write(answer(200, {"data": {"id": generation_id}}))
                    if not request_ids:
                        tls.write(answer(401, {"error": {"code": 401, "message": "smuggled"}}))
                    request_ids.append(generation_id)
                    connection.sendall(outgoing.read())
            except (EOFError, OSError):
                continue


def test_unread_data_in_a_tls_buffer_prevents_reuse(engine):
    """The data is no longer in the socket, and not yet in the parser."""
    authority = trustme.CA()
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.num_tickets = 0
    authority.issue_cert("localhost").configure_cert(theirs)
    ours = ssl.create_default_context()
    authority.configure_trust(ours)
    request_ids = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://localhost:{listener.getsockname()[1]}"
        arguments = (listener, theirs, request_ids)
        threading.Thread(target=serve_two_records, args=arguments, daemon=True).start()

        async def two():
            async with AsyncModelGates(api_key=KEY, base_url=url, ssl_context=ours) as client:
                first = await client.generations.get("gen-1")
                second = await client.generations.get("gen-2")
                return first.id, second.id

        assert asyncio.run(two()) == ("gen-1", "gen-2")
    assert request_ids == ["gen-1", "gen-2"]
