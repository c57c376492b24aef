"""Where to connect to, and how: the server, a proxy, and which certificates are trusted."""

import contextlib
import os
import re
import ssl
import sys
import warnings
from functools import cache
from typing import Final, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from modelgates_client.errors import ConfigurationError

_PORTS: Final = {"http": 80, "https": 443}
_PROXY_SCHEMES: Final = frozenset({"http", "https"})
_WITH_PORT: Final = r"(\[.*\]|[^:]*):([0-9]+)"


class Server(NamedTuple):
    """The server that a client talks to.

    Attributes:
        scheme: `https`; or `http`, on loopback or where it is allowed.
        host: As it is looked up: in ASCII, an IPv6 address without brackets.
        port: The TCP port.
        path: What comes before the path of each operation.
    """

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, url: object, example: str, allow_http: object = None) -> "Server":
        """Check and split a URL like `example`.

        Args:
            url: The URL.
            example: What it is like.
            allow_http: The host that may be asked without TLS, if there is one.

        Raises:
            ConfigurationError: Requests cannot be sent to it, or not safely. What may be a secret
                in it is not shown.
        """
        if not isinstance(url, str):
            raise ConfigurationError(f"base_url is no text; it must be like {example}")
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").encode("idna").decode()
            port = parts.port or _PORTS.get(parts.scheme, 0)
            usable = bool(port and host) and url.isascii() and url.isprintable() and " " not in url
            usable = usable and parts.scheme in _PORTS
        except ValueError:  # UnicodeError, of hosts that have no name, is one
            raise ConfigurationError(f"base_url is no URL; it must be like {example}") from None
        if parts.username is not None or parts.query or parts.fragment:
            raise ConfigurationError(
                "base_url has credentials, a query or a fragment, which no request would carry; "
                f"it must be like {example}"
            )
        if not usable:
            raise ConfigurationError(f"base_url is no URL of https; it must be like {example}")
        if parts.scheme == "http" and not is_loopback(host):
            _check_in_clear(url, host, allow_http)
        return cls(parts.scheme, host, port, parts.path.rstrip("/"))

    @property
    def authority(self) -> str:
        """What the `Host` header says (RFC 9110, section 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def _check_in_clear(url: str, host: str, allow_http: object) -> None:
    """Warn that a host is asked without TLS, if that is allowed.

    Raises:
        ConfigurationError: It is not, or the host is one of the public Internet.
    """
    if allow_http is None:
        raise ConfigurationError(
            f"base_url is {url!r}: without https, anyone on the way could read the key; "
            "http is for this machine alone (localhost, 127.0.0.1, ::1), or for a host of a "
            f"private network that is named: allow_http={host!r}"
        )
    if not isinstance(allow_http, str) or allow_http.strip("[]").lower() != host.lower():
        raise ConfigurationError(
            f"allow_http is {allow_http!r}; it is the host of base_url, {host!r}, and nothing else"
        )
    if _is_public(host):
        raise ConfigurationError(
            f"base_url is {url!r}: that is a host of the Internet, which is asked by https alone"
        )
    warnings.warn(
        f"the API key goes to {host} in clear, as allow_http says: anyone on the way can read it",
        UserWarning,
        stacklevel=6,  # whoever makes the client
    )


def _is_public(host: str) -> bool:
    """Whether a host is one of the Internet, by its address, or the API's own."""
    import ipaddress  # noqa: PLC0415 - only needed for http

    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return f".{host.rstrip('.')}".endswith(".modelgates.ai")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name or address alone."""
    import ipaddress  # noqa: PLC0415 - only needed for http

    if host == "localhost":  # a name under it (RFC 6761) need not stay on this machine
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Proxy(NamedTuple):
    """A proxy to connect through; https goes through it in a tunnel, unread.

    Attributes:
        scheme: `http` or `https`: how to talk to the proxy itself.
        host: Where it is.
        port: The TCP port.
        login: User name and password, if it wants them.
    """

    scheme: str
    host: str
    port: int
    login: tuple[str, str] | None = None

    @classmethod
    def of(cls, url: object, where: str) -> "Proxy":
        """Check and split a proxy's URL, which `where` gave.

        Raises:
            ConfigurationError: It is none, or of a kind that is not supported. The URL is not
                shown: it may hold a password.
        """
        proxy = cls._split(url) if isinstance(url, str) else None
        if proxy is None:
            del url  # a traceback that shows locals must not show it
            raise ConfigurationError(
                f"{where} is no proxy that can be used; it must be like http://127.0.0.1:3128 "
                "(http or https)"
            )
        return proxy

    @classmethod
    def _split(cls, url: str) -> "Proxy | None":
        text = url.strip()
        try:
            parts: SplitResult = urlsplit(text if "://" in text else f"http://{text}")
            host = (parts.hostname or "").encode("idna").decode()
            port = parts.port or _PORTS.get(parts.scheme, 0)
        except ValueError:
            return None
        if parts.scheme not in _PROXY_SCHEMES or not host or " " in host:
            return None
        login = None
        if parts.username is not None:
            login = unquote(parts.username), unquote(parts.password or "")
        return cls(parts.scheme, host, port, login)

    def __repr__(self) -> str:
        return f"Proxy({self.scheme}://{self.host}:{self.port})"


class ProxyURL(str):
    """A proxy's URL, which may hold a password: no traceback that shows locals shows it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "[proxy]"

    @classmethod
    def hiding(cls, url: str | None) -> str | None:
        """Return what was given for a URL, hidden if it is one."""
        return cls(url) if isinstance(url, str) else url


def choose_proxy(server: Server, proxy: str | None, *, trust_env: bool) -> Proxy | None:
    """Return the proxy to use: the one given, or the one of the environment's usual variables.

    Those of the environment (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`, in either case) do not apply
    to loopback.

    Raises:
        ConfigurationError: It is none that can be used.
    """
    if proxy is not None:
        chosen = Proxy.of(proxy, "proxy")
        if server.scheme == "http":
            warnings.warn(
                "the API key goes to the proxy in clear, since base_url is http; use https",
                UserWarning,
                stacklevel=6,  # whoever makes the client
            )
        return chosen
    if not trust_env or server.scheme == "http":
        return None
    if not any(name.lower().endswith("_proxy") for name in os.environ) and os.name == "posix":
        return None  # the next line costs much, for nothing
    found = _environments_proxy(server)
    where = "the environment's proxy (trust_env=False ignores it)"
    return None if found is None else Proxy.of(found, where)


def _environments_proxy(server: Server) -> ProxyURL | None:
    from urllib.request import getproxies, getproxies_environment, proxy_bypass  # noqa: PLC0415

    named = getproxies_environment()  # elsewhere than on Linux, the system's settings come next
    found = named or getproxies()
    urls = (found.get(name, "").strip() for name in (server.scheme, "all"))
    url = ProxyURL(next(filter(None, urls), ""))
    if not url or is_excepted(server, named.get("no", "")):
        return None
    return None if not named and proxy_bypass(f"{server.host}:{server.port}") else url


def is_excepted(server: Server, exceptions: str) -> bool:
    """Whether a server is one of those that `NO_PROXY` names.

    Entries are separated by commas or blanks: names of hosts, which stand for what is beneath them
    too (`example.org`, `.example.org`, `*.example.org`), addresses, networks (`10.0.0.0/8`), any of
    them with a port (`[::1]:8080`), and `*` for all. As curl, Go and requests have it, together.
    """
    return any(_names(entry, server) for entry in exceptions.replace(",", " ").split())


def _names(entry: str, server: Server) -> bool:
    """Whether an entry of `NO_PROXY` names a server."""
    import ipaddress  # noqa: PLC0415 - rarely needed

    with_port = re.fullmatch(_WITH_PORT, entry)
    name, port = with_port.groups() if with_port is not None else (entry, None)
    if port is not None and int(port) != server.port:
        return False
    if name == "*":
        return True
    host = server.host.rstrip(".").lower()
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return _is_beneath(host, name)
    try:
        network = ipaddress.ip_network(name.replace("[", "").replace("]", ""), strict=False)
    except ValueError:
        return False
    return address in network


def _is_beneath(host: str, name: str) -> bool:
    """Whether a host is in the domain that an entry of `NO_PROXY` names."""
    domain = name.removeprefix("*").strip(".").lower()
    with contextlib.suppress(UnicodeError):
        domain = domain.encode("idna").decode()
    is_it = host == domain and not name.startswith("*")
    return is_it or (domain != "" and host.endswith(f".{domain}"))


class Trust(NamedTuple):
    """Which certificates are trusted; by default, those that the system trusts.

    Attributes:
        ca_bundle: A file of certificates in PEM, instead of the system's.
        context: A context of the caller's own, instead of either.
    """

    ca_bundle: str | None = None
    context: ssl.SSLContext | None = None

    def check(self) -> None:
        """Fail if there are no such certificates.

        Raises:
            ConfigurationError: Both are given, or the file cannot be read or holds none.
        """
        if self.context is not None and self.ca_bundle is not None:
            raise ConfigurationError("ca_bundle and ssl_context exclude each other")
        if self.ca_bundle is not None:
            try:
                _context(self.ca_bundle)
            except OSError as error:  # ssl.SSLError is one
                raise ConfigurationError(
                    f"ca_bundle {self.ca_bundle!r} cannot be used: {error.strerror or error}"
                ) from None

    def tls(self) -> ssl.SSLContext:
        """Return the context; one that is made here is shared by all clients, as it costs much."""
        return self.context or _context(self.ca_bundle)


@cache
def _context(ca_bundle: str | None) -> ssl.SSLContext:
    key_log = os.environ.get("SSLKEYLOGFILE")  # `create_default_context` opens it
    if key_log and not sys.flags.ignore_environment:
        try:
            with open(key_log, "ab"):  # noqa: PTH123 - as OpenSSL opens it
                pass
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"SSLKEYLOGFILE is {key_log!r}, which cannot be opened for writing: "
                f"{getattr(error, 'strerror', None) or error}; unset it, or name a writable file"
            ) from None
    if ca_bundle is None:
        paths = ssl.get_default_verify_paths()
        if os.name == "posix" and not (paths.cafile or paths.capath):
            import certifi  # noqa: PLC0415 - for systems without a trust store

            ca_bundle = certifi.where()
    context = ssl.create_default_context(cafile=ca_bundle)
    context.set_alpn_protocols(["http/1.1"])
    return context


class NetworkOptions(NamedTuple):
    """All that an engine needs to know.

    Attributes:
        server: The server that requests go to.
        trust: The certificates that are trusted.
        proxy: What to connect through, if anything.
        http_client: The caller's client to send by, if there is one; it has its own trust and
            proxy.
    """

    server: Server
    trust: Trust
    proxy: Proxy | None = None
    http_client: object = None
