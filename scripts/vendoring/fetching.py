"""Getting the bytes of a source: one request, one file or one pipe, and never another."""

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

#: Seconds for a fetch, from the look-up of the name to the last byte.
DEADLINE_S = 60.0

_GZIP = 16 + zlib.MAX_WBITS  # zlib's number for: with gzip's header and checksum
_SHOWN = 200  # characters of what a server says that are worth showing
_REDIRECTS = {301, 302, 303, 307, 308}


@dataclass(frozen=True)
class Fetched:
    """What a source held.

    Attributes:
        content: Byte for byte; of an answer, what was compressed for the way.
        name: Its name in error messages.
        origin: What the lock records: where it came from, without anything private.
    """

    content: bytes
    name: str
    origin: str


def fetch(source: str, *, deadline_s: float = DEADLINE_S) -> Fetched:
    """Return what a source holds.

    The lock is public. So of a URL the query is sent, but not recorded, since it may be a key; of a
    file only its name is recorded.

    Args:
        source: An https URL (http for this machine alone), a file, or `-` for standard input.
        deadline_s: Seconds for a URL, in all.

    Raises:
        ToolError: It cannot be had, or is too large.
    """
    if source == "-":
        name = "standard input"
        return Fetched(_limited(sys.stdin.buffer, name), name, name)
    if "://" in source:
        url = _url(source)
        origin = str(url.copy_with(query=None, fragment=None))
        name = PurePath(url.path).name or url.host
        return Fetched(_requested(url, origin, deadline_s), name, origin)
    path = Path(source)
    try:
        with path.open("rb") as file:
            return Fetched(_limited(file, path.name), path.name, path.name)
    except FileNotFoundError:
        raise ToolError(f"there is no file {source!r}; name a file, an https URL or `-`") from None
    except OSError as error:
        raise ToolError(f"{source!r} cannot be read: {error.strerror}; name a file") from None


def _limited(file: BinaryIO, name: str) -> bytes:
    content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ToolError(f"{name} is larger than {MAX_BYTES} bytes; give a document that holds less")
    return content


def _url(source: str) -> httpx.URL:
    try:
        url = httpx.URL(source)
    except (httpx.InvalidURL, UnicodeError):
        raise ToolError("the source is not a valid URL; name an https URL, a file or `-`") from None
    if url.userinfo:
        raise ToolError("the URL names a user or password, which are not sent; give one without")
    if not url.host:
        raise ToolError("the URL names no host; name an https URL, a file or `-`")
    if url.scheme != "https" and not (url.scheme == "http" and is_this_machine(url.host)):
        raise ToolError(
            f"{url.scheme!r:.20} is not how a spec is fetched: who can change it on the way "
            "decides what code is generated; give an https URL"
        )
    return url


def _requested(url: httpx.URL, shown: str, deadline_s: float) -> bytes:
    try:
        return asyncio.run(_get(url, shown, deadline_s))
    except TimeoutError:
        raise ToolError(f"{shown} was not there within {deadline_s:g} s; try again") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        words = _printable(str(error)) or type(error).__name__
        raise ToolError(f"{shown} cannot be fetched: {words}") from None


async def _get(url: httpx.URL, shown: str, deadline_s: float) -> bytes:
    # httpx bounds each step, not the whole: a server that drips would be read for ever. Nor is it
    # asked to expand what is compressed, which it would do without bounds.
    headers = {"Accept": "*/*", "Accept-Encoding": "gzip", "User-Agent": "modelgates-client-vendor"}
    async with (
        asyncio.timeout(deadline_s),
        httpx.AsyncClient(
            timeout=None,  # noqa: S113 - the deadline above is for all of it
            follow_redirects=False,
            trust_env=not is_this_machine(url.host),  # the environment's proxy
        ) as client,
        client.stream("GET", url, headers=headers) as response,
    ):
        _check_head(response, shown)
        return await _body(response, shown)


def _check_head(response: httpx.Response, shown: str) -> None:
    status = response.status_code
    if status in _REDIRECTS:
        target = _printable(response.headers.get("location", "nowhere"))
        raise ToolError(
            f"{shown} redirects ({status}) to {target!r}; redirects are not followed: name that "
            "URL, if it is to be trusted"
        )
    if status != httpx.codes.OK:
        raise ToolError(f"{shown} answers {status}, not 200; is it the right URL?")


async def _body(response: httpx.Response, shown: str) -> bytes:
    """Read a body, never more of it than is wanted: a megabyte can be compressed to a kilobyte."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip", "x-gzip"}:
        raise ToolError(f"{shown} is encoded as {_printable(encoding)!r}, which was not asked for")
    expanding = None if encoding == "identity" else zlib.decompressobj(_GZIP)
    content = bytearray()
    received = 0
    async for chunk in response.aiter_raw():
        received += len(chunk)
        if expanding is None:
            content += chunk
        elif not expanding.eof:
            try:
                content += expanding.decompress(chunk, MAX_BYTES + 1 - len(content))
            except zlib.error:
                raise ToolError(f"{shown} is not the gzip that it says it is; try again") from None
        if max(received, len(content)) > MAX_BYTES:
            raise ToolError(f"{shown} is larger than {MAX_BYTES} bytes; give one that holds less")
    if expanding is not None and not expanding.eof:
        raise ToolError(f"{shown} ends too early; try again")
    return bytes(content)


def _printable(words: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in words[:_SHOWN])
