"""Gets the bytes of a source: exactly one request, file or pipe."""

import asyncio
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import BinaryIO

import httpx
from common.guard import MAX_BYTES
from common.tool_errors import ToolError

from vendoring.addresses import is_this_machine

#: Seconds for a fetch, from the DNS lookup to the last byte.
DEADLINE_S = 60.0

_GZIP = 16 + zlib.MAX_WBITS  # zlib's constant for gzip's header and checksum
_MAX_REPORTED = 200  # characters of a server's text in an error message
_REDIRECTS = {301, 302, 303, 307, 308}


@dataclass(frozen=True)
class Fetched:
    """The content of a source.

    Attributes:
        content: The bytes; of a response, after decompression.
        name: Its name in error messages.
        origin: What the lock records as the source, without private parts.
    """

    content: bytes
    name: str
    origin: str


def fetch(source: str, *, deadline_s: float = DEADLINE_S) -> Fetched:
    """Return the content of a source.

    The lock is public. Therefore a URL's query, which may contain a key, is sent but not recorded,
    and only the name of a file is recorded.

    Args:
        source: An https URL (http for this machine alone), a file, or `-` for standard input.
        deadline_s: Total seconds for a URL.

    Raises:
        ToolError: It cannot be read, or is too large.
    """
    if source == "-":
        name = "standard input"
        return Fetched(_read_limited(sys.stdin.buffer, name), name, name)
    if "://" in source:
        url = _checked_url(source)
        origin = str(url.copy_with(query=None, fragment=None))
        name = PurePath(url.path).name or url.host
        return Fetched(_download(url, origin, deadline_s), name, origin)
    path = Path(source)
    try:
        with path.open("rb") as file:
            return Fetched(_read_limited(file, path.name), path.name, path.name)
    except FileNotFoundError:
        raise ToolError(f"there is no file {source!r}; give a file, an https URL or `-`") from None
    except OSError as error:
        raise ToolError(f"{source!r} cannot be read: {error.strerror}; give a file") from None


def _read_limited(file: BinaryIO, name: str) -> bytes:
    content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ToolError(f"{name} is larger than {MAX_BYTES} bytes; give a document that holds less")
    return content


def _checked_url(source: str) -> httpx.URL:
    try:
        url = httpx.URL(source)
    except (httpx.InvalidURL, UnicodeError):
        raise ToolError("the source is not a valid URL; give an https URL, a file or `-`") from None
    if url.userinfo:
        raise ToolError(
            "the URL has a user or password, which are not sent; give a URL without them"
        )
    if not url.host:
        raise ToolError("the URL has no host; give an https URL, a file or `-`")
    if url.scheme != "https" and not (url.scheme == "http" and is_this_machine(url.host)):
        raise ToolError(
            f"{url.scheme!r:.20} is not a safe scheme for a spec: anyone who changes it in "
            "transit decides what code is generated; give an https URL"
        )
    return url


def _download(url: httpx.URL, redacted: str, deadline_s: float) -> bytes:
    try:
        return asyncio.run(_get(url, redacted, deadline_s))
    except TimeoutError:
        raise ToolError(f"{redacted} was not fetched within {deadline_s:g} s; try again") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = _printable(str(error)) or type(error).__name__
        raise ToolError(f"{redacted} cannot be fetched: {reason}") from None


async def _get(url: httpx.URL, redacted: str, deadline_s: float) -> bytes:
    # httpx limits each step but not the whole: a server that sends slowly would be read for ever.
    # It would also decompress without a limit, so `_body` decompresses instead.
    headers = {"Accept": "*/*", "Accept-Encoding": "gzip", "User-Agent": "modelgates-client-vendor"}
    async with (
        asyncio.timeout(deadline_s),
        httpx.AsyncClient(
            timeout=None,  # noqa: S113 - the deadline above covers the whole request
            follow_redirects=False,
            trust_env=not is_this_machine(url.host),  # the environment's proxy
        ) as client,
        client.stream("GET", url, headers=headers) as response,
    ):
        _check_head(response, redacted)
        return await _body(response, redacted)


def _check_head(response: httpx.Response, redacted: str) -> None:
    status = response.status_code
    if status in _REDIRECTS:
        target = _printable(response.headers.get("location", "nowhere"))
        raise ToolError(
            f"{redacted} redirects ({status}) to {target!r}; redirects are not followed: give that "
            "URL if you trust it"
        )
    if status != httpx.codes.OK:
        raise ToolError(f"{redacted} responds with {status}, not 200; is it the right URL?")


async def _body(response: httpx.Response, redacted: str) -> bytes:
    """Read a body up to the maximum size: a megabyte can be compressed to a kilobyte."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip", "x-gzip"}:
        raise ToolError(
            f"{redacted} is encoded as {_printable(encoding)!r}, which was not asked for"
        )
    decompressor = None if encoding == "identity" else zlib.decompressobj(_GZIP)
    content = bytearray()
    received = 0
    async for chunk in response.aiter_raw():
        received += len(chunk)
        if decompressor is None:
            content += chunk
        elif not decompressor.eof:
            try:
                content += decompressor.decompress(chunk, MAX_BYTES + 1 - len(content))
            except zlib.error:
                raise ToolError(
                    f"{redacted} is not the gzip that it says it is; try again"
                ) from None
        if max(received, len(content)) > MAX_BYTES:
            raise ToolError(
                f"{redacted} is larger than {MAX_BYTES} bytes; give one that holds less"
            )
    if decompressor is not None and not decompressor.eof:
        raise ToolError(f"{redacted} ends too early; try again")
    return bytes(content)


def _printable(reason: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in reason[:_MAX_REPORTED])
