"""`modelgates reconcile`: compare a ledger with the account's activity.

With `--format json` it prints one JSON object: `version` (1; a version may gain names, but never
loses any), `client_version`, `is_same`, and the fields of `reports.figures.Reconciliation`. Amounts
are strings of exact decimal digits.
"""

import sys
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal

import click
from attrs import frozen

from modelgates_client.cli.app import command
from modelgates_client.cli.messages import Messages
from modelgates_client.cli.options import (
    ServerOptions,
    argument,
    format_option,
    option,
    read_decimal,
)
from modelgates_client.cli.output import Stdout
from modelgates_client.cli.reading import STDIN
from modelgates_client.cli.statuses import Status
from modelgates_client.client.client import ModelGates
from modelgates_client.errors import ConfigurationError
from modelgates_client.reports.formatting import count
from modelgates_client.reports.reconciliation import read_activity, reconcile_ledger
from modelgates_client.reports.reconciliation_text import lines
from modelgates_client.reports.to_json import to_plain, versioned
from modelgates_client.resources.activity import activity

_MISSING: Final = "missing in the ledger"
_MAX_LINES: Final = 50  # differing days and models to print
_FETCHED_ACTIVITY: Final = "the account's activity"


@frozen(kw_only=True)
class ReconcileOptions(ServerOptions):
    """The arguments and options of `reconcile`."""

    ledger: str = argument(type=click.Path())
    activity: str | None = argument(metavar="[ACTIVITY|-]", type=click.Path(), required=False)
    tolerance: str = option(
        "--tolerance",
        metavar="PART",
        default="0.000001",
        help="Fraction of an amount by which it may differ. Default: a millionth.",
    )
    shown_as: Literal["text", "json"] | None = format_option("text", "json")


@command(
    ReconcileOptions,
    summary="Compare a ledger with the account's activity, to find missing records.",
    details="""
    ACTIVITY is a file with the account's activity by UTC day and model, in JSON as returned by GET
    /activity, or in CSV with the same columns; - reads stdin. Without it, the activity is fetched
    from the server, if the spec of this version has the operation. Requests and cost are compared
    for each day and model. Exit statuses: 0, nothing differs; 14, something does.
    """,
)
def reconcile(options: ReconcileOptions, messages: Messages) -> Status:
    """Run `modelgates reconcile`: print lines of text, or one JSON object.

    Raises:
        ConfigurationError: The options are invalid, or a file cannot be read.
        LedgerError: The ledger cannot be read.
        ModelGatesError: The activity could not be fetched.
        ReaderGoneError: The reader has closed the output.
        UnwritableError: The output cannot be written.
    """
    stdout = Stdout()
    tolerance = read_decimal(
        "--tolerance", options.tolerance, Decimal(1), "a fraction, such as 0.01 for one percent"
    )
    source = options.activity
    text = fetch_text(options, messages) if source is None else read_text(source)
    activity = read_activity(text, _FETCHED_ACTIVITY if source is None else source)
    result = reconcile_ledger(options.ledger, activity, tolerance)
    shown_as = options.shown_as or ("text" if stdout.is_terminal else "json")
    if shown_as == "json":
        stdout.write(versioned({"is_same": result.is_same, **to_plain(result)}))
    else:
        stdout.write("".join(f"{line}\n" for line in lines(result, _MAX_LINES)))
    if result.unresolved and any(line.finding == _MISSING for line in result.lines):
        messages.warning(
            f"{count(result.unresolved, 'id')} in the ledger without a record, which may explain "
            "what is missing: fetch them, or see `modelgates list` and `list --forgotten`"
        )
    return Status.OK if result.is_same else Status.DIFFERENT


def read_text(source: str) -> str:
    """Read a text file, or stdin.

    Raises:
        ConfigurationError: The file cannot be read.
    """
    try:
        if source == STDIN:
            return sys.stdin.read()
        return Path(source).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError(f"the file {source!r}: it is not UTF-8 text") from None
    except OSError as error:
        raise ConfigurationError(f"the file {source!r}: {error.strerror}") from None


def fetch_text(options: ServerOptions, messages: Messages) -> str:
    """Fetch the account's activity from the server, if the spec has the operation for it.

    Raises:
        ConfigurationError: The spec has no such operation, or there is no key.
        ModelGatesError: The request failed.
    """
    call = activity()
    if call is None:
        raise ConfigurationError(
            "give an ACTIVITY file: the spec of this version has no operation GET /activity, so "
            "the activity cannot be fetched"
        )
    with ModelGates(
        api_key=options.find_key(messages).reveal(), **options.client_options()
    ) as client:
        return client.send_raw(call).body.decode("utf-8", "replace")
