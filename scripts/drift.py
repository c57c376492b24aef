"""Reports what a changed spec breaks, and whether the current client still works with it.

Run it as `nox -s drift -- NEW`. Exit status: 0, nothing at or above `--fail-on`; 1, something is;
2, the specs could not be compared.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from common import lock, toolchain
from common.project import Project
from common.tool_errors import Arguments, progress, run

_FORMATS = ("text", "json", "markdown", "github")
_LEVELS = ("breaking", "warning", "info", "never")


def main() -> None:
    """Parse the arguments, assess the new spec, and write the report."""
    options = _options()
    project = Project(options.root.resolve())
    toolchain.check_versions(project)
    toolchain.check_templates(project)
    # Imported after the check that the tools are installed.
    from backtesting import records  # noqa: PLC0415
    from common import versions  # noqa: PLC0415
    from common.versions import Version  # noqa: PLC0415
    from specdiff import accepted, assessment, formats  # noqa: PLC0415
    from vendoring import sources  # noqa: PLC0415

    def version(name: str | None) -> Version:
        if name is not None:
            return sources.version(project, name)
        retrieved = lock.read(project)["spec"]["retrieved"]
        return Version(f"{project.spec.name} ({retrieved})", project.spec.read_bytes())

    old, new = version(options.against), version(options.new)
    if options.new and not options.against and not versions.is_date(options.new):
        new = replace(new, overlay=None)  # what the project would vendor, with today's overlay
    # Of the vendored spec, whether it is the old one or the new one; what is accepted of the next
    # one is not due when it is held against the past.
    is_about_vendored = not (options.against and options.new)
    listed = options.accepted or (project.accepted if is_about_vendored else None)
    report = assessment.assess(
        project,
        old,
        new,
        excuses=accepted.load(listed) if listed else [],
        are_due=bool(options.accepted) or not options.against,
        fail_on=options.fail_on,
        changelog=options.changelog.read_text(encoding="utf-8") if options.changelog else None,
        backtest=not options.no_backtest,
        answers=[] if options.no_backtest else records.files(project, options.records),
        progress=progress,
    )
    progress("")
    if options.format == "github":
        is_file = options.new and Path(options.new).is_file()
        path = Path(options.new).as_posix() if is_file else project.spec.name
        output = formats.github(report, path, new.content.decode())
    elif options.format == "text":
        output = formats.text(report, colour=sys.stdout.isatty() and not options.output)
    else:
        output = {"json": formats.as_json, "markdown": formats.markdown}[options.format](report)
    if options.json:
        options.json.write_text(formats.as_json(report), encoding="utf-8", newline="\n")
    if options.output:
        options.output.write_text(output, encoding="utf-8", newline="\n")
    else:
        print(output, end="")
    sys.exit(1 if report.failing else 0)


def _options() -> argparse.Namespace:
    parser = Arguments(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("new", nargs="?", help="a URL, a file, or the date of a kept version")
    parser.add_argument("--against", metavar="OLD", help="the old spec (default: the vendored one)")
    parser.add_argument("--fail-on", choices=_LEVELS, default="breaking", help="exit 1 at or above")
    parser.add_argument("--format", choices=_FORMATS, default="text")
    parser.add_argument("--output", type=Path, metavar="FILE", help="default: standard output")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the report as JSON")
    parser.add_argument(
        "--accepted", type=Path, metavar="FILE", help="the list of accepted differences and reasons"
    )
    parser.add_argument(
        "--changelog",
        type=Path,
        metavar="FILE",
        help="fail only for breaking changes that are missing under Unreleased in this file",
    )
    parser.add_argument(
        "--records",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="recorded responses to use with those in tests/records: bodies as .json, or .jsonl "
        "with one per line; those of operations other than get-generation in a folder of its name",
    )
    parser.add_argument("--no-backtest", action="store_true", help="compare the documents only")
    parser.add_argument(
        "--root", type=Path, default=Path(__file__).parent.parent, help="the project's directory"
    )
    options = parser.parse_args()
    if not options.new and not options.against:
        parser.error("name a new spec, an old one with --against, or both")
    return options


if __name__ == "__main__":
    run(main, status=2)
