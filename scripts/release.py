"""Builds the distributions of a tag, after checking that version, changelog and tag agree.

The README is shown on the package index, where relative links do not work: in the distributions,
and only there, they are replaced by absolute links to the files at the tag.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from io import BytesIO
from pathlib import Path

from common.tool_errors import Arguments, ToolError, run

ROOT = Path(__file__).resolve().parent.parent
VERSION = "overlays/modelgates_client/_version.py"


def main() -> None:
    """Check the tag and build."""
    parser = Arguments(
        description=(__doc__ or "").partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("tag", help="such as v1.2.3")
    parser.add_argument(
        "--repository",
        metavar="URL",
        help="the repository's web page; without it, links stay relative",
    )
    parser.add_argument(
        "--out", type=Path, default=ROOT / "dist", help="directory for the wheel and the sdist"
    )
    arguments = parser.parse_args()
    check(ROOT, arguments.tag, arguments.repository)
    build(ROOT, arguments.tag, arguments.repository, arguments.out.resolve())
    print(f"{arguments.tag} is built in {arguments.out}")


def check(root: Path, tag: str, repository: str | None = None) -> None:
    """Check that a tag matches the version and has an entry in the changelog.

    Args:
        root: The project's directory.
        tag: The tag.
        repository: The URL of the repository, which must be the one in pyproject.toml.

    Raises:
        ToolError: They do not match.
    """
    text = (root / VERSION).read_text(encoding="utf-8")
    version = re.search(r'^__version__(?:: \S+)? = "([^"]+)"$', text, re.MULTILINE)
    if version is None:
        raise ToolError(f"{VERSION} has no __version__")
    if tag != f"v{version[1]}":
        raise ToolError(
            f"the tag is {tag}, but the version is {version[1]}: the tag must be v{version[1]}"
        )
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    heading = rf"^## {re.escape(version[1])} - \d{{4}}-\d\d-\d\d$"
    if re.search(heading, changelog, re.MULTILINE) is None:
        raise ToolError(f"CHANGELOG.md has no heading `## {version[1]} - YYYY-MM-DD`")
    if repository is not None:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        named = project["urls"].get("Repository")
        if named != repository:
            raise ToolError(f"pyproject.toml has {named} as Repository, not {repository}")


def absolute(text: str, base: str) -> str:
    """Return a page with absolute links into the repository."""
    return re.sub(r"\]\((?!https?:|#|mailto:)([^)\s]+)\)", rf"]({base}/\1)", text)


def build(root: Path, tag: str, repository: str | None, out: Path) -> None:
    """Build the wheel and the sdist of the last commit, and check their contents."""
    git = shutil.which("git")
    if git is None:
        raise ToolError("git, which archives the commit, is not installed")
    done = subprocess.run([git, "archive", "HEAD"], cwd=root, check=True, capture_output=True)
    with tempfile.TemporaryDirectory() as scratch:
        with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
            archive.extractall(scratch, filter="data")
        readme = Path(scratch) / "README.md"
        if repository:
            text = readme.read_text(encoding="utf-8")
            readme.write_text(absolute(text, f"{repository}/blob/{tag}"), encoding="utf-8")
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), scratch]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    subprocess.run([sys.executable, str(root / "scripts" / "check_dist.py"), str(out)], check=True)


if __name__ == "__main__":
    run(main)
