"""Decoding of content encodings: the original body within the limit, or a `ContentError`."""

import gzip
import tracemalloc
import zlib
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from modelgates_client.transport.content import ACCEPTED, ContentError, TooLargeError, decode

LIMIT = 1 << 16


def raw_deflate(body):
    """Compress without the zlib wrapper, as some servers take `deflate` to mean."""
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(body) + stream.flush()


#: How a body is sent under each name; what is only a header is sent as it is.
ENCODERS = [
    ("gzip", gzip.compress),
    ("GZip", gzip.compress),
    ("x-gzip", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", raw_deflate),
    ("identity", bytes),
    ("", bytes),
]
TEXTS = st.binary(max_size=2000) | st.builds(bytes.__mul__, st.binary(), st.integers(0, 99))
SAMPLE = b'{"data": {"id": "gen-1", "model": "a/model", "total_cost": 0.00003452}}' * 3


@given(TEXTS, st.lists(st.sampled_from(ENCODERS), max_size=3))
def test_encoded_bodies_decode_to_the_original(text, layers):
    """With any encodings, in any order, up to three layers."""
    body = text
    for _, encode in layers:
        body = encode(body)
    assert decode(body, " , ".join(name for name, _ in layers), LIMIT) == text


@given(st.lists(TEXTS, min_size=1, max_size=5), st.integers(0, 9))
def test_gzip_may_have_several_members(texts, padding):
    """In sequence (RFC 1952, section 2.2), with zero padding after them."""
    body = b"".join(map(gzip.compress, texts)) + bytes(padding)
    assert decode(body, "gzip", LIMIT) == b"".join(texts)


@pytest.mark.parametrize(("name", "encode"), ENCODERS)
@pytest.mark.parametrize("limit", [1, 2, 1000, LIMIT])
def test_the_limit_is_exact(name, encode, limit):
    """A body of exactly the limit is decoded, one byte more is not."""
    assert decode(encode(b"x" * limit), name, limit) == b"x" * limit
    with pytest.raises(TooLargeError, match=str(limit)):
        decode(encode(b"x" * (limit + 1)), name, limit)


@given(st.integers(0, 50), st.lists(st.integers(1, 50), min_size=1, max_size=4))
def test_the_limit_applies_to_all_members_together(limit, sizes):
    """Otherwise many small members could exceed it."""
    body = b"".join(gzip.compress(b"x" * size) for size in sizes)
    if sum(sizes) > limit:
        with pytest.raises(TooLargeError):
            decode(body, "gzip", limit)
    else:
        assert decode(body, "gzip", limit) == b"x" * sum(sizes)


@pytest.mark.parametrize("encodings", ["gzip", "deflate", "gzip, gzip", "deflate, gzip, gzip"])
def test_a_compression_bomb_does_not_fill_memory(encodings):
    """64 MiB of zeros use no more memory than a few times the limit."""
    limit, body = 1 << 18, bytes(1 << 26)
    for name in encodings.split(", "):
        body = gzip.compress(body) if name == "gzip" else zlib.compress(body)
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError):
            decode(body, encodings, limit)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * limit + len(body)


def test_a_gzip_with_too_many_members_is_rejected():
    """Each copies the remaining bytes: a body of 16 MiB would take minutes."""
    member = gzip.compress(b"")
    assert decode(member * 50, "gzip", LIMIT) == b""
    with pytest.raises(ContentError, match="parts"):
        decode(member * 1000, "gzip", LIMIT)


@pytest.mark.parametrize(("name", "encode"), ENCODERS[:5])
def test_a_truncated_body_is_an_error(name, encode):
    """Wherever it is truncated."""
    body = encode(SAMPLE)
    assert decode(body, name, LIMIT) == SAMPLE
    for length in range(len(body)):
        with pytest.raises(ContentError):
            decode(body[:length], name, LIMIT)


@pytest.mark.parametrize("encode", [zlib.compress, raw_deflate])
def test_data_after_a_deflate_stream_is_an_error(encode):
    """Unlike gzip, deflate has no members."""
    with pytest.raises(ContentError, match="data after"):
        decode(encode(SAMPLE) + encode(b"more"), "deflate", LIMIT)


def test_a_truncated_second_member_is_an_error():
    """Even if only its first bytes were received."""
    first, second = gzip.compress(SAMPLE), gzip.compress(b"more")
    for length in range(1, len(second)):
        with pytest.raises(ContentError):
            decode(first + second[:length], "gzip", LIMIT)


@pytest.mark.parametrize(("name", "encode"), ENCODERS[:5])
@pytest.mark.parametrize("behind", [b"x", b"\0x", b"{}", b"\x1f\x8b"])
def test_data_after_the_end_is_an_error(name, encode, behind):
    """It may be the beginning of another response."""
    with pytest.raises(ContentError):
        decode(encode(SAMPLE) + behind, name, LIMIT)


@pytest.mark.parametrize(("name", "encode"), [ENCODERS[0], ENCODERS[3]])
def test_a_flipped_bit_is_detected(name, encode):
    """gzip and zlib have checksums: the result is the original, or an error."""
    body = encode(SAMPLE)
    for at in range(len(body) * 8):
        damaged = bytearray(body)
        damaged[at // 8] ^= 1 << at % 8
        try:
            assert decode(bytes(damaged), name, LIMIT) == SAMPLE
        except ContentError as error:
            assert str(error)  # noqa: PT017 - a few bits of the header mean nothing


@given(
    st.binary(max_size=300),
    st.text(max_size=20)
    | st.lists(st.sampled_from(["gzip", "x-gzip", "deflate", "identity", "br", " "])).map(",".join),
    st.integers(0, 100),
)
def test_arbitrary_bytes_raise_only_content_errors(body, encodings, limit):
    """Whatever their declared encoding."""
    try:
        assert len(decode(body, encodings, limit)) <= limit
    except ContentError as error:
        assert str(error)  # noqa: PT017 - either may happen


@given(st.data(), st.sampled_from(ENCODERS[:5]))
def test_damaged_bodies_raise_only_content_errors(data, encoder):
    """Nearly valid bodies reach more of the code."""
    name, encode = encoder
    body = encode(SAMPLE)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), min_size=2, max_size=6)))
    pieces = [body[start:end] for start, end in pairwise(cuts)]
    damaged = b"".join(data.draw(st.permutations(pieces)))
    try:
        assert len(decode(damaged, name, LIMIT)) <= LIMIT
    except ContentError as error:
        assert str(error)  # noqa: PT017 - either may happen


@pytest.mark.parametrize(
    "encodings", ["br", "zstd", "compress", "gzip, br", "gzip;q=1", "gzip gzip"]
)
def test_an_encoding_that_was_not_accepted_is_an_error(encodings):
    """The error names it."""
    with pytest.raises(ContentError, match="not asked for"):
        decode(gzip.compress(b"{}"), encodings, LIMIT)


def test_too_many_layers_of_encoding_are_rejected():
    """No server needs more than three."""
    body = b"{}"
    for _ in range(3):
        body = gzip.compress(body)
    assert decode(body, "gzip, gzip, identity, gzip", LIMIT) == b"{}"
    with pytest.raises(ContentError, match="4 times"):
        decode(gzip.compress(body), "gzip, gzip, gzip, gzip", LIMIT)


def test_every_accepted_encoding_can_be_decoded():
    """Each encoding that requests accept."""
    encoders = dict(ENCODERS[::-1])
    for name in ACCEPTED.split(", "):
        assert decode(encoders[name](SAMPLE), name, LIMIT) == SAMPLE
