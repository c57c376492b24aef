"""`modelgates reconcile`: is anything missing in a ledger? The account's activity says it.

With `--format json` it prints one object: `version`, of this form, is 1, and names may be added to
a version, but none goes; `client_version`; `is_same`; and the names of `reports.reconciling`. An
amount is a string of decimal digits, exact.
"""

import json
from decimal import Decimal, InvalidOperation
from typing import Final, Literal

from modelgates_client._version import __version__
from modelgates_client.cli._activity import ServerOptions, fetch_text, read_text
from modelgates_client.cli._messages import Messages
from modelgates_client.cli._statuses import Status
from modelgates_client.cli._stdout import Stdout
from modelgates_client.errors import ConfigurationError
from modelgates_client.reports.plain import plain
from modelgates_client.reports.reconciled import lines
from modelgates_client.reports.reconciling import read_activity, reconcile_ledger
from modelgates_client.reports.words import count

_VERSION: Final = 1
_LISTED: Final = 50  # days and models that differ
_FETCHED: Final = "the account's activity"


class ReconcileOptions(ServerOptions):
    """The arguments and options of `reconcile`, as click names them."""

    ledger: str
    activity: str | None
    tolerance: str
    shown_as: Literal["text", "json"] | None


def reconcile(options: ReconcileOptions, messages: Messages) -> Status:
    """Do what the options say: some lines, or one object of JSON.

    Raises:
        ConfigurationError: They cannot be used, or what they name cannot be read.
        LedgerError: The ledger cannot be read.
        ModelGatesError: The activity could not be fetched.
        ReaderGoneError: Nobody reads the output any more.
        UnwritableError: The output cannot be written.
    """
    stdout = Stdout()
    tolerance = _part(options["tolerance"])
    source = options["activity"]
    text = fetch_text(options, messages) if source is None else read_text(source)
    activity = read_activity(text, _FETCHED if source is None else source)
    found = reconcile_ledger(options["ledger"], activity, tolerance)
    shown_as = options["shown_as"] or ("text" if stdout.is_terminal else "json")
    if shown_as == "json":
        whole = {"version": _VERSION, "client_version": __version__, "is_same": found.is_same}
        stdout.write(f"{json.dumps({**whole, **plain(found)})}\n")
    else:
        stdout.write("".join(f"{line}\n" for line in lines(found, _LISTED)))
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
