"""The command `modelgates`, for terminals, pipes and scripts; needs the extra `cli`.

`modelgates get ID…` prints the records of generations: on a terminal as a table, the record of a
single id as a summary; piped, or with `--json`, as JSON Lines, each the record's `to_dict()`. Data
go to stdout, messages to stderr. `modelgates check` checks responses, live or recorded, against the
spec. `modelgates fetch` fills a ledger, which `show`, `list`, `export`, `report`, `budget` and
`reconcile` read, and from which `forget` removes ids that never had a record.
`modelgates stub` serves records on loopback like the API, with the extra `testing`.
`modelgates completion SHELL` prints a completion script for a shell.

The exit statuses are in `statuses`, and in the help of each command.

The modules:

| module           | subject                                                  |
|------------------|----------------------------------------------------------|
| `commands`       | the commands, each a module with its name                |
| `app`            | the command group: registration, running, failures       |
| `options`        | options as fields of classes; options shared by commands |
| `config`         | the configuration file: defaults and budgets             |
| `statuses`       | the exit statuses                                        |
| `keys`           | reading the API key, and detecting it in text            |
| `messages`       | stderr: errors, warnings, logs                           |
| `progress`       | stderr: progress displays, drawn by rich                 |
| `output`         | stdout, and files that are written atomically            |
| `ids`            | ids in arguments, lists, logs and JSON Lines             |
| `recordings`     | recorded responses, line by line                         |
| `reading`        | decompressing and decoding text files                    |
| `record_table`   | records as a table, drawn by rich                        |
| `findings`       | findings of `check` as JSON, Markdown and JUnit XML      |
| `findings_table` | findings as a table, drawn by rich                       |
| `all_budgets`    | the states of the configuration file's budgets           |
"""

import sys

from modelgates_client._version import __version__
from modelgates_client.cli.commands import EXTRAS, SUMMARIES


def main() -> int:
    """Run the command with the arguments of the process; return the exit status."""
    try:
        # Imported here, so that a missing extra can be reported in one line.
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
    """Print the version, or one line with the extras to install; return the exit status."""
    if arguments == ["--version"] and sys.stdout is not None:
        sys.stdout.write(f"modelgates {__version__}\n")
        return 0
    name = next((each for each in arguments if each in SUMMARIES), "")
    extras = EXTRAS.get(name, "cli")
    if sys.stderr is not None:  # it is None if closed
        sys.stderr.write(
            f"error: the command needs an extra: pip install 'modelgates-client[{extras}]'\n"
        )
    return 2
