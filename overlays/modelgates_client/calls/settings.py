"""The settings of a client: validated arguments, with defaults from the environment."""

import os
import re
import sys
from collections.abc import Mapping
from typing import Final, NamedTuple, TypedDict, cast

from modelgates_client._version import __version__
from modelgates_client.errors import ConfigurationError
from modelgates_client.records.drift_observer import DriftCallback
from modelgates_client.records.log import enable_logging
from modelgates_client.transport.content import ACCEPTED
from modelgates_client.transport.deadline import MAX_S
from modelgates_client.transport.lazy_modules import httpx, ssl
from modelgates_client.transport.options import NetworkOptions, Server, Trust, choose_proxy
from modelgates_runtime.operation import Validation

#: The server of the spec, `/api/v1` included.
DEFAULT_BASE_URL: Final = "https://modelgates.ai/api/v1"

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_VALUE: Final = re.compile(r"[\x20-\x7e]*")
_RESERVED: Final = frozenset(
    {
        "accept-encoding",  # the client decodes what it asks for
        "authorization",  # the key is `api_key`, which nothing else may override
        "connection",
        "content-length",
        "host",
        "transfer-encoding",
    }
)


class Options(TypedDict, total=False):
    """The arguments of a client except its key; see `ModelGates`."""

    base_url: str | None
    allow_http: str | None
    timeout: float
    max_retries: int
    headers: Mapping[str, str] | None
    http_referer: str | None
    x_modelgates_title: str | None
    ca_bundle: "str | os.PathLike[str] | None"
    ssl_context: "ssl.SSLContext | None"
    proxy: str | None
    trust_env: bool
    max_response_bytes: int
    validation: Validation
    on_drift: DriftCallback | None


class ClientOptions(Options, total=False):
    """The arguments of a client, with those that are bound to its process."""

    http_client: "httpx.Client | httpx.AsyncClient | None"


#: The options that require connections of their own.
NETWORK_OPTIONS: Final = frozenset(
    {"base_url", "allow_http", "ca_bundle", "ssl_context", "proxy", "trust_env", "http_client"}
)


class Settings(NamedTuple):
    """The validated options of a client.

    Attributes:
        network: Where to connect to, and how.
        base_url: The base URL from the argument or the environment, unchanged.
        timeout_s: Seconds that a call may take.
        max_retries: Attempts after the first.
        headers: Sent with every request.
        limit: The maximum size of a body, in bytes.
        validation: Whether deviations from the spec are an error.
        on_drift: Called with each deviation.
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
        """Validate options, and add defaults from the environment.

        Raises:
            ConfigurationError: One of them is invalid.
        """
        if log_level := os.environ.get("MODELGATES_LOG"):
            enable_logging(log_level)
        url = options.get("base_url")
        if url is None:
            url = os.environ.get("MODELGATES_BASE_URL") or DEFAULT_BASE_URL
        server = Server.from_url(url, DEFAULT_BASE_URL, options.get("allow_http"))
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
    """Validate a time in seconds.

    Raises:
        ConfigurationError: It is not a number, not more than 0, or too large.
    """
    if not isinstance(value, int | float) or value is True or not 0 < value <= MAX_S:
        raise ConfigurationError(
            f"{name} must be in seconds, more than 0 and at most {MAX_S:.0f}, not {value!r}"
        )
    return float(value)


def check_validation(value: object) -> Validation:
    """Validate the kind of validation.

    Raises:
        ConfigurationError: It is neither "lenient" nor "strict".
    """
    if value not in ("lenient", "strict"):
        raise ConfigurationError(f'validation must be "lenient" or "strict", not {value!r}')
    return value


def check_count(name: str, value: object, minimum: int) -> int:
    """Validate a whole number.

    Raises:
        ConfigurationError: It is not a whole number, or less than `minimum`.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
        raise ConfigurationError(
            f"{name} must be a whole number of at least {minimum}, not {value!r}"
        )
    return value


def _network(server: Server, options: ClientOptions) -> NetworkOptions:
    http_client = options.get("http_client")
    if http_client is not None:
        for name in ("ca_bundle", "ssl_context", "proxy"):
            if options.get(name) is not None:
                raise ConfigurationError(_conflict_message(name))
        if not options.get("trust_env", True):
            raise ConfigurationError(_conflict_message("trust_env"))
        return NetworkOptions(server, Trust(), http_client=http_client)
    trust = Trust(_path(options.get("ca_bundle")), options.get("ssl_context"))
    trust.check()
    proxy = choose_proxy(server, options.get("proxy"), trust_env=options.get("trust_env", True))
    return NetworkOptions(server, trust, proxy)


def _conflict_message(name: str) -> str:
    return f"{name} and http_client exclude each other: configure it on the http_client"


def _path(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str | os.PathLike):
        raise ConfigurationError("ca_bundle must be a path")
    return str(cast("object", value))


def _pairs(value: object) -> list[tuple[object, object]]:
    if not isinstance(value, Mapping):
        raise ConfigurationError("headers must be a mapping of names to values")
    return [*cast("Mapping[object, object]", value).items()]


def check_headers(candidates: object) -> list[tuple[str, str]]:
    """Validate a caller's headers, and return them with names in lower case.

    Raises:
        ConfigurationError: One of them cannot be sent, or is set by the client.
    """
    headers: list[tuple[str, str]] = []
    for name, value in _pairs(candidates):
        if value is None:
            continue
        if (
            not (isinstance(name, str) and isinstance(value, str))
            or not _NAME.fullmatch(name)
            or not _VALUE.fullmatch(value)
        ):
            raise ConfigurationError(
                f"the header {name!r} cannot be sent: names are tokens, values printable ASCII"
            )
        if name.lower() in _RESERVED:
            raise ConfigurationError(f"the header {name!r} is set by the client")
        headers.append((name.lower(), value))
    return headers


def _headers(options: Options) -> tuple[tuple[str, str], ...]:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    pairs = [
        *_pairs(options.get("headers") or {}),
        ("HTTP-Referer", options.get("http_referer")),
        ("X-ModelGates-Title", options.get("x_modelgates_title")),
    ]
    headers = {
        "accept": "application/json",
        "user-agent": f"modelgates-client/{__version__} python/{python}",
        **dict(check_headers(dict(pairs))),
        "accept-encoding": ACCEPTED,
    }
    return tuple(headers.items())
