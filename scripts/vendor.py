"""Vendors a spec: replaces `openapi.yaml`, byte for byte, and records its origin.

The maintainer runs it as `nox -s vendor -- SOURCE`. A refused source changes nothing.
"""

import argparse
import datetime
from pathlib import Path
from typing import Any

from common import lock, toolchain, tree
from common.project import Project
from common.tool_errors import Arguments, ToolError, print_hint, run

_MAX_REPORTED = 20  # changes that are listed here; `drift` lists them all


def main() -> None:
    """Fetch, check and write the document; print what changed."""
    options = _options()
    project = Project(options.root.resolve())
    tree.finish(project.scratch)
    recorded = lock.read(project)
    toolchain.check_versions(project)
    # These need the tools, whose versions are checked above.
    from common import versions  # noqa: PLC0415
    from vendoring import sources  # noqa: PLC0415

    old = project.spec.read_bytes() if project.spec.exists() else b""
    before = recorded["spec"]
    source = options.source or lock.last_url(recorded)
    if source is None:
        raise ToolError(f"the vendored spec came from {before['source']}, not a URL; give a SOURCE")
    admitted = sources.admit_source(project, source)
    is_known = before["sha256"] == lock.digest(old)
    if old == admitted.content and is_known:
        # The date stays too: it says since when this is the spec, and names the version.
        print(f"{project.spec.name} is unchanged: {_version(before)}")
        return
    date, content = options.date, admitted.content
    new = lock.vendored(recorded, source=admitted.origin, retrieved=date, content=content)
    versions.check_free(project, versions.Version(date, content))
    files = {project.spec: content, project.lock: lock.text(new).encode()}
    is_kept = is_known and before["retrieved"] != date
    if is_kept:  # nobody used a spec that was replaced on its first day
        files |= versions.archive_files(project, versions.Version(before["retrieved"], old))
    changes = _changes(old, admitted.document) if is_known else []
    tree.install(project.scratch, files)
    print(f"{project.spec.name}: {_version(before)} -> {_version(new['spec'])}")
    print("".join(f"  {line}\n" for line in changes), end="")
    if is_kept:
        print_hint(f"next: `nox -s drift -- --against {before['retrieved']}`: what does it break?")
    else:
        show = f"`git show HEAD:{project.spec.name} > old.yaml`"
        print_hint(f"the replaced spec is not kept; get the committed one: {show}")
        print_hint("next: `nox -s drift -- --against old.yaml`: what does it break?")


def _changes(old: bytes, new: dict[str, Any]) -> list[str]:
    """Return one line for each change."""
    from common import documents  # noqa: PLC0415 - as above
    from specdiff import specs  # noqa: PLC0415

    try:
        changes = specs.compare(documents.parse(old, "the vendored spec"), new)
    except ValueError as error:
        raise ToolError(f"the new spec cannot be compared with the vendored one: {error}") from None
    lines = [f"{change.level}: {change.text} ({change.rule})" for change in changes[:_MAX_REPORTED]]
    if len(changes) > _MAX_REPORTED:
        lines.append(f"and {len(changes) - _MAX_REPORTED} more")
    return lines or ["nothing that affects a client or its users"]


def _options() -> argparse.Namespace:
    parser = Arguments(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "source",
        nargs="?",
        help="an https URL, a file, or - for standard input: a document, or a page with one; "
        "default: the last URL that a spec came from",
    )
    parser.add_argument(
        "--date",
        type=iso_date,
        default=datetime.datetime.now(datetime.UTC).date().isoformat(),
        help="the date it was retrieved, such as 2026-05-13; default: today (UTC)",
    )
    parser.add_argument(
        "--root", type=Path, default=Path(__file__).parent.parent, help="the project's directory"
    )
    return parser.parse_args()


def iso_date(text: str) -> str:
    """Return a date if it is in the form YYYY-MM-DD."""
    if datetime.date.fromisoformat(text).isoformat() != text:
        raise ValueError  # argparse adds the name of the argument
    return text


def _version(spec: dict[str, Any]) -> str:
    return f"{spec['retrieved']} (sha256 {spec['sha256'][:12]})"


if __name__ == "__main__":
    run(main)
