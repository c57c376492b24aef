"""The API key, from a file, stdin or the environment. It is never an argument, and never shown.

Arguments appear in the process list and in the shell's history.
"""

import getpass
import os
import re
import stat
import sys
from pathlib import Path
from typing import Final

from modelgates_client.cli.messages import Messages
from modelgates_client.errors import ConfigurationError
from modelgates_client.transport.credentials import ENVIRONMENT_VARIABLE, Credentials, Secret

_MAX: Final = 8 * 1024  # bytes; more than any header can carry
_LOOKS_LIKE_KEY: Final = re.compile(r"sk-mg-")


def find_key(file: str | None, messages: Messages, *, from_stdin: bool) -> Secret:
    """Return the API key, and have `messages` mask it from now on.

    Args:
        file: The file whose first line is the key.
        messages: Where to warn about a file that others can read.
        from_stdin: Whether the first line of stdin is the key; a terminal shows a prompt.

    Raises:
        ConfigurationError: There is no key, or it cannot be read.
    """
    if file is not None:
        secret = _from_file(file, messages)
    elif from_stdin:
        secret = _from_stdin()
    else:
        secret = Credentials(None).secret()
        if not secret.reveal():
            raise ConfigurationError(
                f"no API key: set the environment variable {ENVIRONMENT_VARIABLE}, or use "
                "--key-file or --key-stdin"
            )
    messages.hide(secret)
    return secret


def holds_key(text: str, secret: Secret) -> bool:
    """Whether a text contains the API key in use, or anything that looks like one."""
    return bool(_LOOKS_LIKE_KEY.search(text)) or secret.reveal() in text


def _from_file(name: str, messages: Messages) -> Secret:
    try:
        with Path(name).open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            secret = _secret(file.readline(_MAX))
    except OSError as error:
        raise ConfigurationError(f"the key file {name!r}: {error.strerror}") from None
    if not secret.reveal():
        raise ConfigurationError(f"the key file {name!r}: its first line is empty")
    others = stat.S_IRGRP | stat.S_IROTH
    if os.name == "posix" and stat.S_ISREG(mode) and mode & others:
        permissions = stat.S_IMODE(mode)
        messages.warning(f"the key file {name!r} can be read by others (mode {permissions:04o})")
    return secret


def _from_stdin() -> Secret:
    stdin = sys.stdin
    if stdin is None:  # where it is closed
        raise ConfigurationError("--key-stdin: stdin is closed")
    if stdin.isatty():  # the prompt does not show what is typed
        secret = Secret(getpass.getpass("API key: ", sys.stderr).strip())
    else:
        secret = _secret(stdin.buffer.readline(_MAX))
    if not secret.reveal():
        raise ConfigurationError("--key-stdin: the first line of stdin is empty")
    return secret


def _secret(line: bytes) -> Secret:
    """Return the key in a line; the client later rejects a key that is not ASCII."""
    return Secret(line.decode("utf-8-sig", "replace").strip())
