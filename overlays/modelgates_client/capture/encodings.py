"""Incremental decoding of Content-Encoding, in bounded chunks. Source: RFC 9110, section 8.4.1."""

import zlib
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Final

_PIECE: Final = 64 * 1024  # bytes
_ZLIB: Final = 8  # the only compression method

#: Takes the next bytes of a body, and yields them decoded.
Decode = Callable[[bytes], Iterator[bytes]]


def decoder(content_encoding: str) -> Decode | None:
    """Return a decoder for the encodings in a header; None if one of them is not supported.

    `br` and `zstd` are decoded if a module for them is installed; otherwise httpx does not request
    them.
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
    """Yield the data unchanged."""
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
            return _inflate(zlib.MAX_WBITS | 16)
        case "deflate":
            return _deflate()
        case "br":
            return _brotli()
        case "zstd":
            return _zstd()
        case _:
            return None


def _inflate(wbits: int) -> Decode:
    state = zlib.decompressobj(wbits)

    def decode(data: bytes) -> Iterator[bytes]:
        while data and not state.eof:
            yield state.decompress(data, _PIECE)
            data = state.unconsumed_tail

    return decode


def _deflate() -> Decode:
    """Decode `deflate`: the zlib format, or raw deflate data, as some servers send it."""
    chosen: list[Decode] = []

    def decode(data: bytes) -> Iterator[bytes]:
        if not chosen and data:
            # RFC 1950: the low half of the first byte of a zlib stream is the method; raw data that
            # begins like that would have to be a stored block with unusual padding.
            is_zlib = data[0] & 0x0F == _ZLIB
            chosen.append(_inflate(zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS))
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
    """Return the first module that is installed; None if none is."""
    for name in names:
        try:
            return import_module(name)
        except ImportError:
            continue
    return None
