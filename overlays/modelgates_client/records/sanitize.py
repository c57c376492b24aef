"""Making text from servers and other third parties safe to show."""

import re
from typing import Final

from modelgates_runtime.values import printable

_KEYS: Final = re.compile(r"sk-mg-[^\s'\"]*")


def sanitize(text: str) -> str:
    """Return a text as one line, without control characters and anything like an API key."""
    return printable(_KEYS.sub("[API key]", text))
