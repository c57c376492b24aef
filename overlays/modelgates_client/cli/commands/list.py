"""`modelgates list`: list a ledger's unresolved ids, without sending requests."""

import json
from itertools import chain
from typing import Literal

from attrs import frozen

from modelgates_client.cli.app import command
from modelgates_client.cli.commands.show import moment_text, reason_text
from modelgates_client.cli.messages import Messages
from modelgates_client.cli.options import LedgerOptions, format_option, option
from modelgates_client.cli.output import Stdout
from modelgates_client.cli.statuses import Status
from modelgates_client.ledger import Ledger
from modelgates_client.ledger.ledger import Kind
from modelgates_client.ledger.values import UnresolvedId
from modelgates_client.records.sanitize import sanitize
from modelgates_client.reports.formatting import count
from modelgates_client.reports.to_json import to_plain


@frozen(kw_only=True)
class ListOptions(LedgerOptions):
    """The arguments and options of `list`."""

    pending: bool = option("--pending", is_flag=True, help="List ids that have no record yet.")
    failed: bool = option(
        "--failed", is_flag=True, help="List ids for which a retry is not expected to help."
    )
    provisional: bool = option(
        "--provisional", is_flag=True, help="List ids whose record may still change."
    )
    unknown: bool = option(
        "--unknown", is_flag=True, help="List ids whose record does not state a cost."
    )
    forgotten: bool = option(
        "--forgotten", is_flag=True, help="List ids that were given up, or forgotten by `forget`."
    )
    never_final: bool = option(
        "--never-final",
        is_flag=True,
        help="List ids whose record did not become final and is no longer requested.",
    )
    shown_as: Literal["table", "jsonl"] | None = format_option("table", "jsonl")


@command(
    ListOptions,
    summary="List a ledger's unresolved ids: why, and when they were last requested.",
    details="""
    Lists all kinds except ids that are no longer requested, or only those that the options select.
    No request is sent. On a terminal, each id is a line of text; in a pipe, a line of JSON.
    """,
)
def list_ids(options: ListOptions, messages: Messages) -> Status:
    """Run `modelgates list`: print a ledger's unresolved ids with reasons and times.

    Those that are no longer requested are included only if they are selected.

    Raises:
        LedgerError: The ledger cannot be read.
        ReaderGoneError: The reader has closed the output.
        UnwritableError: The output cannot be written.
    """
    stdout = Stdout()
    selected = {
        "pending": options.pending,
        "failed": options.failed,
        "provisional": options.provisional,
        "unknown": options.unknown,
        "forgotten": options.forgotten,
        "never-final": options.never_final,
    }
    ended = {"forgotten", "never-final"}
    states = {name for name, is_on in selected.items() if is_on} or {*selected} - ended
    as_table = stdout.is_terminal if options.shown_as is None else options.shown_as == "table"
    number = 0
    with Ledger(options.ledger, read_only=True) as ledger:
        kinds: list[Kind] = ["waiting"]
        if "unknown" in states:
            kinds.append("unknown")
        if states & ended:
            kinds.append("forgotten")
        for each in chain.from_iterable(map(ledger.unresolved, kinds)):
            if each.state in states:
                number += 1
                stdout.write(f"{_line(each) if as_table else json.dumps(to_plain(each))}\n")
    if not number:
        messages.detail("there are no such ids")
    return Status.OK


def _line(each: UnresolvedId) -> str:
    tried = "never tried" if each.tried_at is None else f"tried {moment_text(each.tried_at)}"
    ended = "forgotten" if each.state == "forgotten" else "given up"
    when = "" if each.forgotten_at is None else f", {ended} {moment_text(each.forgotten_at)}"
    return sanitize(
        f"{each.generation_id}  {reason_text(each)}; {tried}, {count(each.requests, 'request')}"
        f"{when}"
    )
