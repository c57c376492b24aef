"""The command `modelgates`, for terminals, pipes and scripts; needs the extra `cli`.

`modelgates get ID…` prints the records of generations: on a terminal as a table, the record of a
single id as a summary; piped, or with `--json`, as JSON Lines, each the record's `to_dict()`. Data
go to stdout, messages to stderr. `modelgates check` holds responses, live or recorded, against the
spec. `modelgates fetch` fills a ledger, which `show`, `list`, `export`, `report`, `budget` and
`reconcile` read, and `forget` rids of ids that never had a record.
`modelgates stub` serves records on loopback as the API does, with the extra `testing`.
`modelgates completion SHELL` prints a script for a shell.

The exit statuses are in `statuses`, and in the help of each command.

A command is a module of its name, which is loaded when it is needed:

| module       | subject                                                  |
|--------------|----------------------------------------------------------|
| `budget`     | is what was spent within a limit, or within all budgets? |
| `check`      | responses, live or recorded, held against the spec       |
| `completion` | the script that completes the command in a shell         |
| `export`     | rows of a ledger to files                                |
| `fetch`      | fill a ledger, resumably                                 |
| `forget`     | ids that nobody is to ask for any more                   |
| `get`        | print records                                            |
| `list`       | ids of which a ledger does not know something            |
| `mcp`        | serve AI clients over stdio                              |
| `reconcile`  | a ledger held against the account's activity             |
| `report`     | what it cost, and how it went                            |
| `show`       | what a ledger has of ids                                 |
| `stub`       | serve records on loopback                                |

What they share:

| module           | subject                                                 |
|------------------|---------------------------------------------------------|
| `app`            | the group of commands; running one; failures            |
| `options`        | options as fields of classes; those that commands share |
| `config`         | the configuration file: defaults, and budgets           |
| `statuses`       | the exit statuses                                       |
| `keys`           | the key, and that it is not shown                       |
| `messages`       | stderr: errors, warnings, logs                          |
| `progress`       | stderr: how far long work is, by rich                   |
| `output`         | stdout, and files that are written whole or not at all  |
| `ids`            | ids in arguments, lists, logs and JSON Lines            |
| `recordings`     | recorded responses, line by line                        |
| `reading`        | texts, however they are packed and encoded              |
| `record_table`   | records as a table, by rich                             |
| `findings`       | findings of `check` as JSON, Markdown and JUnit XML     |
| `findings_table` | findings as a table, by rich                            |
| `all_budgets`    | how the budgets of the configuration file stand         |
"""

import sys
from typing import Final, NamedTuple

from modelgates_client._version import __version__


class CommandInfo(NamedTuple):
    """What is known of a command before its module is loaded.

    Attributes:
        summary: What it does, in a sentence.
        extras: What it needs to be installed.
    """

    summary: str
    extras: str = "cli"


#: The commands, each a module here.
COMMANDS: Final = {
    "budget": CommandInfo("Compare spending with a limit; the exit status gives the result."),
    "check": CommandInfo("Check responses, live or recorded, against the spec."),
    "completion": CommandInfo("Print the completion script for a shell."),
    "export": CommandInfo(
        "Export a ledger as rows: one for each id, including ids without a record.", "cli,report"
    ),
    "fetch": CommandInfo("Fetch the records of many ids into a ledger."),
    "forget": CommandInfo(
        "Forget ids without a record: they are not requested again, and leave no budget undecided."
    ),
    "get": CommandInfo("Print the records of generations."),
    "list": CommandInfo(
        "List the unresolved ids of a ledger: why, and when they were last requested."
    ),
    "mcp": CommandInfo("Serve AI clients over stdio, using the Model Context Protocol.", "mcp"),
    "reconcile": CommandInfo(
        "Compare a ledger with the account's activity, to find out whether anything is missing."
    ),
    "report": CommandInfo("Report what generations cost, and how they performed.", "cli,report"),
    "show": CommandInfo(
        "Show what a ledger has for ids: records, when and how they were obtained, and the history."
    ),
    "stub": CommandInfo(
        "Serve records on 127.0.0.1 like the API, until interrupted (exit status 130).",
        "cli,testing",
    ),
}


def main() -> int:
    """Run the command with the arguments of the process; return the exit status."""
    try:
        # Not before they are needed: where the extra is not installed, it is said in one line.
        import rich  # noqa: F401, PLC0415  # pyright: ignore[reportUnusedImport]

        from modelgates_client.cli.app import run  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name not in {"click", "rich"}:
            raise
        return _without_extra(sys.argv[1:])
    except KeyboardInterrupt:
        return 130
    return run()


def _without_extra(arguments: list[str]) -> int:
    """Tell the version, or in one line all that a command needs; return the exit status."""
    if arguments == ["--version"] and sys.stdout is not None:
        sys.stdout.write(f"modelgates {__version__}\n")
        return 0
    extras = next((COMMANDS[each].extras for each in arguments if each in COMMANDS), "cli")
    if sys.stderr is not None:  # where it is closed
        sys.stderr.write(
            f"error: the command needs an extra: pip install 'modelgates-client[{extras}]'\n"
        )
    return 2
