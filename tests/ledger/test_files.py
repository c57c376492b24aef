"""The file of a ledger: its permissions, and what is refused in its place."""

import os
import pickle
import socket
import sqlite3
import stat
from pathlib import Path

import pytest

from modelgates_client import ModelGatesError
from modelgates_client.ledger import Ledger, LedgerCounts, LedgerError, files

from .sample_outcomes import body, integrity_check, output_words, resolved, start_program

BESIDE = ("", "-wal", "-shm")


@pytest.fixture
def umask():
    """Sets the umask of the process for one test."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def mode(path):
    """Return the permissions of a file."""
    return stat.S_IMODE(Path(path).stat().st_mode)


def refusal(path, **options):
    """Return the error of opening a ledger: one line, from an error that pickles."""
    with pytest.raises(LedgerError) as caught:
        Ledger(path, **options)
    error = caught.value
    assert isinstance(error, ModelGatesError)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert str(error).startswith(f"the ledger {str(path)!r}: ")
    assert "\n" not in str(error)
    assert error.remedy
    return str(error)


@pytest.mark.parametrize("mask", [0, 0o022, 0o777])
def test_only_the_owner_may_read_a_ledger(path, umask, mask):
    """Or SQLite's own files next to it, whatever the umask."""
    umask(mask)
    with Ledger(path) as ledger:
        ledger.add([resolved("gen-1")])
        modes = [mode(f"{path}{ending}") for ending in BESIDE]
    assert modes == [0o600] * 3
    assert [*path.parent.iterdir()] == [path]


def test_an_empty_file_becomes_a_ledger_with_mode_0600(path):
    """As `mktemp` creates one."""
    path.touch(0o644)
    Ledger(path).close()
    assert mode(path) == 0o600


def test_the_mode_of_an_existing_ledger_does_not_change(path):
    """Its owner may share it with a group."""
    Ledger(path).close()
    path.chmod(0o640)
    with Ledger(path) as ledger:
        ledger.add([resolved("gen-1")])
        assert mode(f"{path}-wal") == 0o640


def test_a_link_to_a_ledger_opens_the_ledger(path, tmp_path):
    """SQLite's own files are next to the ledger, under either name."""
    link = tmp_path / "elsewhere" / "link.db"
    link.parent.mkdir()
    link.symlink_to(path)
    with Ledger(path) as one, Ledger(link) as two:
        one.add([resolved("gen-1")])
        assert two.record("gen-1").body == body("gen-1")
        assert [*link.parent.iterdir()] == [link]


def test_a_dangling_link_is_not_followed(path, tmp_path):
    """No file is created where somebody else pointed."""
    path.symlink_to(tmp_path / "planted")
    assert "a link to" in refusal(path)
    assert "a link to" in refusal(path, read_only=True)
    path.unlink()
    path.symlink_to(path)
    assert "link" in refusal(path)
    assert not (tmp_path / "planted").exists()


@pytest.mark.parametrize("ending", ["-wal", "-shm", "-journal"])
@pytest.mark.parametrize("there", [True, False])
def test_a_link_in_place_of_sqlites_files_is_refused(path, tmp_path, ending, there):
    """Data written to it would end up where somebody else pointed."""
    if there:
        Ledger(path).close()
    path.with_name(path.name + ending).symlink_to(tmp_path / "planted")
    assert f"{ending}', where SQLite keeps recent changes, is a link" in refusal(path)
    assert not (tmp_path / "planted").exists()


def test_a_path_that_is_not_a_regular_file_is_refused(tmp_path):
    """A folder, a pipe, a socket, and paths that lead nowhere."""
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
    assert "it is a folder" in refusal(tmp_path)
    assert "it is not a regular file" in refusal(tmp_path / "pipe")
    assert "it is not a regular file" in refusal(tmp_path / "socket")
    assert "its folder does not exist" in refusal(tmp_path / "none" / "ledger.db")
    assert "Not a directory" in refusal("/dev/null/ledger.db")
    assert "null" in refusal("a\0b")
    assert "File name too long" in refusal("x" * 5000)
    assert "open it for writing to create it" in refusal(tmp_path / "none.db", read_only=True)
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize("read_only", [True, False])
def test_a_file_that_is_not_a_database_is_refused(path, read_only):
    """No byte of it changes."""
    path.write_text("gen-1\ngen-2\n" * 1000)
    before = path.read_bytes()
    assert "it is not an SQLite database" in refusal(path, read_only=read_only)
    assert path.read_bytes() == before


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize(
    "setting", ["application_id = 7", "user_version = 7", "encoding = 'UTF-8'"]
)
def test_a_database_of_another_application_is_refused(path, setting, read_only):
    """By its application id, its version or its tables; no byte changes."""
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA {setting}")
    if "encoding" in setting:
        connection.execute("CREATE TABLE theirs (a)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    assert "it is the database of another application" in refusal(path, read_only=read_only)
    assert path.read_bytes() == before
    assert [*path.parent.iterdir()] == [path]


@pytest.mark.parametrize("read_only", [True, False])
def test_a_ledger_of_a_newer_version_is_refused(path, read_only):
    """This version might break its data."""
    Ledger(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    assert "it has version 99" in refusal(path, read_only=read_only)
    assert "upgrade modelgates-client" in refusal(path, read_only=read_only)
    assert path.read_bytes() == before


def test_an_empty_file_cannot_be_read_as_a_ledger(path):
    """Reading creates nothing."""
    path.touch()
    assert "the file is empty" in refusal(path, read_only=True)
    assert path.stat().st_size == 0


def test_a_damaged_ledger_is_refused(path):
    """The error says what to do."""
    with Ledger(path) as ledger:
        ledger.add(resolved(f"gen-{number}") for number in range(100))
    content = bytearray(path.read_bytes())
    content[8192:] = b"\xff" * (len(content) - 8192)
    path.write_bytes(content)
    assert "it is damaged" in refusal(path)


def test_a_path_may_contain_any_character(tmp_path):
    """Those with a meaning in URIs, and bytes that are not UTF-8."""
    for name in ("a?mode=memory#b%41 é.db", ":memory:", os.fsdecode(b"\xff.db")):
        with Ledger(tmp_path / name) as ledger:
            ledger.add([resolved("gen-1")])
        assert (tmp_path / name).stat().st_size > 0
        with Ledger(os.fspath(tmp_path / name), read_only=True) as ledger:
            assert ledger.counts().final == 1


def test_writing_to_a_file_that_was_moved_is_an_error(path, ledger):
    """Data that would be lost is not acknowledged."""
    ledger.add([resolved("gen-1")])
    for ending in BESIDE:
        Path(f"{path}{ending}").rename(f"{path}.away{ending}")
    with pytest.raises(LedgerError, match="moved, removed or replaced"):
        ledger.add([resolved("gen-2")])
    for ending in BESIDE:
        Path(f"{path}.away{ending}").rename(f"{path}{ending}")
    ledger.add([resolved("gen-2")])
    assert ledger.counts().final == 2


def test_a_ledger_opened_read_only_cannot_be_written_to(path, ledger):
    """It sees what other objects add."""
    with Ledger(path, read_only=True) as reader:
        for write in (
            lambda: reader.add([resolved("gen-1")]),
            lambda: reader.enqueue(["gen-1"]),
            lambda: reader.lease(1),
        ):
            with pytest.raises(LedgerError, match="opened with read_only=True; open it without"):
                write()
        ledger.add([resolved("gen-1")])
        assert reader.record("gen-1").body == body("gen-1")
        assert reader.counts() == LedgerCounts(1, 0, 0, 0)


def test_using_a_closed_ledger_is_an_error(ledger):
    """Closing it again is not."""
    ledger.close()
    ledger.close()
    with pytest.raises(LedgerError, match="it was closed; open it again"):
        ledger.counts()


def test_using_a_ledger_in_a_forked_child_is_an_error(path):
    """SQLite's locks belong to a process; the parent can go on."""
    code = """
import os
from modelgates_client.ledger import Ledger, LedgerError
ledger = Ledger(sys.argv[1])
ledger.add([resolved("gen-1")])
child = os.fork()
if not child:
    try:
        ledger.counts()
    except LedgerError as error:
        ledger.close()
        os._exit(7 if "open it again after a fork" in str(error) else 1)
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
ledger.add([resolved("gen-2")])
print(ledger.counts().final)
"""
    assert output_words(start_program(code, path)) == ["7", "2"]
    assert integrity_check(path) == "ok"


READS = """
from modelgates_client.ledger import Ledger, LedgerError
def tries(**options):
    try:
        with Ledger(sys.argv[1], **options) as ledger:
            ledger.add([resolved("gen-2")]) if not options else print(ledger.counts().final)
    except LedgerError as error:
        print("refused" if {expected!r} in str(error) else error)
tries()
tries(read_only=True)
"""


@pytest.fixture
def protectable(path):
    """A ledger whose permissions, and those of its folder, a test may remove."""
    with Ledger(path) as ledger:
        ledger.add([resolved("gen-1")])
    yield path
    path.parent.chmod(0o700)


def test_a_read_only_file_can_be_read(protectable):
    """Opening it for writing is refused."""
    protectable.chmod(0o400)
    code = READS.format(expected="it is read-only")
    assert output_words(start_program(code, protectable, unprivileged=True)) == ["refused", "1"]


def test_a_ledger_in_a_read_only_folder_can_be_read(protectable):
    """SQLite cannot create its shared files there."""
    protectable.parent.chmod(0o500)
    code = READS.format(expected="make the file")
    assert output_words(start_program(code, protectable, unprivileged=True)) == ["refused", "1"]


def test_a_file_without_read_permission_is_an_error(protectable):
    """For writing and for reading."""
    protectable.chmod(0)
    code = READS.format(expected="it cannot be opened")
    assert output_words(start_program(code, protectable, unprivileged=True)) == [
        "refused",
        "refused",
    ]


def test_a_folder_without_write_permission_is_an_error(protectable):
    """The error contains the system's message."""
    protectable.unlink()
    protectable.parent.chmod(0o500)
    code = READS.format(expected="Permission denied")
    assert output_words(start_program(code, protectable, unprivileged=True))[0] == "refused"


def test_a_commit_waits_for_the_disk(ledger):
    """On macOS as well."""
    with ledger._database.reading() as connection:
        settings = [
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "fullfsync", "checkpoint_fullfsync")
        ]
    assert settings == ["wal", 2, 1, 1]


def test_a_new_file_and_its_folder_are_synced(path, monkeypatch):
    """In this order."""
    synced = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(os.fstat(fd).st_ino), fsync(fd)))
    Ledger(path).close()
    assert synced == [path.stat().st_ino, path.parent.stat().st_ino]
    Ledger(path).close()
    assert len(synced) == 2


@pytest.mark.parametrize("read_only", [False, True])
def test_a_ledger_with_hard_links_is_refused(path, read_only):
    """Each name would have its own log, whose data the other names lose."""
    Ledger(path).close()
    other = path.with_name("other.db")
    other.hardlink_to(path)
    for each in (path, other):
        with pytest.raises(LedgerError, match=r"it has 2 names \(hard links\).*make a copy"):
            Ledger(each, read_only=read_only)
    other.unlink()
    Ledger(path, read_only=read_only).close()


MOUNTS = """\
22 1 0:20 / / rw shared:1 - overlay overlay rw
36 22 8:1 /srv/ledger.db /data/led\\040ger.db rw,relatime - ext4 /dev/sda1 rw
37 22 8:1 /srv /data/folder rw,relatime - ext4 /dev/sda1 rw
"""


@pytest.mark.parametrize(
    ("name", "expected"),
    [("/data/led ger.db", True), ("/data/folder/ledger.db", False), ("/data/led", False)],
)
def test_a_mounted_file_is_detected(name, expected):
    """From the list of mounts of Linux."""
    assert files.is_mounted(Path(name), MOUNTS) is expected


def test_a_mounted_file_is_refused(path, monkeypatch):
    """Its log would be next to the mount point, not next to the file."""
    Ledger(path).close()
    mounts = path.with_name("mountinfo")
    mounts.write_text(f"36 22 8:1 /ledger.db {path} rw - ext4 /dev/sda1 rw\n")
    monkeypatch.setattr(files, "_MOUNTS", mounts)
    with pytest.raises(LedgerError, match="mount the folder that contains it"):
        Ledger(path)
