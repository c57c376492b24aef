"""Reading files and pipes: compression and encoding are detected by content."""

import bz2
import gzip
import io
import lzma
import os
import sys
import threading
import tracemalloc
import zipfile
import zlib

import pytest
from hypothesis import given, strategies as st

from modelgates_client import ConfigurationError
from modelgates_client.cli import reading
from modelgates_client.cli.reading import split_lines
from modelgates_client.cli.recordings import read_lines

TEXT = "".join(f"gen-{1771967973 + number}-{number:020d}, grüße\n" for number in range(3000))
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"]
ENCODINGS += ["utf-32-be"]
COMPRESSIONS = {
    "plain": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    "twice": lambda data: gzip.compress(lzma.compress(data)),
    "concatenated": lambda data: (
        gzip.compress(data[:4000]) + gzip.compress(data[4000:]) + bytes(512)
    ),
}


def read(name):
    """Return the lines of a file, as text."""
    return [line.decode() for _, line in read_lines(str(name), documents=False)]


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_compression_and_encoding_are_detected_by_content(tmp_path, compression, encoding):
    """The file's name does not matter."""
    file = tmp_path / "ids.txt"
    file.write_bytes(COMPRESSIONS[compression](TEXT.encode(encoding)))

    assert read(file) == TEXT.splitlines(keepends=True)


@pytest.mark.skipif(os.name != "posix", reason="needs named pipes")
@pytest.mark.parametrize("compression", ["plain", "gzip"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_a_pipe_is_read_like_a_file(tmp_path, compression, encoding):
    """It may deliver single bytes."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    content = COMPRESSIONS[compression](TEXT[:400].encode(encoding))

    def write():
        with open(pipe, "wb", buffering=0) as file:  # noqa: PTH123
            file.writelines(bytes([byte]) for byte in content)

    writer = threading.Thread(target=write)
    writer.start()
    assert read(pipe) == TEXT[:400].splitlines(keepends=True)
    writer.join()


def _zip_archive():
    archive_bytes = io.BytesIO()
    with zipfile.ZipFile(archive_bytes, "w") as archive:
        archive.writestr("ids.txt", TEXT)
    return archive_bytes.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (_zip_archive(), "it is a zip archive"),
        (gzip.compress(_zip_archive()), "it is a zip archive"),
        (b"ids.txt".ljust(257, b"\0") + b"ustar\x0000" + bytes(300), "it is a tar archive"),
        (b"SQLite format 3\0" + bytes(100), "it is an SQLite database"),
        (b"PAR1" + bytes(100), "it is a Parquet file"),
        (b"\x7fELF\x02\x01\x01" + bytes(100), "it is a program"),
        (bytes(range(256)) * 4, "it is a binary file, not text"),
        (bytes(1000), "it is a binary file, not text"),
        (
            gzip.compress(gzip.compress(gzip.compress(gzip.compress(b"gen-1")))),
            "more than 3 times",
        ),
        (gzip.compress(TEXT.encode())[:-50], "it is damaged"),
        (bz2.compress(TEXT.encode())[:-50], "it is damaged"),
        (lzma.compress(TEXT.encode())[:-50], "it is damaged"),
        (gzip.compress(b"gen-1\n") + b"gen-2\n", "it is damaged"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # some contents include the time
)
def test_a_file_that_is_not_text_is_refused_by_name(tmp_path, content, message):
    """The error says what to do."""
    file = tmp_path / "ids.txt"
    file.write_bytes(content)

    with pytest.raises(ConfigurationError, match=message):
        read(file)


def test_zstd_is_read_from_python_3_14_on(tmp_path):
    """On earlier versions, the error says what to do."""
    frame = bytes.fromhex("28b52ffd0006310000") + b"gen-1\n"  # RFC 8878: one raw block, no checksum
    file = tmp_path / "ids.zst"
    file.write_bytes(frame)
    if sys.version_info >= (3, 14):
        assert read(file) == ["gen-1\n"]
    else:
        with pytest.raises(ConfigurationError, match="zstd -dc"):
            read(file)


def test_a_bomb_is_refused(tmp_path, monkeypatch):
    """A file whose contents grow far beyond its size; memory is bounded until then."""
    monkeypatch.setattr(reading, "_ALWAYS_ALLOWED", 2**20)
    file = tmp_path / "bomb"
    compressor = zlib.compressobj(9, wbits=31)
    zeros = b" " * 2**20
    file.write_bytes(b"".join(compressor.compress(zeros) for _ in range(64)) + compressor.flush())
    tracemalloc.start()
    try:
        with pytest.raises(ConfigurationError, match="a decompression bomb"):
            read(file)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


@given(st.lists(st.binary(max_size=12)), st.integers(1, 8))
def test_lines_do_not_depend_on_chunks(chunks, max_length):
    """Compared with the standard library's `splitlines`."""
    lines_of_file = io.BytesIO(b"".join(chunks)).readlines()
    expected = [
        None if len(line.removesuffix(b"\n")) > max_length else line for line in lines_of_file
    ]

    assert list(split_lines(chunks, max_length)) == expected


@given(st.text(st.characters(codec="utf-8"), max_size=30), st.sampled_from(ENCODINGS))
def test_text_after_ids_is_decoded(text, encoding):
    """The text may be in any script."""
    content = ("gen-1771967973-0hZ8J5kY7qLMOKbPx0u3 " * 3 + text).encode(encoding)
    decoded = b"".join(reading._text_of(iter([content[:7], content[7:]]), 0))

    if not decoded.count(0):  # a null character would be told from nothing
        assert decoded.decode().endswith(text)
