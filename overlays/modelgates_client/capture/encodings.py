"""Content-Encoding undone as it comes, in bounded pieces. Source: RFC 9110, section 8.4.1."""

import zlib
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Final

_PIECE: Final = 64 * 1024  # bytes
_ZLIB: Final = 8  # the one method there is

#: Takes the next bytes of a body; yields what they are.
Decode = Callable[[bytes], Iterator[bytes]]


def decoder(content_encoding: str) -> Decode | None:
    """Return what undoes the encodings of a header; None where that cannot be done here.

    `br` and `zstd` are undone where a module for them is installed: where there is none, httpx does
    not ask for them.
    """
    decode: Decode = identity
    if not content_encoding:
        return decode
    for name in content_encoding.lower().split(","):  # in the order in which they were applied
        outer = _decoder(name.strip())
        if outer is None:
            return None
        decode = _chained(outer, decode)
    return decode


def identity(data: bytes) -> Iterator[bytes]:
    """Undo nothing."""
    yield data


def _chained(outer: Decode, inner: Decode) -> Decode:
    if inner is identity:
        return outer
    if outer is identity:
        return inner

    def decode(data: bytes) -> Iterator[bytes]:
        for piece in outer(data):
            yield from inner(piece)

    return decode


def _decoder(name: str) -> Decode | None:
    match name:
        case "" | "identity":
            return identity
        case "gzip" | "x-gzip":
            return _inflating(zlib.MAX_WBITS | 16)
        case "deflate":
            return _deflate()
        case "br":
            return _brotli()
        case "zstd":
            return _zstd()
        case _:
            return None


def _inflating(wbits: int) -> Decode:
    state = zlib.decompressobj(wbits)

    def decode(data: bytes) -> Iterator[bytes]:
        while data and not state.eof:
            yield state.decompress(data, _PIECE)
            data = state.unconsumed_tail

    return decode


def _deflate() -> Decode:
    """Undo `deflate`: zlib's format, or without its frame, as some servers have it."""
    chosen: list[Decode] = []

    def decode(data: bytes) -> Iterator[bytes]:
        if not chosen and data:
            # RFC 1950: a frame begins with a byte whose low half is the method; what begins without
            # one would have to be a stored block with odd padding
            is_framed = data[0] & 0x0F == _ZLIB
            chosen.append(_inflating(zlib.MAX_WBITS if is_framed else -zlib.MAX_WBITS))
        for each in chosen:
            yield from each(data)

    return decode


def _brotli() -> Decode | None:
    module = _installed("brotli", "brotlicffi")
    if module is None:
        return None
    state = module.Decompressor()
    process = getattr(state, "process", None) or state.decompress
    return lambda data: iter((bytes(process(data)),))


def _zstd() -> Decode | None:
    module = _installed("compression.zstd", "backports.zstd", "zstandard")
    if module is None:
        return None
    state = module.ZstdDecompressor()
    if hasattr(state, "decompressobj"):
        state = state.decompressobj()
    return lambda data: iter((bytes(state.decompress(data)),))


def _installed(*names: str) -> Any:
    """Return the first module that is there; None if none is."""
    for name in names:
        try:
            return import_module(name)
        except ImportError:
            continue
    return None
