"""Sockets that end at the deadline: each wait is for what remains of it, not for a time anew."""

import ssl
from collections.abc import Iterable
from typing import Any, Final

import httpcore

from modelgates_client.transport.addresses import look_up
from modelgates_client.transport.deadline import Deadline


class Network(httpcore.NetworkBackend):
    """Connects for one call at a time, within its deadline.

    Attributes:
        deadline: That of the call that is served now.
    """

    def __init__(self) -> None:
        """Start with nothing to do, and no time for it."""
        self.deadline = Deadline(0.0)
        self._open: httpcore.NetworkStream | None = None
        self._sockets: Final = httpcore.SyncBackend()

    def hold(self, stream: httpcore.NetworkStream) -> httpcore.NetworkStream:
        """Remember a connection, to close it without asking httpcore."""
        self._open = stream
        return _Stream(stream, self)

    def close(self) -> None:
        """Close the connection. No lock is taken: one may be held for good after a Ctrl-C."""
        if self._open is not None:
            self._open.close()

    def remaining(self) -> float:
        """Return the seconds left.

        Raises:
            ReadTimeout: There are none.
        """
        left = self.deadline.remaining()
        if not left:
            raise httpcore.ReadTimeout("the deadline has passed")
        return left

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline decides
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that answers; each gets its share of what remains."""
        addresses = self._addresses(host, port)
        for last, address in enumerate(addresses, 1 - len(addresses)):
            try:
                stream = self._sockets.connect_tcp(
                    address, port, self.remaining() / (1 - last), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if last == 0:
                    raise
            else:
                return self.hold(stream)
        raise httpcore.ConnectError(f"{host} has no address")

    def _addresses(self, host: str, port: int) -> list[str]:
        try:
            found = look_up(host, port, self.remaining)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from None
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from None
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _Stream(httpcore.NetworkStream):
    """A connection of httpcore's, whose every wait ends at the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, network: Network) -> None:
        self._stream = stream
        self._network = network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, self._network.remaining())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, self._network.remaining())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        remaining = self._network.remaining()
        return self._network.hold(self._stream.start_tls(ssl_context, server_hostname, remaining))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
