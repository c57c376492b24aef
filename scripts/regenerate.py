"""Rewrites `generated/` from the spec, the overlays and the configuration, or checks it.

The maintainer runs it as `nox -s regenerate` and `nox -s fresh`.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from common import lock, toolchain, tree
from common.project import Project
from common.tool_errors import Arguments, ToolError, run

_SHOWN = 20  # faults that are printed


def main() -> None:
    """Regenerate the client, or check that it is up to date."""
    parser = Arguments(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing; fail if not fresh")
    parser.add_argument(
        "--root", type=Path, default=Path(__file__).parent.parent, help="the project's directory"
    )
    arguments = parser.parse_args()
    project = Project(arguments.root.resolve())
    tree.finish(project.scratch)
    recorded = lock.read(project)
    lock.check_spec(project, recorded)
    lock.check_overrides(project, recorded)
    toolchain.check_versions(project)
    toolchain.check_templates(project)
    # These need the tools, whose versions are checked above.
    from backtesting import execution  # noqa: PLC0415
    from codegen import computed, generator, missing_names  # noqa: PLC0415
    from normalizing import messages  # noqa: PLC0415

    normal = generator.prepare(project)
    with generator.generated(project, normal) as fresh:
        new_lock = lock.current(project, recorded)
        for line in (*messages.lines(normal), *generator.obsolete(project)):
            print(line, file=sys.stderr)
        if arguments.check:
            check(project, fresh, new_lock)
        else:
            if any(tree.differences(fresh, project.generated)):
                _refuse_faults(execution.own(project, fresh, normal))
            write(project, fresh, new_lock, generator.left_out(normal))
        for name, reason in computed.lost(project, normal).items():
            print(f"unknown: {name} {reason}; {computed.ADVICE}", file=sys.stderr)
        missing = list(missing_names.lines(project, fresh))
    if missing:
        print("\n".join(missing), file=sys.stderr)
        raise ToolError(
            f"the generated package lacks {len(missing)} name(s) that the hand-written one "
            "imports; restore them by the overlay, or change the imports"
        )


def _refuse_faults(faults: Sequence[str]) -> None:
    """Check that the new client reads everything its document allows, before it is written."""
    if faults:
        print("\n".join(faults[:_SHOWN]), file=sys.stderr)
        raise ToolError(
            f"the client does not read all that its own document allows, in {len(faults)} case(s); "
            "nothing is written: the templates or the runtime are at fault"
        )


def check(project: Project, fresh: Path, new_lock: str) -> None:
    """Check that `generated/` and the lock match the inputs; the error names the files."""
    stale = [f"generated/{line}" for line in tree.differences(fresh, project.generated)]
    if project.lock.read_text(encoding="utf-8") != new_lock:
        stale.append(f"{project.lock.name}: differs")
    if stale:
        print("\n".join(stale), file=sys.stderr)
        raise ToolError(f"{len(stale)} file(s) do not match the inputs; run `nox -s regenerate`")
    print("generated/ is fresh")


def write(project: Project, fresh: Path, new_lock: str, left_out: Sequence[str]) -> None:
    """Replace `generated/` and the lock, and print the omitted parts of the spec."""
    changed = list(tree.differences(fresh, project.generated))
    contents: dict[Path, Path | bytes] = {project.generated: fresh} if changed else {}
    if project.lock.read_text(encoding="utf-8") != new_lock:
        contents[project.lock] = new_lock.encode()
    tree.install(project.scratch, contents)
    count = len(tree.read(project.generated))
    print(f"generated/ is up to date: {count} files, {len(changed)} changed")
    for line in left_out:
        print(f"left out: {line}")


if __name__ == "__main__":
    run(main)
