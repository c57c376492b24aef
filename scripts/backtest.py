"""Decodes the responses that one version of the spec allows with the client of another.

Run it as `nox -s backtest -- [OLD NEW]`. Without versions, each is tested against
the previous, the next and the vendored one; with `--all-pairs`, every pair is tested.
Exit status: 0, no crashes, wrong values or losses; 1, there are some; 2, the backtest could not be
run.
"""

import shutil
import sys
from pathlib import Path

from common import lock, toolchain
from common.project import Project
from common.tool_errors import Arguments, ToolError, progress, run

_FORMATS = ("text", "json", "markdown")


def main() -> None:
    """Parse the arguments and run the backtest, or show one body."""
    parser = Arguments(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "versions",
        nargs="*",
        metavar="OLD NEW",
        help="dates, URLs or files (default: neighbours, and each with the vendored one)",
    )
    parser.add_argument("--all-pairs", action="store_true", help="test every pair (slow)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random combinations")
    parser.add_argument("--combinations", type=int, default=20, help="how many per status")
    parser.add_argument("--format", choices=_FORMATS, default="text")
    parser.add_argument(
        "--show", type=int, metavar="NUMBER", help="print one body of NEW and how OLD decodes it"
    )
    parser.add_argument(
        "--root", type=Path, default=Path(__file__).parent.parent, help="the project's directory"
    )
    arguments = parser.parse_args()
    if len(arguments.versions) not in {0, 2}:
        raise ToolError("give two versions, OLD and NEW, or none for every pair; see --help")
    if arguments.show is not None and not arguments.versions:
        raise ToolError("--show needs OLD and NEW: bodies are numbered version by version")
    project = Project(arguments.root.resolve())
    toolchain.check_versions(project)
    toolchain.check_templates(project)
    # Imported after the check that the tools are installed.
    from backtesting import execution, records, report  # noqa: PLC0415
    from common import versions  # noqa: PLC0415
    from vendoring import sources  # noqa: PLC0415

    pairs = None
    if arguments.versions:
        olds, news = ([sources.version(project, name)] for name in arguments.versions)
    else:
        olds = news = list(versions.all(project).values())
        if not arguments.all_pairs:
            vendored = lock.read(project)["spec"]["retrieved"]
            pairs = execution.neighbours([each.name for each in olds], vendored)
    options = execution.BacktestOptions(
        seed=arguments.seed,
        combinations=arguments.combinations,
        real=records.files(project),
        pairs=pairs,
        progress=progress,
    )
    if arguments.show is not None:
        print(execution.show(project, olds[0], news[0], arguments.show, options))
        return
    result = execution.run(project, olds, news, options)
    progress("")
    if arguments.format == "text":
        print(report.text(result, shutil.get_terminal_size().columns), end="")
    else:
        written = report.as_json if arguments.format == "json" else report.markdown
        print(written(result), end="")
    if not result.is_clean:
        sys.exit(1)


if __name__ == "__main__":
    run(main, status=2)  # 1 means that faults were found
