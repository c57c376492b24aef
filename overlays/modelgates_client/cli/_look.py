"""`modelgates show` and `list`: what a ledger has of an id, and which ids it lacks a record of.

Both read the ledger alone: no server is asked, and no key is needed.
"""

import datetime
import json
from collections.abc import Iterator
from itertools import chain
from typing import Any, Literal, TypedDict

import attrs

from modelgates_client.cli._messages import Messages
from modelgates_client.cli._statuses import Status
from modelgates_client.cli._stdout import Stdout
from modelgates_client.errors import ConfigurationError
from modelgates_client.ledger import Ledger
from modelgates_client.ledger.ledger import Kind
from modelgates_client.ledger.values import StoredRecord, Unresolved
from modelgates_client.records.harmless import harmless
from modelgates_client.records.summary import summarize
from modelgates_client.reports.periods import moment
from modelgates_client.reports.words import count
from modelgates_runtime.errors import ModelGatesError

_LONGEST = 200  # characters of an error that are shown in a line


class ShowOptions(TypedDict):
    """The arguments and options of `show`, as click names them."""

    ledger: str
    ids: tuple[str, ...]
    as_json: bool


class ListOptions(TypedDict):
    """The arguments and options of `list`, as click names them."""

    ledger: str
    pending: bool
    failed: bool
    provisional: bool
    unknown: bool
    forgotten: bool
    shown_as: Literal["table", "jsonl"] | None


def show(options: ShowOptions, messages: Messages) -> Status:
    """Print what a ledger has of ids: records, when and how they came, what came before.

    Raises:
        ConfigurationError: There is no id.
        LedgerError: The ledger cannot be read.
        ReaderGoneError: Nobody reads the output any more.
        UnwritableError: The output cannot be written.
    """
    if not options["ids"]:
        raise ConfigurationError("no id: give those to show")
    stdout = Stdout()
    as_json = options["as_json"] or not stdout.is_terminal
    status = Status.WELL
    with Ledger(options["ledger"], read_only=True) as ledger:
        for number, generation_id in enumerate(options["ids"]):
            record, waiting = ledger.record(generation_id), ledger.waiting(generation_id)
            if record is None and waiting is None:
                messages.error(f"{generation_id}: the ledger does not know it")
                status = Status.NOT_THERE
                continue
            history = ledger.history(generation_id)
            if as_json:
                stdout.write(f"{json.dumps(_plain(generation_id, record, waiting, history))}\n")
            else:
                lines = "\n".join(_lines(generation_id, record, waiting, history))
                stdout.write(f"{'' if number == 0 else chr(10)}{lines}\n")
    return status


def _lines(
    generation_id: str,
    record: StoredRecord | None,
    waiting: Unresolved | None,
    history: list[StoredRecord],
) -> Iterator[str]:
    if record is not None:
        yield _summary(record)
        yield f"  {'Obtained':<10} {_obtained(record)}"
    else:
        yield f"{harmless(generation_id)}  no record"
    if waiting is not None:
        title = "Waiting" if waiting.forgotten_at is None else "Forgotten"
        yield f"  {title:<10} {harmless(_reason(waiting))}"
        tried = "never" if waiting.tried_at is None else _second(waiting.tried_at)
        queued = "" if waiting.queued_at is None else f"; queued {_second(waiting.queued_at)}"
        yield f"  {'Tried':<10} {tried}{queued}"
    for title, past in zip(["Before", *[""] * len(history)], history, strict=False):
        yield f"  {title:<10} {_obtained(past)}"


def _summary(record: StoredRecord) -> str:
    try:
        return summarize(record.generation())
    except ModelGatesError as error:
        return f"{harmless(record.generation_id)}  {harmless(str(error))}"


def _obtained(record: StoredRecord) -> str:
    settled = "" if record.is_final else ", not final"
    client = f"modelgates-client {harmless(record.client)}"
    return (
        f"{_second(record.obtained_at)}, status {record.status}, "
        f"{count(record.requests, 'request')}, by {client}{settled}"
    )


def _reason(waiting: Unresolved) -> str:
    if waiting.state == "unknown":
        return "unknown: the record does not say what it cost"
    untold = "not asked for" if waiting.tried_at is None else "the record may still change"
    if waiting.tried_at is None and waiting.state == "pending":
        untold = "not asked for yet"
    error = untold if waiting.error is None else waiting.error
    status = "" if waiting.status is None else f" (status {waiting.status})"
    return f"{waiting.state}: {error[:_LONGEST]}{status}"


def _plain(
    generation_id: str,
    record: StoredRecord | None,
    waiting: Unresolved | None,
    history: list[StoredRecord],
) -> dict[str, Any]:
    return {
        "generation_id": generation_id,
        "record": None if record is None else _plain_record(record),
        "waiting": None if waiting is None else _plain_waiting(waiting),
        "history": [_plain_record(past) for past in history],
    }


def _plain_record(record: StoredRecord) -> dict[str, Any]:
    told = attrs.asdict(record, filter=lambda field, _: field.name != "generation_id")
    told["obtained_at"] = record.obtained_at.isoformat()
    told["body"] = record.body.decode("utf-8", "replace")
    return told


def _plain_waiting(waiting: Unresolved) -> dict[str, Any]:
    told = attrs.asdict(waiting)
    for name in ("queued_at", "tried_at", "forgotten_at"):
        told[name] = None if told[name] is None else told[name].isoformat()
    return told


def list_ids(options: ListOptions, messages: Messages) -> Status:
    """Print the ids of a ledger of which something is not known, with reasons and times.

    Forgotten ones are not among them unless they are asked for.

    Raises:
        LedgerError: The ledger cannot be read.
        ReaderGoneError: Nobody reads the output any more.
        UnwritableError: The output cannot be written.
    """
    stdout = Stdout()
    asked = {
        "pending": options["pending"],
        "failed": options["failed"],
        "provisional": options["provisional"],
        "unknown": options["unknown"],
        "forgotten": options["forgotten"],
    }
    states = {name for name, is_asked in asked.items() if is_asked} or {*asked} - {"forgotten"}
    as_table = stdout.is_terminal if options["shown_as"] is None else options["shown_as"] == "table"
    number = 0
    with Ledger(options["ledger"], read_only=True) as ledger:
        kinds: tuple[Kind, ...] = ("waiting", "unknown", "forgotten")
        for each in chain.from_iterable(
            ledger.unresolved(kind) for kind in kinds if kind == "waiting" or kind in states
        ):
            if each.state in states:
                number += 1
                stdout.write(f"{_line(each) if as_table else json.dumps(_plain_waiting(each))}\n")
    if not number:
        messages.detail("no id is like that")
    return Status.WELL


def _line(each: Unresolved) -> str:
    tried = "never tried" if each.tried_at is None else f"tried {_second(each.tried_at)}"
    forgotten = "" if each.forgotten_at is None else f", forgotten {_second(each.forgotten_at)}"
    return harmless(
        f"{each.generation_id}  {_reason(each)}; {tried}, {count(each.requests, 'request')}"
        f"{forgotten}"
    )


def _second(when: datetime.datetime) -> str:
    return moment(when.replace(microsecond=0))
