"""`modelgates forget`: stop requesting ids that have no record.

In a pipe it prints one JSON object: `forgotten`, the number of ids (with `--undo`, `queued`), and
`counts`, the number of ids in each state afterwards.
"""

import json

from attrs import frozen

from modelgates_client.cli.app import command
from modelgates_client.cli.messages import Messages
from modelgates_client.cli.options import LedgerOptions, argument, option
from modelgates_client.cli.output import Stdout
from modelgates_client.cli.progress import states_text
from modelgates_client.cli.statuses import Status
from modelgates_client.errors import ConfigurationError
from modelgates_client.ledger import Ledger
from modelgates_client.ledger.files import resolve_path
from modelgates_client.reports.formatting import count
from modelgates_client.reports.periods import read_age


@frozen(kw_only=True)
class ForgetOptions(LedgerOptions):
    """The arguments and options of `forget`."""

    ids: tuple[str, ...] = argument(metavar="[ID]...", nargs=-1)
    pending: bool = option("--pending", is_flag=True, help="All ids that have no record yet.")
    failed: bool = option(
        "--failed", is_flag=True, help="All ids for which a retry is not expected to help."
    )
    older_than: str | None = option(
        "--older-than",
        metavar="AGE",
        help="Only those of the selected kinds, or of both, that are older than AGE, such as 36h, "
        "7d or 2w. The age counts from the time in gen-<seconds>-..., or else from when the id was "
        "queued.",
    )
    undo: bool = option(
        "--undo",
        is_flag=True,
        help="Queue the given IDs again that were forgotten or given up, or all of them.",
    )


@command(
    ForgetOptions,
    summary="Stop requesting ids that have no record, and leave them out of budgets.",
    details="""
    Forgets the given ids, or all that the options select. What was known about them is kept, and
    shown by list --forgotten and show; reports count them separately. --undo queues the given ids
    again, or all of them.
    """,
)
def forget(options: ForgetOptions, messages: Messages) -> Status:
    """Run `modelgates forget`, and print the number of ids.

    Raises:
        ConfigurationError: The options are invalid.
        LedgerError: The ledger cannot be used.
        ReaderGoneError: The reader has closed the output.
        UnwritableError: The output cannot be written.
    """
    _check(options)
    older_than = options.older_than
    age_s = 0.0 if older_than is None else read_age("--older-than", older_than).total_seconds()
    stdout = Stdout()
    ids = list(dict.fromkeys(options.ids))
    resolve_path(options.ledger, create=False)  # do not create a missing ledger
    with Ledger(options.ledger) as ledger:
        rejected = [each for each in ids if not _is_eligible(ledger, each, undo=options.undo)]
        if options.undo:
            number = ledger.recall(ids or None)
        elif ids:
            number = ledger.forget(ids)
        else:
            either = options.pending or options.failed
            number = ledger.forget_all(
                pending=options.pending or not either,
                failed=options.failed or not either,
                older_than_s=age_s,
            )
        counts = ledger.counts()
    for each in rejected:
        problem = "it is not forgotten" if options.undo else "it is not an id without a record"
        messages.error(f"{each}: {problem}")
    done = "queued" if options.undo else "forgotten"
    if stdout.is_terminal:
        stdout.write(f"{count(number, 'id')} {done}; now {states_text(counts)}\n")
    else:
        stdout.write(f"{json.dumps({done: number, 'counts': counts._asdict()})}\n")
    return Status.NOT_FOUND if rejected else Status.OK


def _is_eligible(ledger: Ledger, generation_id: str, *, undo: bool) -> bool:
    unresolved = ledger.unresolved_id(generation_id)
    # Forgetting an id twice is the same as forgetting it once.
    states = {"forgotten", "never-final"} if undo else {"pending", "failed", "forgotten"}
    return unresolved is not None and unresolved.state in states


def _check(options: ForgetOptions) -> None:
    is_selection = options.pending or options.failed or options.older_than is not None
    if options.ids and is_selection:
        raise ConfigurationError("give either ids, or --pending, --failed or --older-than")
    if options.undo and is_selection:
        raise ConfigurationError("--undo takes only ids, or nothing for all that are forgotten")
    if not options.ids and not is_selection and not options.undo:
        raise ConfigurationError("nothing to forget: give ids, --pending, --failed or --older-than")
