"""`modelgates reconcile`: is anything missing in a ledger? The account's activity says it.

With `--format json` it prints one object: `version`, of this form, is 1, and names may be added to
a version, but none goes; `client_version`; `is_same`; and the names of `reports.reconciling`. An
amount is a string of decimal digits, exact.
"""

import json
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final, Literal, TypedDict

from modelgates_client._version import __version__
from modelgates_client.cli._messages import Messages
from modelgates_client.cli._reading import STDIN
from modelgates_client.cli._statuses import Status
from modelgates_client.cli._stdout import Stdout
from modelgates_client.errors import ConfigurationError
from modelgates_client.reports.plain import plain
from modelgates_client.reports.reading import OF_LEDGER, rows_of_ledger
from modelgates_client.reports.reconciling import (
    Line,
    Reconciliation,
    Sums,
    read_activity,
    read_records,
    reconcile,
)
from modelgates_client.reports.words import count, name, rounded

_VERSION: Final = 1
_LISTED: Final = 50  # days and models that differ
_DECIMALS: Final = 6


class ReconcileOptions(TypedDict):
    """The arguments and options of `reconcile`, as click names them."""

    ledger: str
    activity: str
    tolerance: str
    shown_as: Literal["text", "json"] | None


def reconcile_ledger(options: ReconcileOptions, messages: Messages) -> Status:
    """Do what the options say: some lines, or one object of JSON.

    Raises:
        ConfigurationError: They cannot be used, or what they name cannot be read.
        LedgerError: The ledger cannot be read.
        ReaderGoneError: Nobody reads the output any more.
        UnwritableError: The output cannot be written.
    """
    stdout = Stdout()
    tolerance = _part(options["tolerance"])
    activity = read_activity(_text(options["activity"]), options["activity"])
    with rows_of_ledger(options["ledger"]) as (connection, _):
        described = connection.execute("PRAGMA table_info(rows)").fetchall()
        rows = read_records(connection, OF_LEDGER.time, [name for _, name, *_ in described])
        found = reconcile(activity, rows, tolerance)
    shown_as = options["shown_as"] or ("text" if stdout.is_terminal else "json")
    if shown_as == "json":
        whole = {"version": _VERSION, "client_version": __version__, "is_same": found.is_same}
        stdout.write(f"{json.dumps({**whole, **plain(found)})}\n")
    else:
        stdout.write("".join(f"{line}\n" for line in _lines(found)))
    if not found.is_same and found.unresolved:
        messages.warning(
            f"{count(found.unresolved, 'id')} of the ledger are without a record, and may be what "
            "is missing: fetch them, or see `modelgates list`"
        )
    return Status.WELL if found.is_same else Status.DIFFERENT


def _part(text: str) -> Decimal:
    try:
        part = Decimal(text)
    except InvalidOperation:
        part = Decimal("NaN")
    if not part.is_finite() or not 0 <= part < 1:
        raise ConfigurationError(f"--tolerance {text!r}: expected a part, as 0.01 for a hundredth")
    return part


def _text(source: str) -> str:
    try:
        if source == STDIN:
            return sys.stdin.read()
        return Path(source).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError(f"the file {source!r}: it is no text in UTF-8") from None
    except OSError as error:
        raise ConfigurationError(f"the file {source!r}: {error.strerror}") from None


def _lines(found: Reconciliation) -> list[str]:
    """Return what both sides say, what differs, and what is left out, in words."""
    different = [line for line in found.lines if line.finding != "same"]
    verdict = "nothing is missing" if found.is_same else "they differ"
    pairs = count(len(found.lines), "pair of day and model", "pairs of day and model")
    lines = [
        f"{verdict}: {found.first} to {found.last} (UTC), {pairs}",
        f"  the account  {_sums(found.there)}",
        f"  the ledger   {_sums(found.here)}",
        *(f"  {_difference(line)}" for line in different[:_LISTED]),
    ]
    if len(different) > _LISTED:
        lines.append(f"  and {count(len(different) - _LISTED, 'difference')} more: --format json")
    left_out = [
        (found.beyond, f"{count(found.beyond, 'record')} of other days"),
        (found.undated, f"{count(found.undated, 'record')} without a readable time"),
        (found.unresolved, f"{count(found.unresolved, 'id')} without a record"),
    ]
    if any(number for number, _ in left_out):
        lines.append(f"left out: {', '.join(text for number, text in left_out if number)}")
    lines.append(f"amounts are the same that differ by {found.tolerance:f} of the larger at most")
    return lines


def _sums(sums: Sums) -> str:
    own_keys = f", {rounded(sums.own_keys_usd, _DECIMALS)} to own keys" if sums.own_keys_usd else ""
    unknown = f", {sums.unknown:,} of unknown cost" if sums.unknown else ""
    tokens = f"{sums.tokens_prompt:,} and {sums.tokens_completion:,} tokens"
    charged = rounded(sums.charged_usd, _DECIMALS)
    return f"{count(sums.requests, 'request')}, {charged} charged{own_keys}{unknown}, {tokens}"


def _difference(line: Line) -> str:
    there, here = line.there, line.here
    place = f"{line.place.day} {name(line.place.model)}"
    if line.finding == "another cost":
        unknown = f", {here.unknown:,} of unknown cost" if here.unknown else ""
        return (
            f"{place}: {line.finding}: {_usd(there)} there, {_usd(here)} here{unknown}, of "
            f"{count(there.requests, 'request')}"
        )
    number = abs(there.requests - here.requests)
    requests = f"{there.requests:,} there, {here.requests:,} here"
    return f"{place}: {number:,} {line.finding}: {requests}; {_usd(there)} and {_usd(here)}"


def _usd(sums: Sums) -> str:
    own_keys = f" and {rounded(sums.own_keys_usd, _DECIMALS)} to own keys"
    return f"{rounded(sums.charged_usd, _DECIMALS)}{own_keys if sums.own_keys_usd else ''}"
