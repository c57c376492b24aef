"""Captured ids: each is imported once, whatever happens in between."""

import json
import logging
import os
import random
import stat
import subprocess
import sys
import time

import pytest

from modelgates_client.ledger import Ledger, LedgerError, capture_file
from modelgates_client.ledger.capture_file import CaptureFile, format_line, parse_line
from modelgates_client.ledger.ledger import bring_up_to_date
from modelgates_client.ledger.reading import LedgerCounts

IDS = [f"gen-{number}" for number in range(200)]
POSIX = pytest.mark.skipif(os.name != "posix", reason="files are locked otherwise there")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "costs.db"


def capture_file_of(path):
    """Return the path of the capture file of a ledger."""
    return path.with_name(f"{path.name}-captured")


def queued_ids(path):
    """Open a ledger, and return the queued ids in order."""
    with Ledger(path) as ledger:
        return ledger.lease(100_000, wait=False)


def test_captured_ids_are_imported_once_with_their_labels(path):
    """When the ledger is opened, and in the order of capture."""
    file = CaptureFile(path)
    assert not path.exists()  # a ledger costs more than a line, and others may make it
    file.append("gen-1", {"feature": "search", "tenant": 'Ünïcode \n "quoted"'})
    file.append("gen-2")
    with Ledger(path) as ledger:
        assert ledger.counts() == LedgerCounts(0, 0, 2, 0)
        assert ledger.labels("gen-1") == {"feature": "search", "tenant": 'Ünïcode \n "quoted"'}
        assert ledger.labels("gen-2") == ledger.labels("gen-3") == {}
        assert ledger.import_captured() == 0
        file.append("gen-3")
        file.append("gen-1", {"feature": "other"})
        assert ledger.import_captured() == 1
        assert ledger.labels("gen-1") == {"feature": "search"} | ledger.labels("gen-1")
    assert queued_ids(path) == ["gen-1", "gen-2", "gen-3"]


def test_an_id_that_is_already_queued_gets_the_labels(path):
    """The labels of the first capture stay."""
    with Ledger(path) as ledger:
        ledger.enqueue(["gen-1"])
        file = CaptureFile(path)
        file.append("gen-1", {"a": "1"})
        file.append("gen-1", {"a": "2"})
        assert ledger.import_captured() == 0
        assert ledger.labels("gen-1") == {"a": "1"}


def test_only_the_owner_may_read_the_capture_file(path):
    """Like the ledger."""
    before = os.umask(0)
    try:
        CaptureFile(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(capture_file_of(path).stat().st_mode) == 0o600


@POSIX
def test_the_file_is_removed_when_its_last_writer_is_gone(path):
    """It stays while a writer has it open."""
    file, other = CaptureFile(path), CaptureFile(path)
    file.append("gen-1")
    assert queued_ids(path) == ["gen-1"]
    assert capture_file_of(path).exists()
    del file
    queued_ids(path)
    assert capture_file_of(path).exists()
    del other
    queued_ids(path)
    assert not capture_file_of(path).exists()
    CaptureFile(path).append("gen-2")
    assert queued_ids(path) == ["gen-1", "gen-2"]
    assert not capture_file_of(path).exists()


@POSIX
def test_ids_captured_after_the_file_was_deleted_are_imported(path, monkeypatch):
    """The writer creates the file again within a second."""
    monkeypatch.setattr(capture_file, "_CHECK_NS", 0)
    file = CaptureFile(path)
    file.append("gen-1")
    capture_file_of(path).unlink()
    file.append("gen-2")
    assert queued_ids(path) == ["gen-2"]


@pytest.mark.parametrize(
    "torn",
    [b"", b"\n", b'\n{"id":"gen-9', b'\n{"id":"gen-9","at":1', b"\xff\xfe\x00", b"x" * 200_000],
)
def test_a_partial_line_damages_no_other_line(path, torn):
    """A full disk leaves partial lines; each line starts with a line end of its own."""
    lines = [format_line(generation_id, 5, {}) for generation_id in ("gen-1", "gen-2")]
    capture_file_of(path).write_bytes(torn + lines[0] + torn + lines[1] + torn)
    assert queued_ids(path) == ["gen-1", "gen-2"]
    if os.name == "posix":
        assert not capture_file_of(path).exists()


HOSTILE = [
    b"null",
    b"[]",
    b"{}",
    b"5",
    b'"gen-1"',
    b"[" * 60_000,
    b'{"id":5,"at":1}',
    b'{"id":"","at":1}',
    b'{"id":"a\\nb","at":1}',
    b'{"id":"\\ud800","at":1}',
    b'{"id":"gen-1"}',
    b'{"id":"gen-1","at":"now"}',
    b'{"id":"gen-1","at":1.5}',
    b'{"id":"gen-1","at":NaN}',
    b'{"id":"gen-1","at":-1}',
    b'{"id":"gen-1","at":true}',
    b'{"id":"gen-1","at":' + b"9" * 5000 + b"}",
    b'{"id":"' + b"g" * 300 + b'","at":1}',
    b'{"id":"gen-1","at":1,"x":"' + b"x" * 70_000 + b'"}',
    b"\x00" * 100,
]


@pytest.mark.parametrize("line", HOSTILE, ids=range(len(HOSTILE)))
def test_an_invalid_line_is_skipped_and_logged(path, line, caplog):
    """The lines around it are imported."""
    assert parse_line(line) is None
    caplog.set_level(logging.WARNING, "modelgates_client")
    first, last = format_line("gen-7", 5, {}), format_line("gen-8", 5, {})
    capture_file_of(path).write_bytes(first + b"\n" + line + b"\n" + last)
    assert queued_ids(path) == ["gen-7", "gen-8"]
    assert "skipped 1 captured lines that contain no id" in caplog.text


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (None, {}),
        ([], {}),
        ({"a": 5, "b": None, "c": "d"}, {"c": "d"}),
        ({"": "x", "a b": "x", "a" * 65: "x", "é": "x", "ok": "y"}, {"ok": "y"}),
        ({"a": "x" * 1000}, {"a": "x" * 256}),
        ({"a": "\ud800\0"}, {"a": "?\N{REPLACEMENT CHARACTER}"}),
        ({f"n{n}": "x" for n in range(100)}, {f"n{n}": "x" for n in range(16)}),
    ],
)
def test_invalid_labels_of_a_line_are_dropped(path, labels, expected):
    """Too many, too long or of the wrong type; the id is imported."""
    line = json.dumps({"id": "gen-1", "at": 1, "labels": labels})
    capture_file_of(path).write_text(f"\n{line}\n")
    with Ledger(path) as ledger:
        assert ledger.counts().pending == 1
        assert ledger.labels("gen-1") == expected


def test_a_large_file_is_imported_in_several_transactions(path, monkeypatch):
    """An interrupted import continues the next time."""
    monkeypatch.setattr(capture_file, "_CHUNK", 1000)
    file = CaptureFile(path)
    for generation_id in IDS:
        file.append(generation_id)
    assert queued_ids(path) == IDS


@POSIX
@pytest.mark.parametrize("idle_writers", [0, 3])
def test_the_files_of_living_writers_are_bounded(path, monkeypatch, idle_writers):
    """A file that has grown is renamed; it is removed when its writers have opened a new one."""
    monkeypatch.setattr(capture_file, "_CHECK_NS", 0)
    monkeypatch.setattr(capture_file, "_MAX_BYTES", 1000)
    file, idle = CaptureFile(path), []
    expected, sizes = [], []
    with Ledger(path) as ledger:
        for round_number in range(20):
            if round_number < idle_writers:
                idle.append(CaptureFile(path))
            for number in range(20):
                expected.append(f"gen-{round_number}-{number}")
                file.append(expected[-1])
            assert ledger.import_captured() == 20
            assert ledger.has_all_captured()
            captured = path.parent.glob(f"{path.name}-captured*")
            sizes.append(sum(each.stat().st_size for each in captured))
        assert max(sizes) < 2000 * (2 + idle_writers)
        for number, writer in enumerate([file, *idle]):
            expected.append(f"gen-last-{number}")
            writer.append(expected[-1])
        del file, idle, writer
        ledger.import_captured()
    assert queued_ids(path) == expected
    assert not list(path.parent.glob(f"{path.name}-captured*"))


@POSIX
def test_a_line_that_is_written_while_its_file_is_renamed_is_imported(path, monkeypatch):
    """Until the writer checks, it writes to the renamed file; a file of another program stays."""
    monkeypatch.setattr(capture_file, "_MAX_BYTES", 1)
    foreign = [path.with_name(f"{path.name}-captured-{word}") for word in ("old", "1.bak", "²")]
    for each in foreign:
        each.touch()
    file = CaptureFile(path)
    file.append("gen-1")
    with Ledger(path) as ledger:
        assert path.with_name(f"{path.name}-captured-1").exists()
        file.append("gen-2")
        assert not ledger.has_all_captured()
        with Ledger(path, read_only=True) as reader:
            assert not reader.has_all_captured()
        bring_up_to_date(path)
        monkeypatch.setattr(capture_file, "_CHECK_NS", 0)
        file.append("gen-3")
    assert queued_ids(path) == ["gen-1", "gen-2", "gen-3"]
    assert all(each.exists() for each in foreign)


def test_a_file_whose_first_line_arrives_during_the_import_is_imported(path, monkeypatch):
    """The first line identifies the file; before it is written, there is nothing to import."""
    file, digest = CaptureFile(path), capture_file._digest
    arriving = ["gen-2", "gen-1"]

    def delayed(opened):
        try:
            return digest(opened)
        finally:
            if arriving:
                file.append(arriving.pop())

    file.append("gen-0")
    capture_file_of(path).write_bytes(b"")
    monkeypatch.setattr(capture_file, "_digest", delayed)
    monkeypatch.setattr("modelgates_client.ledger.ledger.has_capture_file", lambda _: True)
    assert queued_ids(path) == ["gen-1", "gen-2"]


def test_an_import_that_fails_keeps_what_it_committed(path, monkeypatch):
    """The error occurs in the middle of the file."""
    monkeypatch.setattr(capture_file, "_CHUNK", 1000)
    file = CaptureFile(path)
    for generation_id in IDS:
        file.append(generation_id)
    take, calls = capture_file._import_chunk, []

    def failing(*arguments):
        calls.append(None)
        if len(calls) == 4:
            take(*arguments)
            raise OSError("the power is gone")
        return take(*arguments)

    monkeypatch.setattr(capture_file, "_import_chunk", failing)
    with pytest.raises(OSError, match="power"):
        Ledger(path)
    with Ledger(path, read_only=True) as ledger:
        assert 0 < ledger.counts().pending < len(IDS)
    monkeypatch.setattr(capture_file, "_import_chunk", take)
    assert queued_ids(path) == IDS


@POSIX
@pytest.mark.skipif(getattr(os, "geteuid", int)() == 0, reason="root may do anything")
def test_a_read_only_ledger_with_new_captured_ids_is_an_error(path):
    """A report would leave these ids out silently."""
    with Ledger(path) as ledger:
        ledger.enqueue(["gen-1"])
    CaptureFile(path).append("gen-2")
    path.chmod(0o400)
    with pytest.raises(LedgerError, match="some captured ids are not imported"):
        bring_up_to_date(path)


def test_captured_ids_are_imported_before_a_ledger_is_read(path):
    """The ledger is created if there are only captured ids."""
    bring_up_to_date(path)
    assert not path.exists()
    CaptureFile(path).append("gen-1")
    bring_up_to_date(path)
    with Ledger(path, read_only=True) as ledger:
        assert ledger.counts().pending == 1
        assert ledger.has_all_captured()


def test_opening_read_only_imports_nothing(path):
    """Neither file changes."""
    Ledger(path).close()
    file = CaptureFile(path)
    file.append("gen-1")
    with Ledger(path, read_only=True) as ledger:
        assert ledger.counts().pending == 0
        assert not ledger.has_all_captured()
        with pytest.raises(LedgerError, match="read_only"):
            ledger.import_captured()


@POSIX
def test_a_link_a_pipe_and_a_folder_are_refused(path, tmp_path):
    """A link leads elsewhere, and a pipe would block."""
    capture_file_of(path).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LedgerError, match="cannot be used"):
        CaptureFile(path)
    assert not (tmp_path / "elsewhere").exists()
    (tmp_path / "elsewhere").write_bytes(format_line("gen-1", 1, {}))
    with pytest.raises(LedgerError, match="cannot be used"):
        Ledger(path)
    capture_file_of(path).unlink()
    os.mkfifo(capture_file_of(path))
    with pytest.raises(LedgerError, match="cannot be used"):
        CaptureFile(path)
    capture_file_of(path).unlink()
    capture_file_of(path).mkdir()
    with pytest.raises(LedgerError, match="cannot be used"):
        CaptureFile(path)
    with pytest.raises(LedgerError, match="cannot be used"):
        CaptureFile(tmp_path / "nowhere" / "costs.db")
    with pytest.raises(LedgerError, match="it is a folder"):
        CaptureFile(tmp_path)


def test_the_capture_file_is_next_to_the_ledger_not_to_a_link(path, tmp_path):
    """Otherwise a ledger with two names would have two capture files."""
    Ledger(path).close()
    link = tmp_path / "link.db"
    link.symlink_to(path)
    CaptureFile(link).append("gen-1")
    assert queued_ids(path) == ["gen-1"]


@POSIX
def test_a_forked_child_writes_to_the_same_file(path):
    """The lock is shared: the file stays until both processes are gone."""
    file = CaptureFile(path)
    file.append("gen-1")
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(writing)
        file.append("gen-2")
        os.read(reading, 1)
        os._exit(0)
    os.close(reading)
    del file
    while len(queued_ids(path)) < 2:
        time.sleep(0.01)
    assert capture_file_of(path).exists()
    os.close(writing)
    os.waitpid(child, 0)
    assert queued_ids(path) == ["gen-1", "gen-2"]
    assert not capture_file_of(path).exists()


WRITER = """
import sys
from modelgates_client.ledger import capture_file
from modelgates_client.ledger.capture_file import CaptureFile
path, name, most = sys.argv[1], sys.argv[2], int(sys.argv[3])
capture_file._CHECK_NS = 0
file = None
for number in range(most):
    if number % 20 == 0:
        file = None
        file = CaptureFile(path)
    file.append(f"gen-{name}-{number}", {"writer": name})
    print(number, flush=True)
"""


def start_writer(path, name):
    """Start a writer, which prints each id that it has written."""
    arguments = [sys.executable, "-c", WRITER, str(path), name, "3000"]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


@POSIX
@pytest.mark.slow("processes that are started, and killed")
@pytest.mark.parametrize("max_bytes", [capture_file._MAX_BYTES, 1])
def test_killed_writers_and_concurrent_imports_lose_no_id(path, monkeypatch, max_bytes):
    """Each line is imported once, while files are created, renamed and removed all the time."""
    monkeypatch.setattr(capture_file, "_MAX_BYTES", max_bytes)
    chance = random.Random(7)
    written = []
    for number in range(2):
        names = [f"{number}-{name}" for name in "abc"]
        writers = {name: start_writer(path, name) for name in names}
        for name, writer in writers.items():
            lines = [writer.stdout.readline()]
            for _ in range(3):
                time.sleep(chance.random() / 50)
                queued_ids(path)
            writer.kill()
            with writer:
                lines += writer.stdout.read().splitlines(keepends=True)
            written += [f"gen-{name}-{line.strip()}" for line in lines if line.endswith("\n")]
    ids = queued_ids(path)
    assert len(written) > 6
    assert len(ids) == len(set(ids))
    assert set(written) - set(ids) == set()
    assert not list(path.parent.glob(f"{path.name}-captured*"))


TAKER = """
import sys
from modelgates_client.ledger import Ledger
while sys.stdin.read(1):
    with Ledger(sys.argv[1]):
        print("taken", flush=True)
"""


@POSIX
@pytest.mark.slow("processes that are started")
def test_two_processes_can_import_at_the_same_time(path):
    """A third one writes, while the file is created and removed."""
    importers = [
        subprocess.Popen(
            [sys.executable, "-c", TAKER, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    expected = []
    for number in range(40):
        for importer in importers:
            importer.stdin.write("x")
            importer.stdin.flush()
        for _ in range(5):
            generation_id = f"gen-{len(expected)}"
            CaptureFile(path).append(generation_id)  # and close it
            expected.append(generation_id)
        if not number:
            for importer in importers:
                importer.stdout.readline()
    for importer in importers:
        output, _ = importer.communicate()
        assert (importer.returncode, output.count("taken")) == (0, 39)
    assert sorted(queued_ids(path)) == sorted(expected)
