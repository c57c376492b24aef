"""The commands that work with a ledger: fill it, export it, report on it, hold it to a budget."""

from functools import partial
from typing import TYPE_CHECKING, Unpack

import click

from modelgates_client.cli._completing import dimensions
from modelgates_client.cli._options import (
    EPILOG,
    STATUS_EPILOG,
    asks_a_server,
    carry_out,
    configuration,
    takes_a_period,
    talks,
)
from modelgates_client.cli._statuses import Status

if TYPE_CHECKING:
    from modelgates_client.cli._budget import BudgetOptions
    from modelgates_client.cli._export import ExportOptions
    from modelgates_client.cli._fetch import FetchOptions
    from modelgates_client.cli._forget import ForgetOptions
    from modelgates_client.cli._look import ListOptions, ShowOptions
    from modelgates_client.cli._reconcile import ReconcileOptions
    from modelgates_client.cli._report import ReportOptions


@click.command(
    epilog=EPILOG,
    help="""Fetch the records of many ids into a ledger.

    FILE has ids one a line, or anywhere in its lines, as JSON Lines and logs have them; it may be
    gzip'd (.gz). - reads stdin, as it comes. Without FILE, what the ledger lacks is fetched.

    It goes on where an earlier run ended, however that ended. On a terminal a bar shows how far it
    is; in a pipe, lines on stderr, and at the end an object of JSON on stdout.
    """,
)
@click.argument("files", metavar="[FILE|-]...", type=click.Path(), nargs=-1)
@click.option(
    "--ledger", metavar="L", type=click.Path(), required=True, help="The ledger; made if need be."
)
@click.option(
    "--concurrency",
    metavar="N",
    type=click.IntRange(1, 1000),
    help="The most requests at one time: 32, unless given.",
)
@click.option(
    "--wait",
    metavar="S",
    type=click.FloatRange(0),
    help="Seconds to wait for each late record: 60; 0: none.",
)
@click.option(
    "--max-rate",
    metavar="N",
    type=click.FloatRange(0, min_open=True),
    help="The most requests per second; the server's own limit is learnt anyhow.",
)
@click.option(
    "--outage-timeout",
    metavar="S",
    type=click.FloatRange(0, 86_400),
    help="Seconds to wait for a server that is not there, or not able to answer: 300.",
)
@click.option("--retry-failed", is_flag=True, help="Ask for ids again that had failed for good.")
@click.option(
    "--give-up-after",
    metavar="AGE",
    default="7d",
    help="Forget ids older than AGE, as 36h, 7d, 2w, of which the server says that there is no "
    "record: 7d, unless given; never: none. Their age is by the time in gen-<seconds>-..., else "
    "since they were queued.",
)
@click.option("--no-final", is_flag=True, help="Do not wait until records are final.")
@asks_a_server
@talks
def fetch(quiet: bool, verbose: bool, **options: Unpack["FetchOptions"]) -> Status:  # noqa: FBT001
    """Fetch the records of many ids into a ledger."""
    # Not before it is needed: completion and --help must be quick.
    from modelgates_client.cli import _fetch  # noqa: PLC0415

    return carry_out(_fetch.fetch, options, quiet=quiet, verbose=verbose)


@click.command(
    epilog=STATUS_EPILOG,
    help="""Show what a ledger has of ids: records, when and how they came, what came before.

    No server is asked. On a terminal some lines for each; piped, an object of JSON a line.
    """,
)
@click.argument("ledger", type=click.Path())
@click.argument("ids", metavar="ID...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines on a terminal, too.")
@talks
def show(quiet: bool, verbose: bool, **options: Unpack["ShowOptions"]) -> Status:  # noqa: FBT001
    """Show what a ledger has of ids."""
    # Not before it is needed: completion and --help must be quick.
    from modelgates_client.cli import _look  # noqa: PLC0415

    return carry_out(_look.show, options, quiet=quiet, verbose=verbose)


@click.command(
    "list",
    epilog=STATUS_EPILOG,
    help="""List the ids of a ledger of which something is not known: why, and when it was tried.

    All of them, or those that are asked for. No server is asked. On a terminal a line for each;
    piped, an object of JSON a line.
    """,
)
@click.argument("ledger", type=click.Path())
@click.option("--pending", is_flag=True, help="Those without a record yet.")
@click.option("--failed", is_flag=True, help="Those of which another try is not expected to help.")
@click.option("--provisional", is_flag=True, help="Those whose record may still change.")
@click.option("--unknown", is_flag=True, help="Those whose record does not say what it cost.")
@click.option("--forgotten", is_flag=True, help="Those given up, or forgotten by `forget`.")
@click.option(
    "--format",
    "shown_as",
    type=click.Choice(("table", "jsonl")),
    help="How to print it: table on a terminal, else jsonl.",
)
@talks
def list_ids(quiet: bool, verbose: bool, **options: Unpack["ListOptions"]) -> Status:  # noqa: FBT001
    """List the ids of a ledger of which something is not known."""
    # Not before it is needed: completion and --help must be quick.
    from modelgates_client.cli import _look  # noqa: PLC0415

    return carry_out(_look.list_ids, options, quiet=quiet, verbose=verbose)


@click.command(
    epilog=STATUS_EPILOG,
    help="""Forget ids without a record: they are not asked for any more, and spoil no budget.

    Those that are named, or all that are asked for. What was known of them is kept, and shown by
    list --forgotten and show; reports count them apart. --undo queues them again, those that are
    named or all.
    """,
)
@click.argument("ledger", type=click.Path())
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--pending", is_flag=True, help="All without a record yet.")
@click.option("--failed", is_flag=True, help="All of which another try is not expected to help.")
@click.option(
    "--older-than",
    metavar="AGE",
    help="All of these, or of both kinds, that are older than AGE, as 36h, 7d, 2w: by the time in "
    "gen-<seconds>-..., else since they were queued.",
)
@click.option("--undo", is_flag=True, help="Queue the IDs again that were forgotten, or all.")
@talks
def forget(quiet: bool, verbose: bool, **options: Unpack["ForgetOptions"]) -> Status:  # noqa: FBT001
    """Forget ids without a record."""
    # Not before it is needed: completion and --help must be quick.
    from modelgates_client.cli import _forget  # noqa: PLC0415

    return carry_out(_forget.forget, options, quiet=quiet, verbose=verbose)


@click.command(
    epilog=STATUS_EPILOG,
    help="""Write the rows of a ledger: a row for each id, ids without a record too.

    As JSON Lines, CSV, Parquet or a DuckDB database, by the end of the file's name. Unknown is
    null, amounts are exact decimals, times are UTC. The file is there when it is whole.

    Needs the extra report: pip install 'modelgates-client[cli,report]'
    """,
)
@click.argument("sources", metavar="LEDGER|PARQUET...", type=click.Path(), nargs=-1)
@click.option(
    "--to", metavar="FILE", type=click.Path(), help="Write to it; - is stdout. Its end says how."
)
@click.option(
    "--format",
    "shown_as",
    type=click.Choice(("jsonl", "csv", "parquet", "duckdb")),
    help="What to write, if the file's name does not end like that.",
)
@click.option(
    "--attempts-to",
    metavar="FILE",
    type=click.Path(),
    help="Write attempts to a table of their own, too: a row each.",
)
@click.option("--focus", is_flag=True, help="Write charges, with the columns of FinOps FOCUS.")
@click.option("--issuer", metavar="NAME", help="With --focus: who invoices what is charged.")
@click.option("--billing-account", metavar="ID", help="With --focus: the account it is charged to.")
@click.option(
    "--raw",
    is_flag=True,
    help="Leave texts in CSV as they were sent; else a ' is put before what a spreadsheet would "
    "take for a formula.",
)
@click.option(
    "--columns", "list_columns", is_flag=True, help="Print the columns, and what they are."
)
@takes_a_period
@talks
def export(quiet: bool, verbose: bool, **options: Unpack["ExportOptions"]) -> Status:  # noqa: FBT001
    """Write the rows of a ledger: a row for each id, ids without a record too."""
    # Not before it is needed: completion and --help must be quick.
    from modelgates_client.cli import _export  # noqa: PLC0415

    return carry_out(_export.export, options, quiet=quiet, verbose=verbose)


@click.command(
    epilog=STATUS_EPILOG,
    help="""Report what generations cost, and how they went.

    Of a ledger, or of Parquet files that export wrote: cost charged, by your own keys (BYOK) and
    in all, tokens, savings by caching, latency, tokens per second, errors and fallbacks by
    provider. Beside every total stands what it leaves out: ids without a record, amounts that are
    not known, records that are not final.

    Needs the extra report: pip install 'modelgates-client[cli,report]'
    """,
)
@click.argument("sources", metavar="LEDGER|PARQUET...", type=click.Path(), nargs=-1)
@click.option(
    "--by",
    metavar="NAMES",
    multiple=True,
    shell_complete=dimensions,
    help="Group by these, with commas between: model (unless given), provider, user, session, "
    "app, tier, byok, label:NAME; hour, day, week, month.",
)
@click.option(
    "--sort",
    type=click.Choice(("time", "cost", "charged", "records", "tokens", "latency", "name")),
    help="Order groups by it, from the most, time and name from the first: time if they are of "
    "times, else cost.",
)
@takes_a_period
@click.option("--html", metavar="FILE", type=click.Path(), help="Write a page with charts, too.")
@click.option(
    "--activity",
    metavar="FILE",
    type=click.Path(),
    help="Hold the ledger against the account's activity, too, as reconcile does.",
)
@click.option(
    "--format",
    "shown_as",
    type=click.Choice(("table", "json")),
    help="How to print it: table on a terminal, else json.",
)
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(1),
    help="The most groups to show: the first, of times the latest.",
)
@click.option("--exact", is_flag=True, help="Show all digits of amounts in a table, too.")
@talks
def report(quiet: bool, verbose: bool, **options: Unpack["ReportOptions"]) -> Status:  # noqa: FBT001
    """Report what generations cost, and how they went."""
    # Not before it is needed: completion and --help must be quick.
    from modelgates_client.cli import _report  # noqa: PLC0415

    return carry_out(_report.report, options, quiet=quiet, verbose=verbose)


@click.command(
    epilog=STATUS_EPILOG,
    help="""Hold what was spent against a limit; the exit status says which is more.

    0: within it. 10: over it. 11: what is known is within it, but there are ids of which the cost
    is not known, or not settled; so it cannot be said. With --all, the budgets of the configuration
    file are held; the worst of them counts, and 13 is near one.
    """,
)
@click.argument("sources", metavar="LEDGER|PARQUET...", type=click.Path(), nargs=-1)
@click.option("--max-usd", metavar="USD", help="The limit, in US dollars.")
@click.option(
    "--all",
    "all_budgets",
    is_flag=True,
    help="All budgets of the configuration file, in place of it.",
)
@click.option(
    "--basis",
    type=click.Choice(("charged", "all-in")),
    default="all-in",
    help="What counts: all-in, with what own keys cost, unless given; or charged.",
)
@takes_a_period
@click.option(
    "--allow-doubtful",
    metavar="N",
    type=click.IntRange(0),
    default=0,
    help="Let as many ids pass whose cost is not known or not settled.",
)
@click.option(
    "--format",
    "shown_as",
    type=click.Choice(("line", "json")),
    default="line",
    help="How to print it: a line, unless given; with --all, line is a table.",
)
@talks
def budget(quiet: bool, verbose: bool, **options: Unpack["BudgetOptions"]) -> Status:  # noqa: FBT001
    """Hold what was spent against a limit; the exit status says which is more."""
    # Not before it is needed: completion and --help must be quick.
    from modelgates_client.cli import _budget  # noqa: PLC0415

    budgets = configuration().budgets
    work = partial(_budget.budget, budgets=budgets)
    return carry_out(work, options, quiet=quiet, verbose=verbose)


@click.command(
    epilog=EPILOG,
    help="""Hold a ledger against what the account says of itself: is anything missing?

    ACTIVITY is the account's activity by UTC day and model, as GET /activity gives it (JSON), or
    CSV with the same columns; - reads stdin. Without it, the server is asked, if the spec that this
    version is made of has the operation. For each day and model requests and cost are held against
    each other: 0, nothing differs; 14, something does.
    """,
)
@click.argument("ledger", type=click.Path())
@click.argument("activity", metavar="[ACTIVITY|-]", type=click.Path(), required=False)
@click.option(
    "--tolerance",
    metavar="PART",
    default="0.000001",
    help="The part of an amount by which it may differ: a millionth, unless given.",
)
@click.option(
    "--format",
    "shown_as",
    type=click.Choice(("text", "json")),
    help="How to print it: text on a terminal, else json.",
)
@asks_a_server
@talks
def reconcile(quiet: bool, verbose: bool, **options: Unpack["ReconcileOptions"]) -> Status:  # noqa: FBT001
    """Hold a ledger against what the account says of itself."""
    # Not before it is needed: completion and --help must be quick.
    from modelgates_client.cli import _reconcile  # noqa: PLC0415

    return carry_out(_reconcile.reconcile, options, quiet=quiet, verbose=verbose)
