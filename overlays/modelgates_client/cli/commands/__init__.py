"""The commands of `modelgates`: each is a module with its name, which is loaded on first use.

`COMMANDS` lists them, so that help and completion need not load them. It is derived from the
modules: `UPDATE_DOCS=1 pytest tests/test_documents.py` writes it.
"""

from typing import Final, NamedTuple


class CommandInfo(NamedTuple):
    """A description of a command, available without loading its module.

    Attributes:
        summary: What the command does, in one sentence.
        extras: The extras of the package that it needs.
    """

    summary: str
    extras: str


#: The commands by name.
COMMANDS: Final = {
    "budget": CommandInfo(
        "Compare spending with a limit; the exit status gives the result.",
        "cli",
    ),
    "check": CommandInfo(
        "Check responses, live or recorded, against the spec.",
        "cli",
    ),
    "completion": CommandInfo(
        "Print the completion script for a shell.",
        "cli",
    ),
    "export": CommandInfo(
        "Export a ledger as rows: one for each id, including ids without a record.",
        "cli,report",
    ),
    "fetch": CommandInfo(
        "Fetch the records of many ids into a ledger.",
        "cli",
    ),
    "forget": CommandInfo(
        "Stop requesting ids that have no record, and leave them out of budgets.",
        "cli",
    ),
    "get": CommandInfo(
        "Print the records of generations.",
        "cli",
    ),
    "list": CommandInfo(
        "List a ledger's unresolved ids: why, and when they were last requested.",
        "cli",
    ),
    "mcp": CommandInfo(
        "Serve AI clients over stdio, using the Model Context Protocol.",
        "mcp",
    ),
    "reconcile": CommandInfo(
        "Compare a ledger with the account's activity, to find missing records.",
        "cli",
    ),
    "report": CommandInfo(
        "Report what generations cost, and how they performed.",
        "cli,report",
    ),
    "show": CommandInfo(
        "Show what a ledger has for ids: the record, how it was obtained, and its history.",
        "cli",
    ),
    "stub": CommandInfo(
        "Serve records on 127.0.0.1 like the API, until interrupted (exit status 130).",
        "cli,testing",
    ),
}
