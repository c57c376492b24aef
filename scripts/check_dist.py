"""Checks what a wheel and an sdist hold: the packages, whole and typed, and nothing else."""

import tarfile
import zipfile
from pathlib import Path

from common import tree
from common.failure import Arguments, Failure, run

ROOT = Path(__file__).resolve().parent.parent
SOURCES = {
    "modelgates_client": ROOT / "overlays" / "modelgates_client",
    "modelgates_runtime": ROOT / "overlays" / "modelgates_runtime",
    "modelgates_api": ROOT / "generated" / "modelgates_api",
}
SDIST_NEEDS = ("openapi.yaml", "overlays/spec.overlay.yaml", "tests", "noxfile.py", "LICENSE")


def main() -> None:
    """Check the distributions in the directory that is given."""
    parser = Arguments(description="Check the wheel and the sdist in a directory.")
    parser.add_argument("directory", type=Path)
    dist: Path = parser.parse_args().directory
    wheel, sdist = only(dist, "*.whl"), only(dist, "*.tar.gz")
    check_wheel(wheel)
    check_sdist(sdist)
    print(f"{wheel.name} and {sdist.name} hold what they should")


def only(directory: Path, pattern: str) -> Path:
    """Return the one file of a pattern."""
    found = list(directory.glob(pattern))
    if len(found) != 1:
        raise Failure(f"{len(found)} files match {pattern} in {directory.name}, not one")
    return found[0]


def check_wheel(wheel: Path) -> None:
    """Fail unless the wheel holds exactly these packages, and its metadata."""
    expected = {
        f"{package}/{name}": content
        for package, source in SOURCES.items()
        for name, content in tree.read(source).items()
    }
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        for name in sorted(names ^ expected.keys()):
            raise Failure(f"{wheel.name}: {name} is {'extra' if name in names else 'missing'}")
        for name, content in expected.items():
            if archive.read(name) != content:
                raise Failure(f"{wheel.name}: {name} differs from the source")
        if not any(name.endswith("licenses/LICENSE") for name in archive.namelist()):
            raise Failure(f"{wheel.name} has no licence")
    for package in SOURCES:
        if f"{package}/py.typed" not in names:
            raise Failure(f"{wheel.name}: {package} has no py.typed, so it is not typed")


def check_sdist(sdist: Path) -> None:
    """Fail unless the sdist holds what is needed to regenerate and test."""
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for need in SDIST_NEEDS:
        if not any(name == need or name.startswith(f"{need}/") for name in names):
            raise Failure(f"{sdist.name} lacks {need}")


if __name__ == "__main__":
    run(main)
