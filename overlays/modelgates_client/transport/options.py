"""Where and how to connect: the server, a proxy, and the trusted certificates."""

import contextlib
import os
import re
import sys
import warnings
from functools import cache
from typing import Final, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from modelgates_client.errors import ConfigurationError
from modelgates_client.transport.lazy_modules import ssl

_PORTS: Final = {"http": 80, "https": 443}
_PROXY_SCHEMES: Final = frozenset({"http", "https"})
_WITH_PORT: Final = r"(\[.*\]|[^:]*):([0-9]+)"


class Server(NamedTuple):
    """The server that a client talks to.

    Attributes:
        scheme: `https`; or `http`, on loopback or where `allow_http` permits it.
        host: As used for the look-up: in ASCII, an IPv6 address without brackets.
        port: The TCP port.
        path: The prefix of the path of each operation.
    """

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def from_url(cls, url: object, example: str, allow_http: object = None) -> "Server":
        """Check and parse a URL.

        Args:
            url: The URL.
            example: A valid URL, for error messages.
            allow_http: The host that may be used without TLS, if any.

        Raises:
            ConfigurationError: Requests cannot be sent to it, or not safely. The message leaves out
                parts of the URL that may be secret.
        """
        if not isinstance(url, str):
            raise ConfigurationError(f"base_url is not a string; it must be like {example}")
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").encode("idna").decode()
            port = parts.port or _PORTS.get(parts.scheme, 0)
            usable = bool(port and host) and url.isascii() and url.isprintable() and " " not in url
            usable = usable and parts.scheme in _PORTS
        except ValueError:  # UnicodeError, from invalid host names, is a subclass
            raise ConfigurationError(
                f"base_url is not a valid URL; it must be like {example}"
            ) from None
        if parts.username is not None or parts.query or parts.fragment:
            raise ConfigurationError(
                "base_url has credentials, a query or a fragment, which would not be sent; "
                f"it must be like {example}"
            )
        if not usable:
            raise ConfigurationError(f"base_url is not an https URL; it must be like {example}")
        if parts.scheme == "http" and not is_loopback(host):
            _check_plain_http(url, host, allow_http)
        return cls(parts.scheme, host, port, parts.path.rstrip("/"))

    @property
    def authority(self) -> str:
        """The value of the `Host` header (RFC 9110, section 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def _check_plain_http(url: str, host: str, allow_http: object) -> None:
    """Warn that a host is used without TLS, if that is allowed.

    Raises:
        ConfigurationError: It is not allowed, or the host is on the public Internet.
    """
    if allow_http is None:
        raise ConfigurationError(
            f"base_url is {url!r}: without https, anyone on the network path could read the key; "
            "http is only for this machine (localhost, 127.0.0.1, ::1), or for a host of a "
            f"private network that you name: allow_http={host!r}"
        )
    if not isinstance(allow_http, str) or allow_http.strip("[]").lower() != host.lower():
        raise ConfigurationError(
            f"allow_http is {allow_http!r}; it must be the host of base_url, {host!r}"
        )
    if _is_public(host):
        raise ConfigurationError(
            f"base_url is {url!r}: a host on the public Internet must be used with https"
        )
    warnings.warn(
        f"the API key goes to {host} in clear, as allow_http permits: anyone on the network path "
        "can read it",
        UserWarning,
        stacklevel=6,  # the code that creates the client
    )


def _is_public(host: str) -> bool:
    """Whether a host has a public address, or is the API's own."""
    import ipaddress  # noqa: PLC0415 - only needed for http

    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return f".{host.rstrip('.')}".endswith(".modelgates.ai")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, judging by its name or address without a look-up."""
    import ipaddress  # noqa: PLC0415 - only needed for http

    if host == "localhost":  # subdomains of it (RFC 6761) may resolve to other machines
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Proxy(NamedTuple):
    """A proxy to connect through; https uses a tunnel that the proxy cannot read.

    Attributes:
        scheme: `http` or `https`, for the connection to the proxy itself.
        host: The host name or address.
        port: The TCP port.
        login: User name and password, if the proxy requires them.
    """

    scheme: str
    host: str
    port: int
    login: tuple[str, str] | None = None

    @classmethod
    def from_url(cls, url: object, where: str) -> "Proxy":
        """Check and parse a proxy's URL; `where` names its source in error messages.

        Raises:
            ConfigurationError: It is not a proxy URL, or its scheme is not supported. The message
                leaves out the URL, which may contain a password.
        """
        proxy = cls._parse(url) if isinstance(url, str) else None
        if proxy is None:
            del url  # a traceback that shows locals must not show it
            raise ConfigurationError(
                f"{where} is not a usable proxy URL; it must be like http://127.0.0.1:3128 "
                "(http or https)"
            )
        return proxy

    @classmethod
    def _parse(cls, url: str) -> "Proxy | None":
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
    """A proxy's URL, which may contain a password; its `repr`, as in tracebacks, hides it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "[proxy]"

    @classmethod
    def hiding(cls, url: str | None) -> str | None:
        """Wrap a URL so that its `repr` hides it; return other values unchanged."""
        return cls(url) if isinstance(url, str) else url


def choose_proxy(server: Server, proxy: str | None, *, trust_env: bool) -> Proxy | None:
    """Return the proxy to use: `proxy`, or the one from the environment's usual variables.

    The variables (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`, in either case) do not apply to loopback.

    Raises:
        ConfigurationError: It is not a usable proxy URL.
    """
    if proxy is not None:
        parsed = Proxy.from_url(proxy, "proxy")
        if server.scheme == "http":
            warnings.warn(
                "the API key goes to the proxy in clear, since base_url is http; use https",
                UserWarning,
                stacklevel=6,  # the code that creates the client
            )
        return parsed
    if not trust_env or server.scheme == "http":
        return None
    if not any(name.lower().endswith("_proxy") for name in os.environ) and os.name == "posix":
        return None  # skips a slow import
    url = _environment_proxy(server)
    where = "the environment's proxy (trust_env=False ignores it)"
    return None if url is None else Proxy.from_url(url, where)


def _environment_proxy(server: Server) -> ProxyURL | None:
    from urllib.request import getproxies, getproxies_environment, proxy_bypass  # noqa: PLC0415

    from_variables = getproxies_environment()
    proxies = from_variables or getproxies()  # which on macOS and Windows has the system's settings
    urls = (proxies.get(name, "").strip() for name in (server.scheme, "all"))
    url = ProxyURL(next(filter(None, urls), ""))
    if not url or is_excluded(server, from_variables.get("no", "")):
        return None
    is_bypassed = not from_variables and proxy_bypass(f"{server.host}:{server.port}")
    return None if is_bypassed else url


def is_excluded(server: Server, no_proxy: str) -> bool:
    """Whether the value of `NO_PROXY` excludes a server from using the proxy.

    Entries are separated by commas or spaces: host names, which include their subdomains
    (`example.org`, `.example.org`, `*.example.org`), addresses, networks (`10.0.0.0/8`), each with
    an optional port (`[::1]:8080`), and `*` for all. This is the union of what curl, Go and
    requests accept.
    """
    return any(_matches(entry, server) for entry in no_proxy.replace(",", " ").split())


def _matches(entry: str, server: Server) -> bool:
    """Whether an entry of `NO_PROXY` matches a server."""
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
        return _is_in_domain(host, name)
    try:
        network = ipaddress.ip_network(name.replace("[", "").replace("]", ""), strict=False)
    except ValueError:
        return False
    return address in network


def _is_in_domain(host: str, name: str) -> bool:
    """Whether a host is, or is a subdomain of, the domain of an entry of `NO_PROXY`."""
    domain = name.removeprefix("*").strip(".").lower()
    with contextlib.suppress(UnicodeError):
        domain = domain.encode("idna").decode()
    is_domain = host == domain and not name.startswith("*")
    return is_domain or (domain != "" and host.endswith(f".{domain}"))


class Trust(NamedTuple):
    """Which certificates are trusted; by default, those of the system's trust store.

    Attributes:
        ca_bundle: A file of certificates in PEM, instead of the system's.
        context: The caller's own TLS context, instead of either.
    """

    ca_bundle: str | None = None
    context: "ssl.SSLContext | None" = None

    def check(self) -> None:
        """Check that the certificates can be loaded.

        Raises:
            ConfigurationError: Both are given, or the file cannot be read or has no certificates.
        """
        if self.context is not None and self.ca_bundle is not None:
            raise ConfigurationError("ca_bundle and ssl_context are mutually exclusive")
        if self.ca_bundle is not None:
            try:
                _context(self.ca_bundle)
            except OSError as error:  # includes ssl.SSLError
                raise ConfigurationError(
                    f"ca_bundle {self.ca_bundle!r} cannot be used: {error.strerror or error}"
                ) from None

    def tls(self) -> "ssl.SSLContext":
        """Return the TLS context; clients share the ones created here, as creation is slow."""
        return self.context or _context(self.ca_bundle)


@cache
def _context(ca_bundle: str | None) -> "ssl.SSLContext":
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
            import certifi  # noqa: PLC0415 - on systems without a trust store

            ca_bundle = certifi.where()
    context = ssl.create_default_context(cafile=ca_bundle)
    context.set_alpn_protocols(["http/1.1"])
    return context


class NetworkOptions(NamedTuple):
    """The options of an engine.

    Attributes:
        server: The server that requests go to.
        trust: The trusted certificates.
        proxy: The proxy to connect through, if any.
        http_client: The caller's httpx client to send requests with, if any; it has its own trust
            and proxy.
    """

    server: Server
    trust: Trust
    proxy: Proxy | None = None
    http_client: object = None
