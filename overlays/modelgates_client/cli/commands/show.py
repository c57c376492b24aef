"""`modelgates show`: show what a ledger has for ids, without sending requests."""

import datetime
import json
from collections.abc import Iterator
from typing import Any

from attrs import frozen

from modelgates_client.cli.app import command
from modelgates_client.cli.messages import Messages
from modelgates_client.cli.options import LedgerOptions, argument, option
from modelgates_client.cli.output import Stdout
from modelgates_client.cli.statuses import Status
from modelgates_client.errors import ConfigurationError
from modelgates_client.ledger import Ledger
from modelgates_client.ledger.values import StoredRecord, UnresolvedId
from modelgates_client.records.sanitize import sanitize
from modelgates_client.records.summary import summarize
from modelgates_client.reports.formatting import count
from modelgates_client.reports.periods import moment
from modelgates_client.reports.to_json import to_plain
from modelgates_runtime.errors import ModelGatesError

_MAX_ERROR_LENGTH = 200  # characters of an error that are shown in a line


@frozen(kw_only=True)
class ShowOptions(LedgerOptions):
    """The arguments and options of `show`."""

    ids: tuple[str, ...] = argument(metavar="ID...", nargs=-1)
    as_json: bool = option("--json", is_flag=True, help="Print JSON Lines even on a terminal.")


@command(
    ShowOptions,
    summary="Show what a ledger has for ids: the record, how it was obtained, and its history.",
    details="""
    No request is sent. On a terminal, each id takes a few lines of text; in a pipe, a line of JSON.
    """,
)
def show(options: ShowOptions, messages: Messages) -> Status:
    """Run `modelgates show`: print records, when and how they were obtained, and the history.

    Raises:
        ConfigurationError: There is no id.
        LedgerError: The ledger cannot be read.
        ReaderGoneError: The reader has closed the output.
        UnwritableError: The output cannot be written.
    """
    if not options.ids:
        raise ConfigurationError("no id: give the ids to show")
    stdout = Stdout()
    as_json = options.as_json or not stdout.is_terminal
    status = Status.OK
    with Ledger(options.ledger, read_only=True) as ledger:
        for number, generation_id in enumerate(options.ids):
            record, waiting = ledger.record(generation_id), ledger.unresolved_id(generation_id)
            if record is None and waiting is None:
                messages.error(f"{generation_id}: it is not in the ledger")
                status = Status.NOT_FOUND
                continue
            history = ledger.history(generation_id)
            if as_json:
                stdout.write(f"{json.dumps(_to_json(generation_id, record, waiting, history))}\n")
            else:
                lines = "\n".join(_lines(generation_id, record, waiting, history))
                stdout.write(f"{'' if number == 0 else chr(10)}{lines}\n")
    return status


def _lines(
    generation_id: str,
    record: StoredRecord | None,
    waiting: UnresolvedId | None,
    history: list[StoredRecord],
) -> Iterator[str]:
    if record is not None:
        yield _summary(record)
        yield f"  {'Obtained':<10} {_obtained(record)}"
    else:
        yield f"{sanitize(generation_id)}  no record"
    if waiting is not None:
        titles = {"forgotten": "Forgotten", "never-final": "Given up"}
        title = titles.get(waiting.state, "Waiting")
        yield f"  {title:<10} {sanitize(reason_text(waiting))}"
        tried = "never" if waiting.tried_at is None else moment_text(waiting.tried_at)
        queued = "" if waiting.queued_at is None else f"; queued {moment_text(waiting.queued_at)}"
        yield f"  {'Tried':<10} {tried}{queued}"
    for title, past in zip(["Before", *[""] * len(history)], history, strict=False):
        yield f"  {title:<10} {_obtained(past)}"


def _summary(record: StoredRecord) -> str:
    try:
        return summarize(record.generation())
    except ModelGatesError as error:
        return f"{sanitize(record.generation_id)}  {sanitize(str(error))}"


def _obtained(record: StoredRecord) -> str:
    settled = "" if record.is_final else ", not final"
    client = f"modelgates-client {sanitize(record.client)}"
    return (
        f"{moment_text(record.obtained_at)}, status {record.status}, "
        f"{count(record.requests, 'request')}, by {client}{settled}"
    )


def reason_text(waiting: UnresolvedId) -> str:
    """Return the state of an id, and why there is no final record of it."""
    if waiting.state == "unknown":
        return "unknown: the record does not state a cost"
    if waiting.state == "never-final":
        return "never-final: the record did not become final, and is no longer requested"
    reason = "not requested" if waiting.tried_at is None else "the record may still change"
    if waiting.tried_at is None and waiting.state == "pending":
        reason = "not requested yet"
    error = reason if waiting.error is None else waiting.error
    status = "" if waiting.status is None else f" (status {waiting.status})"
    return f"{waiting.state}: {error[:_MAX_ERROR_LENGTH]}{status}"


def _to_json(
    generation_id: str,
    record: StoredRecord | None,
    waiting: UnresolvedId | None,
    history: list[StoredRecord],
) -> dict[str, Any]:
    return {
        "generation_id": generation_id,
        "record": _without_id(record),
        "waiting": to_plain(waiting),
        "history": [_without_id(past) for past in history],
    }


def _without_id(record: StoredRecord | None) -> dict[str, Any] | None:
    fields: dict[str, Any] | None = to_plain(record)
    return fields and {name: value for name, value in fields.items() if name != "generation_id"}


def moment_text(when: datetime.datetime) -> str:
    """Format a time, with a precision of one second."""
    return moment(when.replace(microsecond=0))
