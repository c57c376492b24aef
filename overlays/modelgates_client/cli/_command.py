"""Arguments and options of the command `modelgates`, by click.

The help is given as such, not as docstrings: there are none under `python -OO`.
"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Unpack

import click
from click.shell_completion import ShellComplete, get_completion_class

from modelgates_client._version import __version__
from modelgates_client.cli._config import find, read
from modelgates_client.cli._ledgers import (
    budget,
    export,
    fetch,
    forget,
    list_ids,
    reconcile,
    report,
    show,
)
from modelgates_client.cli._messages import Messages
from modelgates_client.cli._options import (
    EPILOG,
    asks_a_server,
    carry_out,
    configuration,
    talks,
)
from modelgates_client.cli._statuses import Status, status_of
from modelgates_client.cli._stdout import ReaderGoneError, Stdout, UnwritableError
from modelgates_client.errors import ConfigurationError

if TYPE_CHECKING:
    from modelgates_client.cli._check import CheckOptions
    from modelgates_client.cli._get import GetOptions
    from modelgates_client.cli._mcp import McpOptions
    from modelgates_client.cli._stub import StubOptions

_NAME: Final = "modelgates"
_SHELLS: Final = ("bash", "zsh", "fish")

_RECIPES: Final = """\
\b
bash:  eval "$(modelgates completion bash)"   in ~/.bashrc
zsh:   eval "$(modelgates completion zsh)"    in ~/.zshrc
fish:  modelgates completion fish | source    in ~/.config/fish/config.fish
"""


@click.group(
    _NAME,
    no_args_is_help=False,
    epilog=EPILOG,
    help="What LLM calls through ModelGates really cost, and what they really were.",
)
@click.help_option("-h", "--help")
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.option(
    "--config",
    "config_file",
    metavar="FILE",
    type=click.Path(),
    help="The configuration file; else modelgates.toml, or tool.modelgates in pyproject.toml, here "
    "or in the nearest folder above.",
)
@click.pass_context
def command(context: click.Context, config_file: str | None) -> None:
    """What LLM calls through ModelGates really cost, and what they really were."""
    path = find(Path.cwd()) if config_file is None else Path(config_file)
    if path is not None:
        context.obj = read(path, command.commands)
        context.default_map = context.obj.defaults


@command.command(
    epilog=EPILOG,
    help="""Print the records of generations.

    IDs are like gen-1771967973-0hZ8J5kY7qLMOKbPx0u3; - reads them from stdin, as they come.

    On a terminal several records are shown as a table, a single one as a summary. Piped, they are
    JSON Lines: a line for each record, whole and exact, as soon as it is there; none for failures,
    which stderr tells of.
    """,
)
@click.argument("ids", metavar="ID...", nargs=-1)
@click.option(
    "-f",
    "--file",
    "files",
    type=click.Path(),
    multiple=True,
    help="Read ids from FILE, one a line; blank lines and # comments are ignored.",
)
@click.option("--wait", is_flag=True, help="Wait for records that are not there yet.")
@click.option("--final", is_flag=True, help="Wait until records are final, too; implies --wait.")
@click.option(
    "--timeout",
    type=float,
    metavar="S",
    help="Seconds for each id: 30, retries included; with --wait, 60.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines on a terminal, too.")
@click.option("--summary", "as_summary", is_flag=True, help="Print the long form of each record.")
@asks_a_server
@click.option("-q", "--quiet", is_flag=True, help="Say nothing on stderr but errors.")
@click.option(
    "-v",
    "--verbose",
    is_flag=True,
    help="Say more: what is logged, and how records deviate from the spec.",
)
@click.help_option("-h", "--help")
def get(quiet: bool, verbose: bool, **options: Unpack["GetOptions"]) -> Status:  # noqa: FBT001
    """Print the records of generations."""
    # Not before it is needed: completion and --help must be quick.
    from modelgates_client.cli import _get  # noqa: PLC0415

    return carry_out(_get.get, options, quiet=quiet, verbose=verbose)


@command.command(
    help="""Serve AI clients over stdio, by the Model Context Protocol.

    They can look generations up and have their cost explained; with a ledger, have it reported, ask
    how budgets stand, and list ids without a record. All of it only reads. The key is read from the
    environment variable MODELGATES_API_KEY.

    Needs the extra mcp: pip install 'modelgates-client[mcp]'
    """,
)
@click.option("--ledger", type=click.Path(), help="The ledger that is reported on.")
@talks
def mcp(quiet: bool, verbose: bool, **options: Unpack["McpOptions"]) -> Status:  # noqa: FBT001
    """Serve AI clients over stdio, by the Model Context Protocol."""
    from modelgates_client.cli import _mcp  # noqa: PLC0415 - see above

    work = partial(_mcp.mcp, budgets=configuration().budgets)
    return carry_out(work, options, quiet=quiet, verbose=verbose)


@command.command(
    help="""Serve records on 127.0.0.1 as the API does, until interrupted (130).

    RECORD.json are bodies of responses. The settings of a client are printed on stdout, as lines
    for the environment; then a line on stderr for each request: method, path, id, status.

    Needs the extra testing: pip install 'modelgates-client[cli,testing]'
    """,
)
@click.argument("files", metavar="[RECORD.json]...", type=click.Path(), nargs=-1)
@click.option(
    "--record-id",
    "record_ids",
    metavar="ID",
    multiple=True,
    help="Serve a record of this id, made from the spec.",
)
@click.option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    help="The address to listen on; else 127.0.0.1: this machine alone can ask.",
)
@click.option(
    "--port",
    metavar="PORT",
    type=click.IntRange(0, 65535),
    default=0,
    help="The port; else a free one.",
)
@click.option(
    "--not-ready",
    metavar="N",
    type=click.IntRange(0),
    default=0,
    help="Answer the first N requests for each record with 404.",
)
@click.option(
    "--rate-limit",
    metavar="N",
    type=click.IntRange(0),
    default=0,
    help="Then answer N requests with 429.",
)
@click.option(
    "--retry-after",
    metavar="S",
    type=click.IntRange(0),
    help="Seconds to ask for with 429; else there is no Retry-After.",
)
@click.option(
    "--status",
    metavar="CODE",
    type=click.IntRange(400, 599),
    help="Answer all others with this status and the API's error body.",
)
@click.option("--html", is_flag=True, help="With --status: a page of the edge, no error body.")
@click.option(
    "--delay", metavar="S", type=click.FloatRange(0), default=0, help="Answer S seconds later."
)
@click.option("--truncate", is_flag=True, help="Close connections in the middle of the body.")
@click.option(
    "--drift",
    is_flag=True,
    help="Add a field and enum values that the spec does not have.",
)
@click.help_option("-h", "--help")
def stub(**options: Unpack["StubOptions"]) -> Status:
    """Serve records on 127.0.0.1 as the API does, until interrupted (130)."""
    messages = Messages()
    # Not before it is needed: completion and --help must be quick.
    from modelgates_client.cli import _stub  # noqa: PLC0415

    try:
        return _stub.stub(options, messages)
    except ConfigurationError as error:
        messages.error(str(error))
        return status_of(error)


@command.command(
    epilog=EPILOG,
    help="""Hold responses, live or recorded, against the spec.

    IDs are asked for as by get, and need the key. FILE holds recorded responses as JSON Lines, or a
    single one (.json), and may be gzip'd (.gz); - reads stdin. An argument is a file if one of
    that name is there, if it has a path separator, or if it ends in .jsonl, .ndjson, .json or .gz;
    anything else is an id.

    A line is an exchange, {"status": 200, "body": {...}}, where the body may be a string, and
    "operation" may name another operation of the spec than that of records; or a body, {"data":
    {...}} or {"error": {...}}; or a record, as get --json prints it.

    What deviates is counted by where and what it is. Levels: breaking, reading it raises; warning,
    it reads as None or as an unknown value, or the spec does not document the status; info, the
    spec does not declare the field, and it is kept. Nothing that a body holds is shown but the
    names of its fields, and values that the spec's enums lack.
    """,
)
@click.argument("sources", metavar="[ID|FILE|-]...", nargs=-1)
@click.option(
    "-f", "--file", "files", type=click.Path(), multiple=True, help="Read responses from FILE."
)
@click.option(
    "--format",
    "shown_as",
    type=click.Choice(("table", "json", "markdown", "junit")),
    help="How to print what is found: table on a terminal, else json.",
)
@click.option("-o", "--output", type=click.Path(), help="Write it to this file, whole or not.")
@click.option(
    "--fail-on",
    type=click.Choice(("breaking", "warning", "info", "never")),
    default="breaking",
    help="Exit with 9 if anything is found at this level or above: breaking, unless given.",
)
@click.option("--timeout", type=float, metavar="S", help="Seconds for each id: 30.")
@asks_a_server
@talks
def check(quiet: bool, verbose: bool, **options: Unpack["CheckOptions"]) -> Status:  # noqa: FBT001
    """Hold responses, live or recorded, against the spec."""
    # Not before it is needed: completion and --help must be quick.
    from modelgates_client.cli import _check  # noqa: PLC0415

    return carry_out(_check.check_responses, options, quiet=quiet, verbose=verbose)


@command.command(
    epilog=_RECIPES,
    help="Print the script that completes the command in a shell.",
)
@click.argument("shell", type=click.Choice(_SHELLS))
@click.help_option("-h", "--help")
def completion(shell: str) -> None:
    """Print the script that completes the command in a shell."""
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click does not know {shell}")
    variable = f"_{_NAME.upper()}_COMPLETE"
    # The base class's method: that of bash starts a bash to look at its version.
    script = ShellComplete.source(kind(command, {}, _NAME, variable))
    Stdout().write(script)


for _with_a_ledger in (fetch, show, list_ids, forget, export, report, budget, reconcile):
    command.add_command(_with_a_ledger)


def run() -> int:
    """Run the command with the arguments of the process; return the exit status."""
    messages = Messages()
    try:
        status = command.main(prog_name=_NAME, standalone_mode=False)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx is not None else _NAME
        messages.error(f"{' '.join(error.format_message().split())} See {path} --help.")
        return Status.USAGE
    except (KeyboardInterrupt, click.Abort):
        messages.error("interrupted")
        return Status.INTERRUPTED
    except ConfigurationError as error:
        messages.error(str(error))
        return status_of(error)
    except ReaderGoneError:
        return Status.UNREAD
    except UnwritableError as error:
        messages.error(str(error))
        return Status.FAILED
    return status if isinstance(status, int) else Status.WELL
