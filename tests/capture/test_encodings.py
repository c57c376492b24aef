"""Content-Encoding undone as it comes."""

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
def test_each_encoding_is_undone_whatever_the_pieces_are(name, size):
    """The bytes come out that were put in, bounded pieces at a time."""
    decode, data = decoder(name), ENCODED[name]
    pieces = [piece for at in range(0, len(data), size) for piece in decode(data[at : at + size])]
    assert b"".join(pieces) == TEXT


def test_what_comes_out_begins_before_all_is_there():
    """The first bytes of a compressed stream, flushed, yield what was put in."""
    state = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    first = state.compress(b"data: 1\n\n") + state.flush(zlib.Z_SYNC_FLUSH)
    assert b"".join(decoder("gzip")(first)) == b"data: 1\n\n"


def test_a_bomb_comes_out_in_pieces():
    """A megabyte of zeros is no piece of a megabyte."""
    pieces = [*decoder("gzip")(gzip.compress(bytes(10**6)))]
    assert sum(map(len, pieces)) == 10**6
    assert max(map(len, pieces)) <= 2**16


@pytest.mark.parametrize("name", ["snappy", "gzip, snappy", "*"])
def test_an_encoding_that_nobody_knows_is_not_undone(name):
    """There is nothing to read then."""
    assert decoder(name) is None


@pytest.mark.parametrize("name", ["br", "zstd"])
def test_where_no_module_is_installed_an_encoding_is_not_undone(name, monkeypatch):
    """httpx does not ask for it there."""

    def lacking(module):
        raise ModuleNotFoundError(module)

    monkeypatch.setattr(encodings, "import_module", lacking)
    assert decoder(name) is None
