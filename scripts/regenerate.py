"""Rewrites `generated/` from the spec, the overlays and the configuration, or checks that it is.

The maintainer runs it as `nox -s regenerate` and `nox -s fresh`.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from common import lock, toolchain, tree
from common.project import Project
from common.tool_errors import Arguments, ToolError, run

_SHOWN = 20  # faults that are worth showing


def main() -> None:
    """Parse the arguments and do the one thing asked for."""
    parser = Arguments(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing; fail if not fresh")
    parser.add_argument(
        "--root", type=Path, default=Path(__file__).parent.parent, help="the project's directory"
    )
    arguments = parser.parse_args()
    project = Project(arguments.root.resolve())
    tree.finish(_scratch(project))
    recorded = lock.read(project)
    lock.check_spec(project, recorded)
    lock.check_overrides(project, recorded)
    toolchain.check_versions(project)
    toolchain.check_templates(project)
    # Not before the tools are known to be there.
    from backtesting import execution  # noqa: PLC0415
    from codegen import computed, generator, missing_names  # noqa: PLC0415
    from normalizing import messages  # noqa: PLC0415

    normal = generator.prepare(project)
    with generator.generated(project, normal) as fresh:
        wanted = lock.current(project, recorded)
        for line in (*messages.lines(normal), *generator.obsolete(project)):
            print(line, file=sys.stderr)
        if arguments.check:
            check(project, fresh, wanted)
        else:
            if any(tree.differences(fresh, project.generated)):
                _hold(execution.own(project, fresh, normal))
            write(project, fresh, wanted, generator.left_out(normal))
        for name, reason in computed.lost(project, normal).items():
            print(f"unknown: {name} {reason}; {computed.ADVICE}", file=sys.stderr)
        lacks = list(missing_names.lines(project, fresh))
    if lacks:
        print("\n".join(lacks), file=sys.stderr)
        raise ToolError(
            f"the hand-written package lacks {len(lacks)} name(s) in the generated one; give them "
            "back by the overlay, or change what asks for them"
        )


def _scratch(project: Project) -> Path:
    """Return where what is new is put together; there is something only after a kill."""
    return project.root / ".regenerate"


def _hold(faults: Sequence[str]) -> None:
    """Fail if the new client does not read what its own document allows, before it is written."""
    if faults:
        print("\n".join(faults[:_SHOWN]), file=sys.stderr)
        raise ToolError(
            f"the client does not read all that its own document allows, in {len(faults)} case(s); "
            "nothing is written: the templates or the runtime are at fault"
        )


def check(project: Project, fresh: Path, wanted: str) -> None:
    """Fail, naming files, unless `generated/` and the lock are what the inputs yield."""
    stale = [f"generated/{line}" for line in tree.differences(fresh, project.generated)]
    if project.lock.read_text(encoding="utf-8") != wanted:
        stale.append(f"{project.lock.name}: differs")
    if stale:
        print("\n".join(stale), file=sys.stderr)
        raise ToolError(
            f"{len(stale)} file(s) are not what the inputs yield; run `nox -s regenerate`"
        )
    print("generated/ is fresh")


def write(project: Project, fresh: Path, wanted: str, left_out: Sequence[str]) -> None:
    """Put what is fresh in the place of `generated/`, and the lock that goes with it.

    Say what of the spec is left out.
    """
    changed = list(tree.differences(fresh, project.generated))
    contents: dict[Path, Path | str] = {project.generated: fresh} if changed else {}
    if project.lock.read_text(encoding="utf-8") != wanted:
        contents[project.lock] = wanted
    tree.install(_scratch(project), contents)
    count = len(tree.read(project.generated))
    print(f"generated/ is up to date: {count} files, {len(changed)} changed")
    for line in left_out:
        print(f"left out: {line}")


if __name__ == "__main__":
    run(main)
