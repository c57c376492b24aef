"""What may be published: the files that are tracked, all of them and no other."""

import io
import subprocess
import tarfile
import zipfile

import check_dist
import pytest
from common.tool_errors import ToolError

TRACKED = frozenset({"README.md", "tests/test_one.py", ".github/workflows/ci.yml"})
INIT = "overlays/modelgates_client/__init__.py"
pytestmark = pytest.mark.vendored  # the generated package is published


def sdist(folder, *names):
    """Return an sdist of these files."""
    path = folder / "modelgates_client-1.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(f"modelgates_client-1/{name}"), io.BytesIO())
    return path


def wheel(folder, **files):
    """Return a wheel of these files, and of its licence."""
    path = folder / "modelgates_client-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("modelgates_client-1.dist-info/licenses/LICENSE", "")
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_an_sdist_of_what_is_tracked_passes(tmp_path):
    """Except the files that only the repository host uses."""
    check_dist.check_sdist(sdist(tmp_path, "PKG-INFO", "README.md", "tests/test_one.py"), TRACKED)


@pytest.mark.parametrize("name", [".env", "tests/.env", "notes.md", ".github/workflows/ci.yml"])
def test_an_sdist_with_a_file_that_is_not_meant_is_refused(tmp_path, name):
    """A key would be public for ever."""
    built = sdist(tmp_path, "PKG-INFO", "README.md", "tests/test_one.py", name)
    with pytest.raises(ToolError, match=rf"{name} is not expected: add it to git, or delete it"):
        check_dist.check_sdist(built, TRACKED)


def test_an_sdist_that_lacks_a_tracked_file_is_refused(tmp_path):
    """Whoever has the sdist can regenerate and test."""
    with pytest.raises(ToolError, match=r"tests/test_one\.py is missing"):
        check_dist.check_sdist(sdist(tmp_path, "PKG-INFO", "README.md"), TRACKED)


def test_a_wheel_with_a_file_that_is_not_tracked_is_refused(tmp_path):
    """Even where it lies in the package's own folder."""
    content = (check_dist.ROOT / INIT).read_bytes()
    built = wheel(tmp_path, **{"modelgates_client/__init__.py": content})
    with pytest.raises(ToolError, match=r"modelgates_client/__init__\.py is not expected"):
        check_dist.check_wheel(built, frozenset())
    with pytest.raises(ToolError, match=r"modelgates_client has no py\.typed"):
        check_dist.check_wheel(built, frozenset({INIT}))


def test_a_wheel_that_differs_from_its_source_is_refused(tmp_path):
    """The tested files are the published ones."""
    built = wheel(tmp_path, **{"modelgates_client/__init__.py": b"else"})
    with pytest.raises(ToolError, match="differs from the source"):
        check_dist.check_wheel(built, frozenset({INIT}))


def test_only_what_is_added_is_tracked(tmp_path):
    """Names with blanks and letters of every script are whole."""
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    for name in ("a b.txt", "é.txt", ".env"):
        (tmp_path / name).touch()
    subprocess.run(["git", "add", "a b.txt", "é.txt"], cwd=tmp_path, check=True)
    assert check_dist.tracked(tmp_path) == {"a b.txt", "é.txt"}


def test_without_git_metadata_nothing_is_published(tmp_path, monkeypatch):
    """An unknown state is an error."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(ToolError, match="this is not a git clone"):
        check_dist.tracked(tmp_path)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ToolError, match="git, which"):
        check_dist.tracked(tmp_path)
