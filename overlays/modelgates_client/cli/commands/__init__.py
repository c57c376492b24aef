"""The commands of `modelgates`: each is a module with its name, which is loaded on first use.

The tables describe them, so that help and completion need not load them. They are derived from the
modules: `UPDATE_DOCS=1 pytest tests/test_documents.py` writes them.
"""

from typing import Final

#: What each command does, in one sentence.
SUMMARIES: Final = {
    "budget": "Compare spending with a limit; the exit status gives the result.",
    "check": "Check responses, live or recorded, against the spec.",
    "completion": "Print the completion script for a shell.",
    "export": "Export a ledger as rows: one for each id, including ids without a record.",
    "fetch": "Fetch the records of many ids into a ledger.",
    "forget": "Stop requesting ids that have no record, and leave them out of budgets.",
    "get": "Print the records of generations.",
    "list": "List a ledger's unresolved ids: why, and when they were last requested.",
    "mcp": "Serve AI clients over stdio, using the Model Context Protocol.",
    "reconcile": "Compare a ledger with the account's activity, to find missing records.",
    "report": "Report what generations cost, and how they performed.",
    "show": "Show what a ledger has for ids: the record, how it was obtained, and its history.",
    "stub": "Serve records on 127.0.0.1 like the API, until interrupted (exit status 130).",
}

#: The extras of the package that a command needs, unless that is `cli` alone.
EXTRAS: Final = {
    "export": "cli,report",
    "mcp": "mcp",
    "report": "cli,report",
    "stub": "cli,testing",
}
