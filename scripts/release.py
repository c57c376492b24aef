"""Builds what is released under a tag, having checked that version, changelog and tag agree.

The README is shown on the package index, where a link into the repository leads nowhere: in what is
built, and only there, such links are absolute, to the files as they are at the tag.
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
    """Check the tag that is given, and build."""
    parser = Arguments(
        description=(__doc__ or "").partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("tag", help="as v1.2.3")
    parser.add_argument(
        "--repository", metavar="URL", help="where the files are shown; links stay if not given"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="where wheel and sdist go")
    arguments = parser.parse_args()
    check(ROOT, arguments.tag, arguments.repository)
    build(ROOT, arguments.tag, arguments.repository, arguments.out.resolve())
    print(f"{arguments.tag} is built in {arguments.out}")


def check(root: Path, tag: str, repository: str | None = None) -> None:
    """Refuse a tag that is not the version, or that the changelog does not have.

    Args:
        root: The project.
        tag: The tag.
        repository: Where its files are shown, which the project has to say, too.

    Raises:
        ToolError: It is not.
    """
    text = (root / VERSION).read_text(encoding="utf-8")
    found = re.search(r'^__version__(?:: \S+)? = "([^"]+)"$', text, re.MULTILINE)
    if found is None:
        raise ToolError(f"{VERSION} has no __version__")
    if tag != f"v{found[1]}":
        raise ToolError(
            f"the tag is {tag}, and the version is {found[1]}: it has to be v{found[1]}"
        )
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    heading = rf"^## {re.escape(found[1])} - \d{{4}}-\d\d-\d\d$"
    if re.search(heading, changelog, re.MULTILINE) is None:
        raise ToolError(f"CHANGELOG.md has no heading `## {found[1]} - YYYY-MM-DD`")
    if repository is not None:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        named = project["urls"].get("Repository")
        if named != repository:
            raise ToolError(f"pyproject.toml names {named} as Repository, and this is {repository}")


def absolute(text: str, base: str) -> str:
    """Return a page with its links into the repository made absolute."""
    return re.sub(r"\]\((?!https?:|#|mailto:)([^)\s]+)\)", rf"]({base}/\1)", text)


def build(root: Path, tag: str, repository: str | None, out: Path) -> None:
    """Build wheel and sdist of what is committed, and check what they hold."""
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
