"""Incremental decoding of Content-Encoding."""

import gzip
import zlib

import brotli
import pytest
import zstandard

from modelgates_client.capture import encodings
from modelgates_client.capture.encodings import decoder

TEXT = b'{"id":"gen-1"}' + bytes(range(256)) * 1000


def raw_deflate(data):
    state = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return state.compress(data) + state.flush()


ENCODED = {
    "": TEXT,
    "identity": TEXT,
    "gzip": gzip.compress(TEXT),
    "X-GZIP": gzip.compress(TEXT),
    "deflate": zlib.compress(TEXT),
    "Deflate": raw_deflate(TEXT),
    "br": brotli.compress(TEXT),
    "zstd": zstandard.compress(TEXT),
    "gzip, br": brotli.compress(gzip.compress(TEXT)),
    "identity,deflate": zlib.compress(TEXT),
}


@pytest.mark.parametrize("size", [1, 3, 1000, 10**7])
@pytest.mark.parametrize("name", ENCODED)
def test_each_encoding_is_decoded_from_chunks_of_any_size(name, size):
    """The output equals the original and comes in bounded chunks."""
    decode, data = decoder(name), ENCODED[name]
    pieces = [piece for at in range(0, len(data), size) for piece in decode(data[at : at + size])]
    assert b"".join(pieces) == TEXT


def test_decoding_starts_before_the_body_is_complete():
    """The first flushed bytes of a compressed stream are decoded."""
    state = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    first = state.compress(b"data: 1\n\n") + state.flush(zlib.Z_SYNC_FLUSH)
    assert b"".join(decoder("gzip")(first)) == b"data: 1\n\n"


def test_a_decompression_bomb_is_decoded_in_chunks():
    """A megabyte of zeros is not one chunk."""
    pieces = [*decoder("gzip")(gzip.compress(bytes(10**6)))]
    assert sum(map(len, pieces)) == 10**6
    assert max(map(len, pieces)) <= 2**16


@pytest.mark.parametrize("name", ["snappy", "gzip, snappy", "*"])
def test_an_unknown_encoding_has_no_decoder(name):
    """The body is not scanned then."""
    assert decoder(name) is None


@pytest.mark.parametrize("name", ["br", "zstd"])
def test_an_encoding_without_its_module_has_no_decoder(name, monkeypatch):
    """httpx does not request it then."""

    def fail_to_import(module):
        raise ModuleNotFoundError(module)

    monkeypatch.setattr(encodings, "import_module", fail_to_import)
    assert decoder(name) is None
