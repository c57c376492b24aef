"""Arguments and options of the command `modelgates`, by click."""

from typing import TYPE_CHECKING, Final, Unpack

import click
from click.shell_completion import ShellComplete, get_completion_class

from modelgates_client._errors import ConfigurationError
from modelgates_client._version import __version__
from modelgates_client.cli._messages import Messages
from modelgates_client.cli._statuses import MEANINGS, Status, status_of
from modelgates_client.cli._stdout import ReaderGoneError, Stdout, UnwritableError

if TYPE_CHECKING:
    from modelgates_client.cli._get import GetOptions

_NAME: Final = "modelgates"
_SHELLS: Final = ("bash", "zsh", "fish")

# click fills paragraphs, but not those that begin with \b.
_STATUSES: Final = "\n".join(f"  {status:<4} {text}" for status, text in MEANINGS.items())
_EPILOG: Final = f"""\
The key is read from the environment variable MODELGATES_API_KEY, unless --key-file or --key-stdin
is given; there is no option for the key itself, since others can read a process's arguments.

\b
Exit statuses:
{_STATUSES}

Several ids: one that fails does not stop the others, and the highest status of them counts.
"""

_RECIPES: Final = """\
\b
bash:  eval "$(modelgates completion bash)"   in ~/.bashrc
zsh:   eval "$(modelgates completion zsh)"    in ~/.zshrc
fish:  modelgates completion fish | source    in ~/.config/fish/config.fish
"""


@click.group(_NAME, no_args_is_help=False, epilog=_EPILOG)
@click.help_option("-h", "--help")
@click.version_option(__version__, message="%(prog)s %(version)s")
def command() -> None:
    """What LLM calls through ModelGates really cost, and what they really were."""


@command.command(epilog=_EPILOG)
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
@click.option("--key-file", type=click.Path(), help="Read the key from the first line of a file.")
@click.option("--key-stdin", is_flag=True, help="Read the key from the first line of stdin.")
@click.option("--base-url", metavar="URL", help="The server, with the path of the API.")
@click.option("--proxy", metavar="URL", help="Connect through this proxy.")
@click.option("--ca-bundle", type=click.Path(), help="Trust the certificates of this file (PEM).")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing on stderr but errors.")
@click.option(
    "-v",
    "--verbose",
    is_flag=True,
    help="Say more: what is logged, and how records deviate from the spec.",
)
@click.help_option("-h", "--help")
def get(quiet: bool, verbose: bool, **options: Unpack["GetOptions"]) -> Status:  # noqa: FBT001
    """Print the records of generations.

    IDs are like gen-1771967973-0hZ8J5kY7qLMOKbPx0u3; - reads them from stdin, as they come.

    On a terminal several records are shown as a table, a single one as a summary. Piped, they are
    JSON Lines: a line for each record, whole and exact, as soon as it is there; none for failures,
    which stderr tells of.
    """
    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose exclude each other")
    messages = Messages(quiet=quiet, verbose=verbose)
    # Not before it is needed: completion and --help must be quick.
    from modelgates_client.cli import _get  # noqa: PLC0415

    with messages.heard():
        try:
            return _get.get(options, messages)
        except (ConfigurationError, UnwritableError) as error:
            messages.error(str(error))
            return status_of(error)


@command.command(epilog=_RECIPES)
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
    except ReaderGoneError:
        return Status.UNREAD
    except UnwritableError as error:
        messages.error(str(error))
        return Status.FAILED
    return status if isinstance(status, int) else Status.WELL
