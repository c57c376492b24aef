"""Trees of files: scripts/common/tree.py."""

import contextlib
from pathlib import Path

import pytest
from common import tree


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
    """Only what is inside the tree is looked at."""
    root = tmp_path / "__pycache__"
    root.mkdir()
    (root / "a.py").write_bytes(b"")

    assert list(tree.read(root)) == ["a.py"]


def test_every_kind_of_difference_is_named(trees):
    """A change of one byte, a missing file, a leftover, in whatever directory."""
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

    for other in (tmp_path / "none", tmp_path / "file"):
        assert list(tree.differences(new, other)) == ["package/a.py: missing"]


@pytest.mark.parametrize("target", ["old", "none", "file"])
def test_replacing_leaves_the_new_tree_and_nothing_else(trees, tmp_path, target):
    """Whether there was a tree, nothing or a file."""
    new, old = trees
    (old / "left.py").write_bytes(b"")
    (tmp_path / "file").write_bytes(b"")
    beside = {*tmp_path.iterdir(), tmp_path / target}

    tree.replace(tmp_path / target, new)

    assert tree.read(tmp_path / target) == tree.read(new)
    assert set(tmp_path.iterdir()) == beside


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), KeyboardInterrupt()])
@pytest.mark.parametrize("failing", [1, 2])
def test_a_failing_rename_leaves_the_old_tree(trees, tmp_path, monkeypatch, failing, error):
    """Whichever of the two fails, and be it by Ctrl-C."""
    new, old = trees
    (new / "b.py").write_bytes(b"")
    before, beside = tree.read(old), set(tmp_path.iterdir())
    renames, rename = [], Path.rename

    def fail_once(self, target):
        renames.append(target)
        if len(renames) == failing:
            raise error
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_once)
    with pytest.raises(type(error)):
        tree.replace(old, new)

    assert tree.read(old) == before
    assert set(tmp_path.iterdir()) == beside


def test_a_failing_copy_leaves_the_old_tree(trees, tmp_path):
    """There is no new one to begin with."""
    _, old = trees

    with pytest.raises(FileNotFoundError):
        tree.replace(old, tmp_path / "none")

    assert list(tree.read(old)) == ["package/a.py"]


def test_what_is_written_beside_and_not_renamed_is_removed(tmp_path):
    """Also when there is an error in between."""
    target = tmp_path / "lock.json"
    with contextlib.suppress(KeyError), tree.written_beside(target, "new") as new:
        assert new.read_text() == "new"
        raise KeyError

    assert list(tmp_path.iterdir()) == []


def test_a_link_counts_and_may_lead_nowhere(trees):
    """A leftover is a leftover."""
    new, old = trees
    (old / "package" / "stale.py").symlink_to("nowhere")

    assert list(tree.differences(new, old)) == ["package/stale.py: left over, nothing generates it"]
