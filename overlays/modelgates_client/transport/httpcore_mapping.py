"""Translate between httpcore or httpx and `messages`: requests, options and exceptions."""

import logging
import ssl
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any, Final

import httpcore

from modelgates_client.transport.credentials import Secret
from modelgates_client.transport.exchange import KEEP_ALIVE_S, connect_failure, timeout_failure
from modelgates_client.transport.messages import Failure, Request
from modelgates_client.transport.options import NetworkOptions, Server

#: What httpcore, its sockets and TLS raise when there is no response.
FAILURES: Final = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
    OSError,
    EOFError,
    ValueError,
)

#: The API key of this package's request in progress; None when there is none.
CURRENT_SECRET: Final = ContextVar[Secret | None]("CURRENT_SECRET", default=None)

_CLIENT_ERROR: Final = range(400, 500)
#: Loggers of httpcore and of its HTTP/2 library, which log responses verbatim.
_VERBATIM_LOGGERS: Final = (
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
    "hpack.hpack",
    "hpack.table",
)


def _is_not_ours(_: logging.LogRecord) -> bool:
    return CURRENT_SECRET.get() is None


def _mask(record: logging.LogRecord) -> bool:
    secret, text = CURRENT_SECRET.get(), record.getMessage()
    if secret is not None and secret.masked(text) != text:
        record.msg, record.args = secret.masked(text), ()
    return True


def install_log_filters() -> None:
    """Keep this package's requests out of httpcore's logs; other requests are logged as before.

    httpcore logs responses verbatim, so a server that sends the key back would get it logged. The
    line that httpx logs for each request stays, with the key masked. The filters are installed when
    a connection is created, as importing this package must not change logging; installing them
    again has no effect.
    """
    for name in _VERBATIM_LOGGERS:
        logging.getLogger(name).addFilter(_is_not_ours)
    logging.getLogger("httpx").addFilter(_mask)


def outgoing(request: Request, server: Server, secret: Secret) -> httpcore.Request:
    """Convert a request to an httpcore request."""
    scheme, host = server.scheme.encode(), server.host.encode()
    engine_headers: list[tuple[bytes, bytes]] = []
    if request.is_secured:
        engine_headers.append((b"Authorization", b"Bearer " + secret.reveal().encode()))
    if request.body is not None:
        engine_headers.append((b"Content-Length", str(len(request.body)).encode()))
    return httpcore.Request(
        request.method.encode(),
        httpcore.URL(scheme=scheme, host=host, port=server.port, target=request.target.encode()),
        headers=[
            (b"Host", server.authority.encode()),
            *((name.encode(), value.encode("latin-1")) for name, value in request.headers),
            *engine_headers,
        ],
        content=request.body,
    )


def pool_options(options: NetworkOptions) -> dict[str, Any]:
    """Return the arguments of an httpcore pool with a single connection."""
    tls = options.trust.tls() if options.server.scheme == "https" else None
    arguments: dict[str, Any] = {
        "ssl_context": tls,
        "max_connections": 1,
        "keepalive_expiry": KEEP_ALIVE_S,
    }
    proxy = options.proxy
    if proxy is not None:
        login = None
        if proxy.login is not None:
            login = proxy.login[0].encode(), proxy.login[1].encode()  # RFC 7617, section 2.1
        arguments["proxy"] = httpcore.Proxy(
            httpcore.URL(scheme=proxy.scheme, host=proxy.host, port=proxy.port, target="/"),
            auth=login,
            ssl_context=options.trust.tls() if proxy.scheme == "https" else None,
        )
    return arguments


def failure(error: BaseException, secret: Secret, names: Any = httpcore) -> Failure:
    """Convert an exception of httpcore or httpx to a failure with a readable reason.

    The exception may quote the server, so the API key is masked.

    Args:
        error: The exception.
        secret: The API key.
        names: The module that defines the exceptions: httpcore, or httpx, whose names are the same.
    """
    cause: BaseException | None = error
    innermost = error
    while cause is not None:
        innermost = cause
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Failure(
                "untrusted",
                f"the server's certificate is not trusted: {cause.verify_message or cause.reason}",
            )
        cause = cause.__cause__ or cause.__context__  # the pool raises `from None`
    detail = secret.masked(str(error) or type(error).__name__)
    if isinstance(error, names.TimeoutException | TimeoutError):
        return timeout_failure()
    if isinstance(error, names.ProxyError):
        refused = detail[:3].isdigit() and int(detail[:3]) in _CLIENT_ERROR
        return Failure("refused" if refused else "connection", f"the proxy refused: {detail}")
    if isinstance(error, names.LocalProtocolError):
        return Failure("refused", f"the request cannot be sent: {detail}")
    if isinstance(error, names.RemoteProtocolError):
        return Failure("connection", f"the response is not valid HTTP: {detail}")
    if isinstance(error, names.ConnectError):
        return connect_failure(innermost, detail)
    return Failure("connection", f"the connection broke: {detail}")


def is_reusable(connections: Sequence[Any]) -> bool:
    """Whether another request may be sent on a pool's single connection.

    httpcore would take data beyond the response for the beginning of the next one, so there must be
    none. It has no public attribute for that; where it cannot be determined, the connection is not
    reusable.
    """
    if len(connections) != 1 or not connections[0].is_idle():
        return False
    connection: Any = connections[0]
    while hasattr(connection, "_connection"):  # unwrap proxy and TLS connections
        connection = connection._connection  # noqa: SLF001
    protocol = getattr(connection, "_h11_state", None)
    return protocol is not None and protocol.trailing_data == (b"", False)
