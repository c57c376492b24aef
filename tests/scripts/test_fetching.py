"""Getting the bytes of a source: scripts/vendoring/fetching.py."""

import gzip
import io
import socket
import sys
import threading
import tracemalloc
import types
import zlib

import pytest
from common.guard import MAX_BYTES
from common.tool_errors import ToolError
from vendoring import fetching
from vendoring.addresses import is_this_machine
from werkzeug import Response

PATH = "/docs/openapi.yaml"
CONTENT = "a: é\r\n# end\r\n".encode()


@pytest.fixture
def url(httpserver):
    """The address of a document on loopback."""
    return httpserver.url_for(PATH)


def answer(httpserver, content=CONTENT, status=200, **headers):
    """Set the response of the server."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    httpserver.expect_request(PATH).respond_with_response(Response(content, status, named))


def refusal(source, **options):
    """Return the words by which a source is refused."""
    with pytest.raises(ToolError) as caught:
        fetching.fetch(source, **options)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_a_url_is_requested_once_and_kept_byte_for_byte(httpserver, url):
    """Whatever its content type."""
    answer(httpserver, content_type="text/html; charset=latin-1")

    fetched = fetching.fetch(url)

    assert fetched == fetching.Fetched(CONTENT, "openapi.yaml", url)
    assert len(httpserver.log) == 1
    assert "Authorization" not in httpserver.log[0][0].headers


def test_a_query_is_sent_but_not_recorded(httpserver, url):
    """It may be a key; nor does a failure show it."""
    answer(httpserver)

    fetched = fetching.fetch(f"{url}?token=secret&x=1#part")

    assert httpserver.log[0][0].query_string == b"token=secret&x=1"
    assert fetched.origin == url
    httpserver.clear()
    assert "secret" not in refusal(f"{url}?token=secret")


def test_what_is_compressed_for_the_way_is_expanded(httpserver, url):
    """It is the server's choice."""
    answer(httpserver, gzip.compress(CONTENT), content_encoding="gzip")

    assert fetching.fetch(url).content == CONTENT


def test_a_small_response_that_expands_too_far_is_refused(httpserver, url):
    """Before it is expanded: this would be a hundred megabytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    megabyte = bytes(1 << 20)
    bomb = b"".join([*(packer.compress(megabyte) for _ in range(100)), packer.flush()])
    answer(httpserver, bomb, content_encoding="gzip")

    tracemalloc.start()
    try:
        message = refusal(url)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert "is larger than" in message
    assert peak < 10 * MAX_BYTES  # a few copies, more or fewer by the pieces in which it comes


@pytest.mark.parametrize("length", [MAX_BYTES, MAX_BYTES + 1])
def test_the_limit_holds_for_each_kind_of_source(httpserver, url, tmp_path, monkeypatch, length):
    """Exactly."""
    content = length * b" "
    answer(httpserver, content)
    (tmp_path / "spec.yaml").write_bytes(content)
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO(content)))

    for source in (url, str(tmp_path / "spec.yaml"), "-"):
        if length <= MAX_BYTES:
            assert fetching.fetch(source).content == content
        else:
            assert "is larger than" in refusal(source)


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "deflate", "zstd", "x\tx"])
def test_another_encoding_is_refused(httpserver, url, encoding):
    """It was not requested, and double compression is typical of a bomb."""
    answer(httpserver, content_encoding=encoding)

    assert "which was not asked for" in refusal(url)


def test_what_is_not_the_gzip_it_says_it_is_or_ends_early_is_refused(httpserver, url):
    """Half a document may be a document."""
    answer(httpserver, CONTENT, content_encoding="gzip")
    assert "is not the gzip" in refusal(url)
    httpserver.clear()
    answer(httpserver, gzip.compress(CONTENT)[:-4], content_encoding="gzip")
    assert "ends too early" in refusal(url)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_and_named(httpserver, url, status):
    """The maintainer decides whether to trust where it leads."""
    answer(httpserver, status=status, location="https://elsewhere.example/x")

    message = refusal(url)

    assert f"redirects ({status}) to 'https://elsewhere.example/x'" in message
    assert len(httpserver.log) == 1


@pytest.mark.parametrize("status", [201, 204, 304, 401, 404, 500, 529])
def test_another_status_than_200_is_refused(httpserver, url, status):
    """Whatever comes with it."""
    answer(httpserver, status=status)

    assert f"responds with {status}, not 200" in refusal(url)


def serve(*parts, ends=True):
    """Respond to one connection with bytes; return the address and a function to stop."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def run():
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            for part in parts:
                connection.sendall(part)
            if not ends:
                stop.wait()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def close():
        stop.set()
        thread.join()
        listener.close()

    return f"http://127.0.0.1:{listener.getsockname()[1]}/spec.yaml", close


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [b"HTTP/1.1 200 OK\r\nX-A: "],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"],
    ],
)
def test_a_server_that_stops_sending_times_out(parts):
    """Wherever it stops, at the deadline."""
    address, close = serve(*parts, ends=False)

    assert "was not fetched within 0.2 s" in refusal(address, deadline_s=0.2)
    close()


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([], "cannot be fetched: "),
        ([b"\x1b[2J\r\n\r\n"], "cannot be fetched: "),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na"], "cannot be fetched: "),
        ([b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000], "cannot be fetched: "),
        ([b"HTTP/1.1 302 Found\r\nLocation: \xff\xfe\r\nContent-Length: 0\r\n\r\n"], "redirects"),
    ],
)
def test_an_invalid_response_is_refused(parts, message):
    """In one line, printable."""
    address, close = serve(*parts)

    assert message in refusal(address)
    close()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("http://example.com/x", "'http' is not a safe scheme"),
        ("http://localhost.example.com/x", "'http' is not a safe"),
        ("http://127.0.0.1.example.com/x", "'http' is not a safe"),
        ("ftp://example.com/x", "'ftp' is not a safe"),
        ("file:///etc/passwd", "has no host"),
        ("https://user:password@example.com/x", "has a user or password"),
        ("https://user@example.com/x", "has a user or password"),
        ("https:///x", "has no host"),
        ("https://exa mple.com/\x00", "not a valid URL"),
        ("https://[::1/x", "not a valid URL"),
    ],
)
def test_other_urls_are_refused_before_anything_is_sent(source, message):
    """No intermediary may replace the document; private parts of URLs are not shown."""
    output = refusal(source)

    assert message in output
    assert "password@" not in output


def test_a_closed_port_is_an_error():
    """By the words of the system."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    assert "cannot be fetched" in refusal(f"https://127.0.0.1:{port}/x")


def test_a_file_is_recorded_without_its_directory(tmp_path):
    """The rest is irrelevant or private."""
    (tmp_path / "new.json").write_bytes(CONTENT)

    fetched = fetching.fetch(str(tmp_path / "new.json"))

    assert fetched == fetching.Fetched(CONTENT, "new.json", "new.json")


def test_a_missing_file_and_a_directory_are_refused(tmp_path):
    """The message lists the allowed names."""
    assert "there is no file" in refusal(str(tmp_path / "none"))
    assert "cannot be read" in refusal(str(tmp_path))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        *(("localhost", True), ("LOCALHOST", True), ("127.0.0.1", True), ("127.9.9.9", True)),
        *(("::1", True), ("example.com", False), ("0.0.0.0", False), ("10.0.0.1", False)),
        *(("127.1", False), ("localhost.", False), ("127.0.0.1.x", False), ("", False)),
    ],
)
def test_only_loopback_is_this_machine(host, expected):
    """Written so that there is no doubt."""
    assert is_this_machine(host) is expected
