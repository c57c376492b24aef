"""What the account says of itself: from a file, from stdin, or from the server."""

import sys
from pathlib import Path
from typing import TypedDict

from modelgates_client.cli._keys import find_key
from modelgates_client.cli._messages import Messages
from modelgates_client.cli._reading import STDIN
from modelgates_client.client.client import ModelGates
from modelgates_client.errors import ConfigurationError
from modelgates_client.resources.activity import activity


class ServerOptions(TypedDict):
    """The options that say which server is asked, and with which key."""

    key_file: str | None
    key_stdin: bool
    base_url: str | None
    proxy: str | None
    ca_bundle: str | None


def read_text(source: str) -> str:
    """Return the text of a file, or what comes on stdin.

    Raises:
        ConfigurationError: It cannot be read.
    """
    try:
        if source == STDIN:
            return sys.stdin.read()
        return Path(source).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError(f"the file {source!r}: it is no text in UTF-8") from None
    except OSError as error:
        raise ConfigurationError(f"the file {source!r}: {error.strerror}") from None


def fetch_text(options: ServerOptions, messages: Messages) -> str:
    """Return what the server answers to `GET /activity`, of which the spec of the day may know.

    Raises:
        ConfigurationError: The spec has no such operation, or there is no key.
        ModelGatesError: There was no answer, or an error.
    """
    call = activity()
    if call is None:
        raise ConfigurationError(
            "give ACTIVITY, a file: the spec that this version is made of has no operation "
            "GET /activity, so it cannot be fetched"
        )
    secret = find_key(options["key_file"], messages, from_stdin=options["key_stdin"])
    with ModelGates(
        api_key=secret.reveal(),
        base_url=options["base_url"],
        proxy=options["proxy"],
        ca_bundle=options["ca_bundle"],
    ) as client:
        return client.send_raw(call).body.decode("utf-8", "replace")
