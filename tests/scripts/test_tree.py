"""Trees of files: scripts/common/tree.py."""

import contextlib
import errno
import os
import shutil
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from common import tool_errors, tree


@pytest.fixture
def trees(tmp_path):
    """Two directories alike, `new` and `old`."""
    for name in ("new", "old"):
        (tmp_path / name / "package").mkdir(parents=True)
        (tmp_path / name / "package" / "a.py").write_bytes(b"a\n")
    return tmp_path / "new", tmp_path / "old"


def test_trees_alike_do_not_differ(trees):
    """Bytecode does not count."""
    new, old = trees
    (old / "package" / "__pycache__").mkdir()
    (old / "package" / "__pycache__" / "a.pyc").write_bytes(b"")

    assert list(tree.differences(new, old)) == []


def test_a_tree_below_a_directory_of_caches_counts(tmp_path):
    """Only files inside the tree are compared."""
    root = tmp_path / "__pycache__"
    root.mkdir()
    (root / "a.py").write_bytes(b"")

    assert list(tree.read(root)) == ["a.py"]


def test_every_kind_of_difference_is_named(trees):
    """One changed byte, a missing file or a leftover, in any directory."""
    new, old = trees
    (old / "package" / "a.py").write_bytes(b"a\r\n")
    (new / "b.py").write_bytes(b"")
    (old / "package" / "sub").mkdir()
    (old / "package" / "sub" / "c.txt").write_bytes(b"")

    assert list(tree.differences(new, old)) == [
        "b.py: missing",
        "package/a.py: differs",
        "package/sub/c.txt: left over, nothing generates it",
    ]


def test_what_is_not_there_lacks_everything(trees, tmp_path):
    """So does a file in its place."""
    new, _ = trees
    (tmp_path / "file").write_bytes(b"")

    for other_tree in (tmp_path / "none", tmp_path / "file"):
        assert list(tree.differences(new, other_tree)) == ["package/a.py: missing"]


@pytest.mark.parametrize("target", ["old", "none", "file"])
def test_installing_leaves_only_the_new_tree(trees, tmp_path, target):
    """Replacing a tree, nothing or a file."""
    new, old = trees
    (old / "left.py").write_bytes(b"")
    (tmp_path / "file").write_bytes(b"")
    sibling = {*tmp_path.iterdir(), tmp_path / target, tmp_path / "text"}

    tree.install(tmp_path / ".scratch", {tmp_path / target: new, tmp_path / "text": b"new"})

    assert tree.read(tmp_path / target) == tree.read(new)
    assert (tmp_path / "text").read_text() == "new"
    assert set(tmp_path.iterdir()) == sibling


@pytest.fixture
def failing(monkeypatch):
    """Let one of the renames of a test fail."""

    def fail(number, error):
        renames, rename = [], Path.rename

        def fail_once(self, target):
            renames.append(target)
            if len(renames) == number:
                raise error
            return rename(self, target)

        monkeypatch.setattr(Path, "rename", fail_once)

    yield fail
    monkeypatch.undo()


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), KeyboardInterrupt()])
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_failing_rename_leaves_the_old_tree(trees, tmp_path, failing, number, error):
    """Whichever of them fails, and be it by Ctrl-C."""
    new, old = trees
    (new / "b.py").write_bytes(b"")
    (tmp_path / "text").write_text("old")
    before, sibling = tree.read(old), set(tmp_path.iterdir())
    failing(number, error)

    with pytest.raises(type(error)):
        tree.install(tmp_path / ".scratch", {old: new, tmp_path / "text": b"new"})

    assert tree.read(old) == before
    assert (tmp_path / "text").read_text() == "old"
    assert set(tmp_path.iterdir()) == sibling


def test_an_interrupt_after_the_last_rename_leaves_the_old_files(tmp_path, monkeypatch):
    """In any folder below; it may come anywhere."""
    first, second = tmp_path / "first", tmp_path / "folder" / "second"
    first.write_bytes(b"old")
    second.parent.mkdir()
    rename = Path.rename

    def interrupted(self, target):
        rename(self, target)
        if target == second:
            raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tree.install(tmp_path / ".scratch", {first: b"new", second: b"new"})

    assert tree.read(tmp_path) == {"first": b"old"}


class Killed(BaseException):
    """Ends a process before anything is restored."""


@pytest.mark.parametrize("number", range(1, 6))
def test_what_is_killed_is_finished_by_the_next(trees, tmp_path, monkeypatch, number):
    """Before the first rename, between any two, and before the scratch directory is cleared."""
    new, old = trees
    (new / "b.py").write_bytes(b"")
    (tmp_path / "text").write_text("old")
    sibling, scratch = set(tmp_path.iterdir()), tmp_path / ".scratch"
    expected = {"package/a.py": b"a\n", "b.py": b""}
    with monkeypatch.context() as patch:
        patch.setattr(tree.shutil, "rmtree", lambda _: None)
        kill_at(number, patch)
        with contextlib.suppress(Killed):
            tree.install(scratch, {old: new, tmp_path / "text": b"new"})
    assert scratch.exists()

    tree.finish(scratch)

    assert tree.read(old) == expected
    assert (tmp_path / "text").read_text() == "new"
    assert set(tmp_path.iterdir()) == sibling


def kill_at(number, patch):
    """From one of the renames on, do nothing: neither the rest, nor what would put it back."""
    renames, rename = [], Path.rename

    def stop(self, target):
        renames.append(target)
        if len(renames) >= number:
            raise Killed
        return rename(self, target)

    patch.setattr(Path, "rename", stop)


def test_what_was_killed_before_it_was_ready_is_cleared(trees, tmp_path):
    """The old tree stands."""
    new, old = trees
    scratch, before = tmp_path / ".scratch", tree.read(old)
    scratch.mkdir()
    (scratch / "old").mkdir()
    tree.finish(scratch)
    assert not scratch.exists()
    assert tree.read(old) == before
    assert new.exists()


def test_a_failing_copy_leaves_the_old_tree(trees, tmp_path):
    """There is no new one to begin with."""
    _, old = trees

    with pytest.raises(FileNotFoundError):
        tree.install(tmp_path / ".scratch", {old: tmp_path / "none"})

    assert list(tree.read(old)) == ["package/a.py"]
    assert not (tmp_path / ".scratch").exists()


def test_a_link_counts_and_may_lead_nowhere(trees):
    """A leftover is a leftover."""
    new, old = trees
    (old / "package" / "stale.py").symlink_to("nowhere")

    assert list(tree.differences(new, old)) == ["package/stale.py: left over, nothing generates it"]


def test_a_full_disk_is_one_line(trees, monkeypatch, capsys):
    """However many files were to be copied; nothing is changed or left over."""
    new, old = trees
    (new / "package" / "b.py").write_bytes(b"b\n")

    def full(source, target, **_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), source, None, target)

    copytree = partial(shutil.copytree, copy_function=full)
    full_disk = SimpleNamespace(copytree=copytree, rmtree=shutil.rmtree)
    monkeypatch.setattr(tree, "shutil", full_disk)
    with pytest.raises(SystemExit):
        tool_errors.run(lambda: tree.install(old.parent / "scratch", {old: new}), status=2)

    output = capsys.readouterr().err
    assert output.startswith(f"error: files cannot be copied: [Errno {errno.ENOSPC}] ")
    assert output.count("\n") == output.count("[Errno") == 1
    assert tree.read(old) == {"package/a.py": b"a\n"}
    assert sorted(old.parent.iterdir()) == [new, old]
