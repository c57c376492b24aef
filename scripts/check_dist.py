"""Checks that a wheel and an sdist have exactly the tracked files that belong in them.

Untracked files in the checkout may be private: notes, recordings, an API key.
"""

import os
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

from common import tree
from common.tool_errors import Arguments, ToolError, run

ROOT = Path(__file__).resolve().parent.parent
SOURCES = {
    "modelgates_client": ROOT / "overlays" / "modelgates_client",
    "modelgates_runtime": ROOT / "overlays" / "modelgates_runtime",
    "modelgates_api": ROOT / "generated" / "modelgates_api",
}
HOSTING = (".ci/", ".github/")  # only of use where the repository is hosted


def main() -> None:
    """Check the distributions in a directory."""
    parser = Arguments(description="Check the wheel and the sdist in a directory.")
    parser.add_argument("directory", type=Path)
    dist: Path = parser.parse_args().directory
    wheel, sdist = only(dist, "*.whl"), only(dist, "*.tar.gz")
    names = tracked(ROOT)
    check_wheel(wheel, names)
    check_sdist(sdist, names)
    print(f"{wheel.name} and {sdist.name} have the expected files")


def only(directory: Path, pattern: str) -> Path:
    """Return the only file that matches a pattern."""
    matches = list(directory.glob(pattern))
    if len(matches) != 1:
        raise ToolError(f"{len(matches)} files match {pattern} in {directory.name}, not one")
    return matches[0]


def tracked(root: Path) -> frozenset[str]:
    """Return the names of the tracked files in a directory.

    Raises:
        ToolError: It is not a clone, or git is not installed.
    """
    git = shutil.which("git")
    if git is None:
        raise ToolError("git, which lists the tracked files, is not installed")
    done = subprocess.run([git, "ls-files", "-z"], cwd=root, check=False, capture_output=True)
    names = frozenset(os.fsdecode(name) for name in done.stdout.split(b"\0") if name)
    if done.returncode or not names:
        errors = os.fsdecode(done.stderr)
        raise ToolError(f"the tracked files cannot be listed: this is not a git clone; {errors}")
    return names


def refuse(archive: Path, extra: set[str], missing: set[str]) -> None:
    """Raise an error that names the first extra or missing file, if any."""
    for name in sorted(extra):
        raise ToolError(f"{archive.name}: {name} is not expected: add it to git, or delete it")
    for name in sorted(missing):
        raise ToolError(f"{archive.name}: {name} is missing")


def check_wheel(wheel: Path, names: frozenset[str]) -> None:
    """Check that the wheel has exactly the tracked files of the packages, and its metadata."""
    expected = {
        f"{package}/{name}": content
        for package, source in SOURCES.items()
        for name, content in tree.read(source).items()
        if (source / name).relative_to(ROOT).as_posix() in names
    }
    with zipfile.ZipFile(wheel) as archive:
        members = {name for name in archive.namelist() if ".dist-info/" not in name}
        refuse(wheel, members - expected.keys(), expected.keys() - members)
        for name, content in expected.items():
            if archive.read(name) != content:
                raise ToolError(f"{wheel.name}: {name} differs from the source")
        if not any(name.endswith("licenses/LICENSE") for name in archive.namelist()):
            raise ToolError(f"{wheel.name} has no license file")
    for package in SOURCES:
        if f"{package}/py.typed" not in members:
            raise ToolError(f"{wheel.name}: {package} has no py.typed, so it is not typed")


def check_sdist(sdist: Path, names: frozenset[str]) -> None:
    """Check that the sdist has exactly the tracked files, and its metadata."""
    with tarfile.open(sdist) as archive:
        members = {name.partition("/")[2] for name in archive.getnames()}
    expected = {name for name in names if not name.startswith(HOSTING)} | {"PKG-INFO"}
    refuse(sdist, members - expected, expected - members)


if __name__ == "__main__":
    run(main)
