"""The command itself: its subcommands, how they are run, and what becomes of their failures."""

from collections.abc import Callable
from importlib import import_module
from inspect import cleandoc
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from click.shell_completion import CompletionItem

from modelgates_client._version import __version__
from modelgates_client.cli import COMMANDS
from modelgates_client.cli.config import NOTHING, Config, find, read
from modelgates_client.cli.messages import Messages
from modelgates_client.cli.options import ServerOptions, add_parameters
from modelgates_client.cli.output import ReaderGoneError, UnwritableError
from modelgates_client.cli.statuses import Status, status_of
from modelgates_runtime.errors import ModelGatesError

NAME: Final = "modelgates"
_HELP_NAMES: Final = ("-h", "--help")

_Options = TypeVar("_Options")
#: What a command does.
_Work = Callable[[_Options, Messages], Status]

# click fills paragraphs, but not those that begin with \b.
_STATUSES: Final = "\n".join(f"  {status:<4} {status.meaning}" for status in Status)
_EPILOG: Final = f"""\
\b
Exit statuses:
{_STATUSES}
"""

#: What the help of a command that needs the key ends with.
_KEY_EPILOG: Final = f"""\
The API key is read from the environment variable MODELGATES_API_KEY, unless --key-file or
--key-stdin is given. There is no option for the key itself, because other users can read the
arguments of a process.

{_EPILOG}
With several ids, a failure does not stop the others, and the highest exit status counts.
"""


class Commands(click.Group):
    """A group whose commands are loaded when they are needed, each from the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; None if there is none of that name."""
        if cmd_name in COMMANDS:
            import_module(f"modelgates_client.cli.{cmd_name}")  # it registers itself
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write what each command does, without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.summary) for name, command in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands and options that begin like that, without loading commands."""
        return [
            *(
                CompletionItem(name, help=command.summary)
                for name, command in COMMANDS.items()
                if name.startswith(incomplete)
            ),
            *click.Command.shell_complete(self, ctx, incomplete),
        ]


# The help is given as such, not as docstrings: there are none under `python -OO`.
@click.group(
    NAME,
    cls=Commands,
    no_args_is_help=False,
    epilog=_KEY_EPILOG,
    help="Find out what LLM calls through ModelGates cost, and how they were served.",
)
@click.help_option(*_HELP_NAMES)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.option(
    "--config",
    "config_file",
    metavar="FILE",
    type=click.Path(),
    help="Configuration file. Default: modelgates.toml, or tool.modelgates in pyproject.toml, in "
    "the current folder or the nearest parent folder.",
)
@click.pass_context
def app(context: click.Context, config_file: str | None) -> None:
    """Read the configuration file, if there is one."""
    path = find(Path.cwd()) if config_file is None else Path(config_file)
    if path is not None:
        context.obj = read(path, app, context.invoked_subcommand)
        context.default_map = context.obj.defaults


def command(
    options: type[_Options], *, details: str, name: str | None = None
) -> Callable[[_Work[_Options]], _Work[_Options]]:
    """Register a function as the command of its name; what it raises becomes an exit status.

    Args:
        options: The class whose fields are the command's options.
        details: What `--help` says after the summary of the command.
        name: The name, if it is not that of the function.
    """
    epilog = _KEY_EPILOG if issubclass(options, ServerOptions) else _EPILOG

    def register(work: _Work[_Options]) -> _Work[_Options]:
        def callback(*, quiet: bool, verbose: bool, **values: Any) -> Status:
            if quiet and verbose:
                raise click.UsageError("--quiet and --verbose are mutually exclusive")
            messages = Messages(quiet=quiet, verbose=verbose)
            with messages.heard():
                try:
                    return work(options(**values), messages)
                except (ModelGatesError, UnwritableError) as error:
                    return _failed(error, messages)

        called = name or work.__name__
        text = f"{COMMANDS[called].summary}\n\n{cleandoc(details)}"
        made = click.Command(called, callback=callback, help=text, epilog=epilog)
        add_parameters(made, options)
        quiet = "Print only errors to stderr."
        verbose = "Also print log messages and details to stderr."
        click.option("-q", "--quiet", is_flag=True, help=quiet)(made)
        click.option("-v", "--verbose", is_flag=True, help=verbose)(made)
        click.help_option(*_HELP_NAMES)(made)
        app.add_command(made)
        return work

    return register


def configuration() -> Config:
    """Return what the configuration file says that this run has read; nothing if there is none."""
    context = click.get_current_context(silent=True)
    found: Config | None = None if context is None else context.find_root().obj
    return NOTHING if found is None else found


def run() -> int:
    """Run the command with the arguments of the process; return the exit status."""
    try:
        status = app.main(prog_name=NAME, standalone_mode=False)
    except (
        *(click.UsageError, click.Abort, KeyboardInterrupt),
        *(ModelGatesError, ReaderGoneError, UnwritableError),
    ) as error:
        return _failed(error, Messages())
    return status if isinstance(status, int) else Status.OK


def _failed(error: Exception | KeyboardInterrupt, messages: Messages) -> Status:
    """Say why the command failed, in one line; return the exit status."""
    if isinstance(error, ReaderGoneError):
        return Status.READER_GONE  # there is nobody to tell
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx is not None else NAME
        messages.error(f"{' '.join(error.format_message().split())} See {path} --help.")
        return Status.USAGE
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        messages.error("interrupted")
        return Status.INTERRUPTED
    messages.error(str(error))
    return status_of(error)
