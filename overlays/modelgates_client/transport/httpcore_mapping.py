"""From the terms of httpcore, and of httpx over it, to those of `messages`, and back."""

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

#: What httpcore, and the sockets and the TLS beneath it, raise when there is no answer.
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

#: The key of the request of ours that runs now; None when none does.
OURS: Final = ContextVar[Secret | None]("OURS", default=None)

_CLIENT_ERROR: Final = range(400, 500)
#: Loggers of httpcore, and of what it reads HTTP/2 by.
_WORD_BY_WORD: Final = (
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
    "hpack.hpack",
    "hpack.table",
)


def _is_foreign(_: logging.LogRecord) -> bool:
    return OURS.get() is None


def _mask(record: logging.LogRecord) -> bool:
    secret, text = OURS.get(), record.getMessage()
    if secret is not None and secret.masked(text) != text:
        record.msg, record.args = secret.masked(text), ()
    return True


def hide_ours() -> None:
    """Keep requests of ours out of httpcore's logs; those of others stay there.

    It logs what servers send, word by word: should one send the key back, it would be there. httpx
    logs a line for each request, which stays, without the key. This is done when a connection is
    made, not on import, which changes nothing of anyone's. A filter that is there already is not
    added again.
    """
    for name in _WORD_BY_WORD:
        logging.getLogger(name).addFilter(_is_foreign)
    logging.getLogger("httpx").addFilter(_mask)


def outgoing(request: Request, server: Server, secret: Secret) -> httpcore.Request:
    """Return a request in httpcore's terms."""
    scheme, host = server.scheme.encode(), server.host.encode()
    own: list[tuple[bytes, bytes]] = []
    if request.is_secured:
        own.append((b"Authorization", b"Bearer " + secret.reveal().encode()))
    if request.body is not None:
        own.append((b"Content-Length", str(len(request.body)).encode()))
    return httpcore.Request(
        request.method.encode(),
        httpcore.URL(scheme=scheme, host=host, port=server.port, target=request.target.encode()),
        headers=[
            (b"Host", server.authority.encode()),
            *((name.encode(), value.encode("latin-1")) for name, value in request.headers),
            *own,
        ],
        content=request.body,
    )


def pool_options(options: NetworkOptions) -> dict[str, Any]:
    """Return the arguments of a pool that holds one connection."""
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
    """Return what an exception of the engine means, in words that a caller understands.

    The words may be the server's, so the key is taken out.

    Args:
        error: The exception.
        secret: The key.
        names: httpcore, or httpx, which has the same names.
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
    said = secret.masked(str(error) or type(error).__name__)
    if isinstance(error, names.TimeoutException | TimeoutError):
        return timeout_failure()
    if isinstance(error, names.ProxyError):
        refused = said[:3].isdigit() and int(said[:3]) in _CLIENT_ERROR
        return Failure("refused" if refused else "connection", f"the proxy refused: {said}")
    if isinstance(error, names.LocalProtocolError):
        return Failure("refused", f"the request cannot be sent: {said}")
    if isinstance(error, names.RemoteProtocolError):
        return Failure("connection", f"the answer is no whole HTTP: {said}")
    if isinstance(error, names.ConnectError):
        return connect_failure(innermost, said)
    return Failure("connection", f"the connection broke: {said}")


def is_spent(connections: Sequence[Any]) -> bool:
    """Whether a pool's one connection must not be used again.

    It may be only when nothing came beyond the answer: httpcore would take what did for the
    beginning of the next one. It does not say so publicly; where it cannot be known, the
    connection is spent.
    """
    if len(connections) != 1 or not connections[0].is_idle():
        return True
    connection: Any = connections[0]
    while hasattr(connection, "_connection"):  # a proxy's, or the one before TLS
        connection = connection._connection  # noqa: SLF001
    protocol = getattr(connection, "_h11_state", None)
    return protocol is None or protocol.trailing_data != (b"", False)
