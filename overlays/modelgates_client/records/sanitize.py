"""Texts of servers and strangers, as they may be shown to people."""

import re
from typing import Final

from modelgates_runtime.values import printable

_KEYS: Final = re.compile(r"sk-mg-[^\s'\"]*")


def sanitize(text: str) -> str:
    """Return a text as one line that cannot steer a terminal, and shows nothing like a key."""
    return printable(_KEYS.sub("[API key]", text))
