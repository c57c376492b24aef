"""Vendors a spec: puts it, byte for byte, in the place of `openapi.yaml`, and its origin on record.

The maintainer runs it as `nox -s vendor -- SOURCE`. A source that is refused changes nothing.
"""

import argparse
import datetime
from pathlib import Path
from typing import Any

from common import lock, toolchain
from common.project import Project
from common.tool_errors import Arguments, ToolError, run, tell

_SHOWN = 20  # changes that are worth listing here; `drift` lists them all


def main() -> None:
    """Parse the arguments; get the document, admit it, write it, and say what changed."""
    options = _options()
    project = Project(options.root.resolve())
    recorded = lock.read(project)
    toolchain.check_versions(project)
    # Not before the tools are known to be there.
    from common import versions  # noqa: PLC0415
    from vendoring import sources, writing  # noqa: PLC0415

    old = project.spec.read_bytes() if project.spec.exists() else b""
    before = recorded["spec"]
    source = options.source or lock.last_url(recorded)
    if source is None:
        raise ToolError(f"the vendored spec came from {before['source']}, no URL; name a SOURCE")
    taken = sources.take(project, source)
    is_known = before["sha256"] == lock.digest(old)
    if old == taken.content and is_known:
        # Nor is the date moved: it says since when this is the spec, and names the version.
        print(f"{project.spec.name} is unchanged: {_version(before)}")
        return
    date, content = options.date, taken.content
    new = lock.vendored(recorded, source=taken.origin, retrieved=date, content=content)
    versions.check_free(project, versions.Version(date, content))
    files = {project.spec: content, project.lock: lock.text(new).encode()}
    is_kept = is_known and before["retrieved"] != date
    if is_kept:  # one that was replaced on its first day was nobody's
        files |= versions.kept(project, versions.Version(before["retrieved"], old))
    said = _changes(old, taken.document) if is_known else []
    writing.write(files)
    print(f"{project.spec.name}: {_version(before)} -> {_version(new['spec'])}")
    print("".join(f"  {line}\n" for line in said), end="")
    if is_kept:
        tell(f"next: `nox -s drift -- --against {before['retrieved']}`: what does it break?")
    else:
        spec = project.spec.name
        tell(f"what was replaced is in git alone: `git show HEAD:{spec} > old.yaml`")
        tell("next: `nox -s drift -- --against old.yaml`: what does it break?")


def _changes(old: bytes, new: dict[str, Any]) -> list[str]:
    """Return what changed, a line each."""
    from common import documents  # noqa: PLC0415 - as above
    from specdiff import specs  # noqa: PLC0415

    try:
        changes = specs.compare(documents.parse(old, "the vendored spec"), new)
    except ValueError as error:
        raise ToolError(f"the new spec cannot be compared with the vendored one: {error}") from None
    lines = [f"{change.level}: {change.text} ({change.rule})" for change in changes[:_SHOWN]]
    if len(changes) > _SHOWN:
        lines.append(f"and {len(changes) - _SHOWN} more")
    return lines or ["nothing that a client or its users could notice"]


def _options() -> argparse.Namespace:
    parser = Arguments(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "source",
        nargs="?",
        help="an https URL, a file, or - for standard input: a document, or a page that has it; "
        "the last URL that a spec came from if not given",
    )
    parser.add_argument(
        "--date",
        type=iso_date,
        default=datetime.datetime.now(datetime.UTC).date().isoformat(),
        help="when it was retrieved, as 2026-05-13; today (UTC) if not given",
    )
    parser.add_argument(
        "--root", type=Path, default=Path(__file__).parent.parent, help="the project's directory"
    )
    return parser.parse_args()


def iso_date(text: str) -> str:
    """Return a date as it is to be written, if it is written so."""
    found = datetime.date.fromisoformat(text)
    if found.isoformat() != text:
        raise ValueError  # the parser of arguments says which argument
    return text


def _version(spec: dict[str, Any]) -> str:
    return f"{spec['retrieved']} (sha256 {spec['sha256'][:12]})"


if __name__ == "__main__":
    run(main)
