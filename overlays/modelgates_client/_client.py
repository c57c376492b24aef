"""`ModelGates`, the client: configuration in, resources out."""

import os
from typing import Final, Self
from urllib.parse import urlsplit

from modelgates_api.client import Client
from modelgates_client._errors import ConfigurationError
from modelgates_client._generations import Generations

#: The server of the spec, `/api/v1` included.
DEFAULT_BASE_URL: Final = "https://modelgates.ai/api/v1"

_LONGEST_S: Final = 86_400  # a day; the system's own timers overflow far beyond


class ModelGates:
    """A client of one ModelGates account; safe to share between threads.

    Attributes:
        generations: Records of what generations really were.
    """

    generations: Generations

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float = 30.0,
    ) -> None:
        """Make a client; nothing is sent yet.

        Args:
            api_key: The key; by default, the environment variable `MODELGATES_API_KEY`.
            base_url: The server's URL with the path of the API, `/api/v1` included; by default,
                the environment variable `MODELGATES_BASE_URL`, or else `DEFAULT_BASE_URL`.
            timeout: Seconds to wait for a connection, and for each read.

        Raises:
            ConfigurationError: There is no key, or none that a header can carry; the URL is none
                of HTTP; the time-out is not positive.
        """
        key = os.environ.get("MODELGATES_API_KEY", "") if api_key is None else api_key
        _check_key(key)
        url = base_url
        if url is None:
            url = os.environ.get("MODELGATES_BASE_URL") or DEFAULT_BASE_URL
        _check_url(url)
        if not 0 < timeout <= _LONGEST_S:
            raise ConfigurationError(
                f"timeout is {timeout!r}; it is in seconds, more than 0, at most {_LONGEST_S}"
            )
        self._transport = Client(url, token=key, timeout_s=timeout)
        self.generations = Generations(self._transport)

    def close(self) -> None:
        """Close the connections; the client must not be used afterwards."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"ModelGates(base_url={self._transport.base_url!r})"


def _check_key(key: str) -> None:
    """Fail, without showing the key, if it cannot be sent."""
    if not key:
        raise ConfigurationError(
            "no API key: pass api_key=…, or set the environment variable MODELGATES_API_KEY"
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ConfigurationError(
            "the API key has white space, control or non-ASCII characters; was it copied whole, "
            "and alone?"
        )


def _check_url(url: str) -> None:
    """Fail, without showing what may be a secret, if requests cannot be sent to a URL."""
    try:
        parts = urlsplit(url)
        host, _ = (parts.hostname or "").encode("idna"), parts.port
        usable = parts.scheme in {"http", "https"} and bool(host) and url.isprintable()
    except ValueError:  # UnicodeError, of hosts that have no name, is one
        raise ConfigurationError(
            f"base_url is no URL; it must be like {DEFAULT_BASE_URL}"
        ) from None
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigurationError(
            "base_url has credentials, a query or a fragment, which no request would carry; it "
            f"must be like {DEFAULT_BASE_URL}"
        )
    if not usable:
        raise ConfigurationError(f"base_url is {url!r}; it must be like {DEFAULT_BASE_URL}")
