"""Reading text from files and pipes, with compression and encoding detected from the content.

Formats that the standard library supports are decompressed (gzip, bzip2, xz, and zstd from Python
3.14 on); UTF-16 and UTF-32, with or without a byte order mark, become UTF-8. Other formats are
refused by name. Data is processed in chunks as it arrives.
"""

import codecs
import re
import sys
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from modelgates_client.errors import ConfigurationError

STDIN: Final = "-"

_CHUNK: Final = 64 * 1024  # bytes to read or decompress at a time
_LAYERS: Final = 3  # of compression; more indicate an attack
_ALWAYS_ALLOWED: Final = 256 * 2**20  # bytes of decompressed data, whatever the ratio
_RATIO: Final = 500  # maximum compression ratio beyond that; logs have 5 to 50
_MEMORY: Final = 128 * 2**20  # bytes for decompression: `xz -9` needs half of it

_BOMS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark is a prefix of this one
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, None),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UNPACK: Final = "unpack it, and give its contents"
_LEDGER: Final = "if it is a ledger, give only --ledger with it"
_EXPORT: Final = "export it as CSV or JSON Lines"
_NO_TEXT: Final = "expected a text file"

#: Formats by their first bytes, with the advice to give.
_FOREIGN: Final = (
    (b"PK\x03\x04", "a zip archive (or a workbook)", _UNPACK),
    (b"PK\x05\x06", "an empty zip archive", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (b"\x04\x22\x4d\x18", "compressed by lz4", _UNPACK),
    (b"\x1f\x9d", "compressed by compress", _UNPACK),
    (b"\xff\x06\x00\x00sNaPpY", "compressed by snappy", _UNPACK),
    (b"SQLite format 3\0", "an SQLite database", _LEDGER),
    (b"PAR1", "a Parquet file", _EXPORT),
    (b"ARROW1", "an Arrow file", _EXPORT),
    (b"Obj\x01", "an Avro file", _EXPORT),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document", _EXPORT),
    (b"%PDF-", "a PDF document", _EXPORT),
    (b"\x89PNG\r\n", "an image", _NO_TEXT),
    (b"\xff\xd8\xff", "an image", _NO_TEXT),
    (b"GIF8", "an image", _NO_TEXT),
    (b"\x7fELF", "a program", _NO_TEXT),
)
_SAMPLE: Final = 4096  # bytes, enough to detect an encoding
_TAR: Final = slice(257, 262)  # POSIX.1-1988, ustar

_TEXT_CONTROLS: Final = b"\0\b\t\n\v\f\r\x1a\x1b\x1e"
_CONTROLS: Final = bytes(byte for byte in range(32) if byte not in _TEXT_CONTROLS)
_RUN_LE: Final = re.compile(rb"(?:..)*?(?:[\t\n\r -~]\0){4}", re.DOTALL)
_RUN_BE: Final = re.compile(rb"(?:..)*?(?:\0[\t\n\r -~]){4}", re.DOTALL)


class UnreadableError(Exception):
    """The content is not readable text; the message says what it is, and what to do."""


class _Unpacker(Protocol):
    """A decompressor of one member, like those of `bz2` and `lzma`."""

    @property
    def eof(self) -> bool:
        """Whether the end of the member has been reached."""
        ...

    @property
    def needs_input(self) -> bool:
        """Whether more input is needed for more output."""
        ...

    @property
    def unused_data(self) -> bytes:
        """The data after the end of the member."""
        ...

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        """Decompress data, and return at most `max_length` bytes of output."""
        ...


class _Packing(NamedTuple):
    """A compression format with a decompressor in the standard library."""

    magic: bytes
    name: str
    module: str
    unpacker: str
    options: dict[str, Any]


_PACKINGS: Final = (
    _Packing(b"\x1f\x8b", "gzip", __name__, "Gunzip", {}),
    _Packing(b"BZh", "bzip2", "bz2", "BZ2Decompressor", {}),
    _Packing(b"\xfd7zXZ\0", "xz", "lzma", "LZMADecompressor", {"memlimit": _MEMORY}),
    _Packing(b"\x5d\0\0", "lzma", "lzma", "LZMADecompressor", {"memlimit": _MEMORY}),
    _Packing(b"\x28\xb5\x2f\xfd", "zstd", "compression.zstd", "ZstdDecompressor", {}),
)
_MAGICS: Final = (
    *(packing.magic for packing in _PACKINGS),
    *(magic for magic, _, _ in _FOREIGN),
)


class Gunzip:
    """A decompressor of one gzip member, with the interface of those of `bz2` and `lzma`."""

    def __init__(self) -> None:
        """Start before the header."""
        self._state = zlib.decompressobj(16 + zlib.MAX_WBITS)

    @property
    def eof(self) -> bool:
        """Whether the end of the member has been reached."""
        return self._state.eof

    @property
    def needs_input(self) -> bool:
        """Whether more input is needed for more output."""
        return not self._state.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        """The data after the end of the member."""
        return self._state.unused_data

    def decompress(self, data: bytes, max_length: int = 0, /) -> bytes:
        """Decompress data, and return at most `max_length` bytes of output."""
        return self._state.decompress(self._state.unconsumed_tail + data, max_length)


def check_stdin() -> None:
    """Check in advance that stdin can be read.

    Raises:
        ConfigurationError: Stdin is closed.
    """
    if sys.stdin is None:
        raise ConfigurationError("stdin is closed")


def read_text(name: str) -> Iterator[bytes]:
    """Yield the text of a file or of stdin (`-`) in chunks of UTF-8, as they arrive.

    Text in an encoding other than Unicode's is yielded unchanged: ids are ASCII in all of them.

    Raises:
        UnreadableError: The content is not text.
        EOFError: The content is truncated or damaged.
        OSError: The file cannot be read, or not completely.
        ConfigurationError: Stdin is closed.
    """
    with _opened(name) as read:
        yield from _text_of(iter(lambda: read(_CHUNK), b""), 0)


def split_lines(chunks: Iterable[bytes], max_length: int) -> Iterator[bytes | None]:
    """Yield lines with their line ends; None for a line of more than `max_length` bytes."""
    pending, is_too_long = b"", False
    for chunk in chunks:
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            line = pending + end
            yield None if is_too_long or len(line) > max_length else line + b"\n"
            pending, is_too_long = b"", False
        pending += rest
        if len(pending) > max_length:
            pending, is_too_long = b"", True
    if pending or is_too_long:
        yield None if is_too_long else pending


@contextmanager
def _opened(name: str) -> Generator[Callable[[int], bytes]]:
    """Open a file, and yield its read function, which blocks only while no data is available."""
    if name != STDIN:
        with Path(name).open("rb") as file:
            yield file.read1
        return
    check_stdin()
    try:
        number = sys.stdin.fileno()
    except OSError:  # not a file: a program has replaced `sys.stdin`
        yield getattr(sys.stdin.buffer, "read1", sys.stdin.buffer.read)
        return
    # Not Python's own reader: a thread that blocks in it prevents a clean exit of the process.
    with open(number, "rb", closefd=False) as stdin:
        yield stdin.read1


def _text_of(chunks: Iterator[bytes], layers: int) -> Iterator[bytes]:
    head = _head(chunks)
    chunks = chain((head,), chunks)
    packing = next((each for each in _PACKINGS if head.startswith(each.magic)), None)
    if packing is not None:
        if layers == _LAYERS:
            raise UnreadableError(f"it is compressed more than {_LAYERS} times; {_UNPACK}")
        yield from _text_of(_unpacked(chunks, packing), layers + 1)
        return
    mark, encoding = next(
        ((mark, encoding) for mark, encoding in _BOMS if head.startswith(mark)),
        (b"", _detect_encoding(head)),
    )
    if not mark and encoding is None:
        _refuse_foreign(head)
    first = next(chunks).removeprefix(mark)
    chunks = chain((first,), chunks)
    if encoding is None:
        yield from chunks
        return
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for chunk in chunks:
        yield decoder.decode(chunk).encode()
    yield decoder.decode(b"", True).encode()  # noqa: FBT003 - its name differs between decoders


def _head(chunks: Iterator[bytes]) -> bytes:
    """Read enough to detect the format; more, if the first chunk has more."""
    head = b""
    for chunk in chunks:
        head += chunk
        begins = any(len(head) < len(magic) and magic.startswith(head) for magic in _MAGICS)
        if len(head) >= 4 and not begins:  # noqa: PLR2004 - two characters of UTF-16
            break
    return head


def _detect_encoding(head: bytes) -> str | None:
    """Return the encoding of a text without a byte order mark; None if it is based on ASCII.

    In UTF-16 and UTF-32, the upper bytes of ASCII characters are null.
    """
    if b"\0" not in head:
        return None
    sample = head[: min(len(head), _SAMPLE) // 4 * 4]
    nulls = [sample[column::4].count(0) for column in range(4)]
    rows = len(sample) // 4
    if rows and nulls[2] + nulls[3] >= 1.9 * rows and nulls[0] <= 0.1 * rows < nulls[1]:
        return "utf-32-le"
    if rows and nulls[0] + nulls[1] >= 1.9 * rows and nulls[3] <= 0.1 * rows < nulls[2]:
        return "utf-32-be"
    even, odd, half = nulls[0] + nulls[2], nulls[1] + nulls[3], len(sample) // 2
    if odd > 4 * even and (odd >= 0.4 * half or _RUN_LE.match(sample)):
        return "utf-16-le"
    if even > 4 * odd and (even >= 0.4 * half or _RUN_BE.match(sample)):
        return "utf-16-be"
    return None


def _refuse_foreign(head: bytes) -> None:
    for magic, what, remedy in _FOREIGN:
        if head.startswith(magic):
            raise UnreadableError(f"it is {what}; {remedy}")
    if head[_TAR] == b"ustar":
        raise UnreadableError(f"it is a tar archive; {_UNPACK}")
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if (controls > 2 and controls > 0.05 * len(head)) or head.count(0) > 0.3 * len(head):  # noqa: PLR2004 - text has next to none
        raise UnreadableError("it is a binary file, not text")


def _unpacked(chunks: Iterable[bytes], packing: _Packing) -> Iterator[bytes]:
    """Yield decompressed data, limited by the compression ratio."""
    bytes_in = bytes_out = 0

    def counted() -> Iterator[bytes]:
        nonlocal bytes_in
        for chunk in chunks:
            bytes_in += len(chunk)
            yield chunk

    for part in _members(counted(), _unpackers(packing)):
        bytes_out += len(part)
        if bytes_out > _ALWAYS_ALLOWED and bytes_out > _RATIO * bytes_in:
            raise UnreadableError(
                f"it decompresses to more than {_RATIO} times its size: a decompression bomb"
            )
        yield part


def _unpackers(packing: _Packing) -> Callable[[], _Unpacker]:
    try:
        unpacker = getattr(import_module(packing.module), packing.unpacker)
    except ImportError:
        reason = (
            "which needs Python 3.14 or later"
            if packing.name == "zstd"
            else "which this Python cannot decompress"
        )
        raise UnreadableError(
            f"it is compressed by {packing.name}, {reason}; {_UNPACK}, as with {packing.name} -dc"
        ) from None
    return partial(unpacker, **packing.options)


def _members(chunks: Iterable[bytes], begin: Callable[[], _Unpacker]) -> Iterator[bytes]:
    """Yield decompressed data, member by member."""
    unpacker: _Unpacker | None = None
    for chunk in chunks:
        data = chunk
        while True:
            if unpacker is None:
                data = data.lstrip(b"\0")  # padding between members
                if not data:
                    break
                unpacker = begin()
            yield _part(unpacker, data)
            data = b""
            if unpacker.eof:
                data, unpacker = unpacker.unused_data, None
            elif unpacker.needs_input:
                break
    while unpacker is not None and not unpacker.eof:
        part = _part(unpacker, b"")
        if not part:
            raise EOFError("it is damaged")  # it is truncated
        yield part


def _part(unpacker: _Unpacker, data: bytes) -> bytes:
    try:
        return unpacker.decompress(data, _CHUNK)
    except Exception as error:  # each of the modules has its own error class
        raise EOFError("it is damaged") from error
