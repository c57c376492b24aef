"""What a client is made of: arguments checked, gaps filled from the environment."""

import os
import re
import ssl
import sys
from collections.abc import Mapping
from typing import Final, NamedTuple, TypedDict, cast

from modelgates_client._version import __version__
from modelgates_client.errors import ConfigurationError
from modelgates_client.records.drift_observer import DriftCallback, enable_logging
from modelgates_client.transport.content import ACCEPTED
from modelgates_client.transport.deadline import MAX_S
from modelgates_client.transport.lazy_httpx import httpx
from modelgates_client.transport.options import NetworkOptions, Server, Trust, choose_proxy
from modelgates_runtime.operation import Validation

#: The server of the spec, `/api/v1` included.
DEFAULT_BASE_URL: Final = "https://modelgates.ai/api/v1"

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_VALUE: Final = re.compile(r"[\x20-\x7e]*")
_RESERVED: Final = frozenset(
    {
        "accept-encoding",  # the client undoes what it asks for
        "authorization",  # the key is `api_key`, which nothing else may override
        "connection",
        "content-length",
        "host",
        "transfer-encoding",
    }
)


class Options(TypedDict, total=False):
    """What a client can be told, beside its key; see `ModelGates`."""

    base_url: str | None
    allow_http: str | None
    timeout: float
    max_retries: int
    headers: Mapping[str, str] | None
    http_referer: str | None
    x_modelgates_title: str | None
    ca_bundle: "str | os.PathLike[str] | None"
    ssl_context: ssl.SSLContext | None
    proxy: str | None
    trust_env: bool
    max_response_bytes: int
    validation: Validation
    on_drift: DriftCallback | None


class ClientOptions(Options, total=False):
    """What a client can be told that belongs to its process, besides."""

    http_client: "httpx.Client | httpx.AsyncClient | None"


#: The options by which a connection differs from another.
NETWORK_OPTIONS: Final = frozenset(
    {"base_url", "allow_http", "ca_bundle", "ssl_context", "proxy", "trust_env", "http_client"}
)


class Settings(NamedTuple):
    """The options of a client, checked.

    Attributes:
        network: Where to connect to, and how.
        base_url: As it was given, or found in the environment.
        timeout_s: Seconds that a call may take.
        max_retries: Attempts after the first.
        headers: Sent with every request.
        limit: The most bytes that a body may have.
        validation: Whether deviations from the spec are an error.
        on_drift: Told of each deviation.
    """

    network: NetworkOptions
    base_url: str
    timeout_s: float
    max_retries: int
    headers: tuple[tuple[str, str], ...]
    limit: int
    validation: Validation
    on_drift: DriftCallback | None

    def __repr__(self) -> str:
        return f"Settings(base_url={self.base_url!r})"

    @classmethod
    def of(cls, options: ClientOptions) -> "Settings":
        """Check options, and fill the gaps.

        Raises:
            ConfigurationError: One of them cannot be used.
        """
        if log := os.environ.get("MODELGATES_LOG"):
            enable_logging(log)
        url = options.get("base_url")
        if url is None:
            url = os.environ.get("MODELGATES_BASE_URL") or DEFAULT_BASE_URL
        server = Server.of(url, DEFAULT_BASE_URL, options.get("allow_http"))
        network = _network(server, options)
        return cls(
            network,
            url,
            check_seconds("timeout", options.get("timeout", 30.0)),
            check_count("max_retries", options.get("max_retries", 10), 0),
            _headers(options),
            check_count("max_response_bytes", options.get("max_response_bytes", 4 * 2**20), 1),
            check_validation(options.get("validation", "lenient")),
            options.get("on_drift"),
        )


def check_seconds(name: str, value: object) -> float:
    """Return a time in seconds.

    Raises:
        ConfigurationError: It is none that can be waited for.
    """
    if not isinstance(value, int | float) or value is True or not 0 < value <= MAX_S:
        raise ConfigurationError(
            f"{name} is {value!r}; it is in seconds, more than 0, at most {MAX_S:.0f}"
        )
    return float(value)


def check_validation(value: object) -> Validation:
    """Return whether deviations from the spec are an error.

    Raises:
        ConfigurationError: It is none of the two.
    """
    if value not in ("lenient", "strict"):
        raise ConfigurationError(f'validation is {value!r}; it is "lenient" or "strict"')
    return value


def check_count(name: str, value: object, least: int) -> int:
    """Return a whole number.

    Raises:
        ConfigurationError: It is none, or less than the least.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigurationError(f"{name} is {value!r}; it is a whole number, at least {least}")
    return value


def _network(server: Server, options: ClientOptions) -> NetworkOptions:
    http_client = options.get("http_client")
    if http_client is not None:
        for name in ("ca_bundle", "ssl_context", "proxy"):
            if options.get(name) is not None:
                raise ConfigurationError(_excluded(name))
        if not options.get("trust_env", True):
            raise ConfigurationError(_excluded("trust_env"))
        return NetworkOptions(server, Trust(), http_client=http_client)
    trust = Trust(_path(options.get("ca_bundle")), options.get("ssl_context"))
    trust.check()
    proxy = choose_proxy(server, options.get("proxy"), trust_env=options.get("trust_env", True))
    return NetworkOptions(server, trust, proxy)


def _excluded(name: str) -> str:
    return f"{name} and http_client exclude each other: give it to the http_client"


def _path(given: object) -> str | None:
    if given is None:
        return None
    if not isinstance(given, str | os.PathLike):
        raise ConfigurationError("ca_bundle is no path")
    return str(cast("object", given))


def _pairs(given: object) -> list[tuple[object, object]]:
    if not isinstance(given, Mapping):
        raise ConfigurationError("headers is no mapping of names to values")
    return [*cast("Mapping[object, object]", given).items()]


def check_headers(given: object) -> list[tuple[str, str]]:
    """Return headers of a caller's, by names in lower case.

    Raises:
        ConfigurationError: One of them cannot be sent, or is the client's own.
    """
    headers: list[tuple[str, str]] = []
    for name, value in _pairs(given):
        if value is None:
            continue
        if (
            not (isinstance(name, str) and isinstance(value, str))
            or not _NAME.fullmatch(name)
            or not _VALUE.fullmatch(value)
        ):
            raise ConfigurationError(
                f"the header {name!r} cannot be sent: a name is a token, a value printable ASCII"
            )
        if name.lower() in _RESERVED:
            raise ConfigurationError(f"the header {name!r} is the client's own")
        headers.append((name.lower(), value))
    return headers


def _headers(options: Options) -> tuple[tuple[str, str], ...]:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    given = [
        *_pairs(options.get("headers") or {}),
        ("HTTP-Referer", options.get("http_referer")),
        ("X-ModelGates-Title", options.get("x_modelgates_title")),
    ]
    headers = {
        "accept": "application/json",
        "user-agent": f"modelgates-client/{__version__} python/{python}",
        **dict(check_headers(dict(given))),
        "accept-encoding": ACCEPTED,
    }
    return tuple(headers.items())
