"""The command `modelgates`, for terminals, pipes and scripts; needs the extra `cli`.

`modelgates get ID…` prints the records of generations: on a terminal as a table, the record of a
single id as a summary; piped, or with `--json`, as JSON Lines, each the record's `to_dict()`. Data
go to stdout, messages to stderr. `modelgates check` holds responses, live or recorded, against the
spec. `modelgates fetch` fills a ledger, which `show`, `list`, `export`, `report`, `budget` and
`reconcile` read, and `forget` rids of ids that never had a record.
`modelgates stub` serves records on loopback as the API does, with the extra `testing`.
`modelgates completion SHELL` prints a script for a shell.

Exit statuses, which stay as they are:

| status | meaning                                                              |
|--------|----------------------------------------------------------------------|
| 0      | all went well                                                        |
| 1      | another failure: an undocumented status, unwritable output, a bug    |
| 2      | wrong usage or configuration, no usable key                          |
| 3      | no such record, or not ready in time                                 |
| 4      | the key, its permissions or the account's credits do not suffice     |
| 5      | too many requests                                                    |
| 6      | the server failed                                                    |
| 7      | no connection, or no answer in time                                  |
| 8      | an answer that is not the record                                     |
| 9      | responses deviate from the spec, at the level of --fail-on           |
| 10     | more was spent than --max-usd                                        |
| 11     | the budget cannot be judged: too much of the cost is not known       |
| 12     | a source of ids has none                                             |
| 13     | within the budgets, but near one: a part at which to warn is reached |
| 14     | the ledger is not what the account says of itself                    |
| 130    | interrupted                                                          |
| 141    | nobody reads the output any more                                     |

Several ids: one that fails does not stop the others, and the highest status of them counts.

The modules, one subject each; of them, only those imported when they are needed cost anything:

| module        | subject                                           |
|---------------|---------------------------------------------------|
| `_command`    | arguments and options, by click                   |
| `_get`        | the work of `get`: ask for each id, write, report |
| `_keys`       | the key, and that it is not shown                 |
| `_statuses`   | the exit status of each failure                   |
| `_formats`    | records as JSON Lines and summaries               |
| `_table`      | records as a table, by rich                       |
| `_check`      | the work of `check`: read or ask, tally, report   |
| `_reading`    | texts, however they are packed and encoded        |
| `_recordings` | recorded responses, line by line                  |
| `_findings`   | findings as JSON, Markdown and JUnit XML          |
| `_overview`   | findings as a table, by rich                      |
| `_output`     | writing a file: whole, or not at all              |
| `_mcp`        | the work of `mcp`: serve AI clients over stdio    |
| `_stub`       | the work of `stub`: serve until interrupted       |
| `_config`     | the configuration file: defaults, and budgets     |
| `_options`    | options that several commands have in common      |
| `_ledgers`    | arguments and options of the commands for ledgers |
| `_fetch`      | the work of `fetch`: fill a ledger, resumably     |
| `_found_ids`  | ids of arguments, lists, logs and JSON Lines      |
| `_fetching_progress` | how far a fetch is, in lines               |
| `_fetching_bar` | the same as a bar, by rich                      |
| `_look`       | the work of `show` and `list`                     |
| `_export`     | the work of `export`: rows to files               |
| `_report`     | the work of `report`: read, show, write a page    |
| `_budget`     | the work of `budget`: add up, hold against limit  |
| `_budgets`    | how the budgets of a configuration file stand     |
| `_forget`     | the work of `forget`: ids that nobody is to ask for |
| `_reconcile`  | the work of `reconcile`: hold a ledger against activity |
| `_activity`   | what the account says: of a file, or of the server |
| `_completing` | what a shell completes: dimensions, zones         |
| `_stdout`     | writing data, to readers that may go away         |
| `_messages`   | stderr: errors, warnings, logs                    |
| `_progress`   | stderr: how far long work is, by rich             |
| `_drawing`    | what `_progress` draws, by rich                   |
"""

import sys
from typing import Final

from modelgates_client._version import __version__

#: The extras of the commands that need others than `cli`, or more.
_EXTRAS: Final = {
    "export": "cli,report",
    "mcp": "mcp",
    "report": "cli,report",
    "stub": "cli,testing",
}


def main() -> int:
    """Run the command with the arguments of the process; return the exit status."""
    try:
        # Not before they are needed: where the extra is not installed, it is said in one line.
        import rich  # noqa: F401, PLC0415  # pyright: ignore[reportUnusedImport]

        from modelgates_client.cli._command import run  # noqa: PLC0415
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
    extras = next((_EXTRAS[each] for each in arguments if each in _EXTRAS), "cli")
    if sys.stderr is not None:  # where it is closed
        sys.stderr.write(
            f"error: the command needs an extra: pip install 'modelgates-client[{extras}]'\n"
        )
    return 2
