"""The code of plotly.js, compressed to a third; the browser decompresses it."""

import base64
import hashlib
import re
import zlib
from typing import Final

from attrs import frozen

#: A style that plotly.js adds as soon as it runs, for maps, which the page does not use. The policy
#: refuses a style that this does not match, with a message in the browser's console.
_STYLE: Final = re.compile(rb"\.textContent='(\.[^'\\]+)'")


@frozen
class Library:
    """The chart library.

    Attributes:
        compressed: Its code in base64 of zlib's format (RFC 1950), which browsers call deflate.
        digest: The hash-source of its code for a content security policy.
        styles: The hash-sources of the styles that it adds.
    """

    compressed: str
    digest: str
    styles: tuple[str, ...]


def load() -> Library:
    """Load the installed library, which takes about half a second.

    Raises:
        ModuleNotFoundError: plotly is not installed.
    """
    # It has no types; imported here because it is slow to import.
    from plotly.offline import (  # type: ignore[import-untyped] # noqa: PLC0415
        get_plotlyjs,  # pyright: ignore[reportUnknownVariableType]
    )

    text: str = get_plotlyjs()
    code = text.encode()
    return Library(
        compressed=base64.b64encode(zlib.compress(code, 6)).decode("ascii"),
        digest=digest(code),
        styles=tuple(map(digest, _STYLE.findall(code))),
    )


def digest(code: bytes) -> str:
    """Return the hash-source that allows an inline script or style.

    Source: Content Security Policy Level 3, hash-source.
    """
    return f"'sha256-{base64.b64encode(hashlib.sha256(code).digest()).decode('ascii')}'"
