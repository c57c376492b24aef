"""The code of plotly.js, packed to a third: the page unpacks it by what browsers have."""

import base64
import hashlib
import re
import zlib
from typing import Final

from attrs import frozen

from modelgates_client.errors import ConfigurationError

#: A style that it adds as soon as it runs: of its maps, which the page has none of. What is not
#: found here is refused by the policy, and the browser's console says so.
_STYLE: Final = re.compile(rb"\.textContent='(\.[^'\\]+)'")


@frozen
class Library:
    """The chart library.

    Attributes:
        packed: Its code, in base64 of zlib's format (RFC 1950, which browsers call deflate).
        digest: What a content security policy allows it by.
        styles: The same, of the styles that it adds.
    """

    packed: str
    digest: str
    styles: tuple[str, ...]


def load() -> Library:
    """Return the library that is installed; it takes about half a second.

    Raises:
        ConfigurationError: There is none.
    """
    try:
        # No types come with it; loaded only now, because it costs.
        from plotly.offline import (  # type: ignore[import-untyped] # noqa: PLC0415
            get_plotlyjs,  # pyright: ignore[reportUnknownVariableType]
        )
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "plotly":
            raise
        raise ConfigurationError(
            "the page needs an extra: pip install 'modelgates-client[report]'"
        ) from None
    text: str = get_plotlyjs()
    code = text.encode()
    return Library(
        packed=base64.b64encode(zlib.compress(code, 6)).decode("ascii"),
        digest=digest(code),
        styles=tuple(map(digest, _STYLE.findall(code))),
    )


def digest(code: bytes) -> str:
    """Return what a policy allows an inline script or style by.

    Source: Content Security Policy Level 3, hash-source.
    """
    return f"'sha256-{base64.b64encode(hashlib.sha256(code).digest()).decode('ascii')}'"
