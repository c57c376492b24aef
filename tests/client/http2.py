"""A loopback server that speaks only HTTP/2."""

import json
import socket
import ssl
import threading
from contextlib import suppress
from typing import Self
from urllib.parse import parse_qs, urlsplit

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived

from .servers import GUARD_S, authority


class Http2Server:
    """Responds to each request with the requested record; use it as a context manager.

    Attributes:
        name: The name of its threads.
        base_url: The base URL for a client.
        keys: The received `authorization` headers.
        connections: The number of accepted connections.
    """

    def __init__(self) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority().issue_cert("localhost").configure_cert(self._context)
        self._context.set_alpn_protocols(["h2"])
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"https://localhost:{self._listener.getsockname()[1]}/api/v1"
        self.keys: set[str] = set()
        self.connections = 0
        self.name = "http2-server"
        self._threads = [threading.Thread(target=self._accept, name=self.name)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(GUARD_S)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # it was shut down
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                thread = threading.Thread(target=self._serve, args=(sock,), name=self.name)
                self._threads.append(thread)
                self._threads[-1].start()

    def _serve(self, plain: socket.socket) -> None:
        plain.settimeout(GUARD_S)
        with plain, suppress(OSError), self._context.wrap_socket(plain, server_side=True) as sock:
            connection = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
            connection.initiate_connection()
            sock.sendall(connection.data_to_send())
            while data := sock.recv(65536):
                for event in connection.receive_data(data):
                    if isinstance(event, RequestReceived):
                        self._answer(connection, event)
                sock.sendall(connection.data_to_send())

    def _answer(self, connection: H2Connection, event: RequestReceived) -> None:
        headers = dict(event.headers or [])
        self.keys.add(headers["authorization"])
        (generation_id,) = parse_qs(urlsplit(headers[":path"]).query)["id"]
        data = {"id": generation_id, "finish_reason": "stop", "total_cost": 0.25}
        headers = [(":status", "200"), ("content-type", "application/json")]
        connection.send_headers(event.stream_id or 0, headers)
        body = json.dumps({"data": data}).encode()
        connection.send_data(event.stream_id or 0, body, end_stream=True)
