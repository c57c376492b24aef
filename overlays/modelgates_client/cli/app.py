"""The command group: registering and running its commands, and reporting their failures."""

from collections.abc import Callable
from importlib import import_module
from inspect import cleandoc
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from click.shell_completion import CompletionItem

from modelgates_client._version import __version__
from modelgates_client.cli.commands import SUMMARIES
from modelgates_client.cli.config import EMPTY, Config, find, read
from modelgates_client.cli.messages import Messages
from modelgates_client.cli.options import ServerOptions, add_parameters
from modelgates_client.cli.output import ReaderGoneError, UnwritableError
from modelgates_client.cli.statuses import Status, status_of
from modelgates_runtime.errors import ModelGatesError

NAME: Final = "modelgates"
_HELP_NAMES: Final = ("-h", "--help")

_Options = TypeVar("_Options")
#: The function that runs a command.
_Run = Callable[[_Options, Messages], Status]

# click rewraps paragraphs, except those that begin with \b.
_STATUSES: Final = "\n".join(f"  {status:<4} {status.meaning}" for status in Status)
_EPILOG: Final = f"""\
\b
Exit statuses:
{_STATUSES}
"""

#: The end of the help of commands that need the API key.
_KEY_EPILOG: Final = f"""\
The API key is read from the environment variable MODELGATES_API_KEY, unless --key-file or
--key-stdin is given. There is no option for the key itself, because other users can read the
arguments of a process.

{_EPILOG}
With several ids, a failure does not stop the others, and the highest exit status counts.
"""


class Commands(click.Group):
    """A group that loads each command on first use, from the module with its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of all commands."""
        return sorted(SUMMARIES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name; None if there is no such command."""
        if cmd_name in SUMMARIES:
            import_module(f"modelgates_client.cli.commands.{cmd_name}")  # it registers itself
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the summaries of the commands, without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([*SUMMARIES.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands and options that begin with a text, without loading commands."""
        return [
            *(
                CompletionItem(name, help=summary)
                for name, summary in SUMMARIES.items()
                if name.startswith(incomplete)
            ),
            *click.Command.shell_complete(self, ctx, incomplete),
        ]


# The help is passed explicitly, because `python -OO` removes docstrings.
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


class Command(click.Command):
    """A command, with what `commands` has to say of it.

    Attributes:
        extras: The extras of the package that it needs.
    """

    def __init__(self, *args: Any, extras: str, **settings: Any) -> None:
        """Create a command as click does."""
        super().__init__(*args, **settings)
        self.extras = extras


def command(
    options: type[_Options], *, summary: str, details: str = "", extras: str = "cli"
) -> Callable[[_Run[_Options]], _Run[_Options]]:
    """Register a function as the command of its module; its errors become exit statuses.

    Args:
        options: The class whose fields are the command's options.
        summary: What the command does, in one sentence.
        details: The help text after the summary.
        extras: The extras of the package that the command needs.
    """
    epilog = _KEY_EPILOG if issubclass(options, ServerOptions) else _EPILOG
    texts = [summary, cleandoc(details)]
    if extras != "cli":
        texts.append(f"Needs an extra: pip install 'modelgates-client[{extras}]'")

    def register(run_command: _Run[_Options]) -> _Run[_Options]:
        def callback(*, quiet: bool, verbose: bool, **values: Any) -> Status:
            if quiet and verbose:
                raise click.UsageError("--quiet and --verbose are mutually exclusive")
            messages = Messages(quiet=quiet, verbose=verbose)
            with messages.capture_logs():
                try:
                    return run_command(options(**values), messages)
                except (ModelGatesError, UnwritableError) as error:
                    return _report_failure(error, messages)

        new_command = Command(
            run_command.__module__.rpartition(".")[2],
            callback=callback,
            help="\n\n".join(filter(None, texts)),
            short_help=summary,
            epilog=epilog,
            extras=extras,
        )
        add_parameters(new_command, options)
        quiet = "Print only errors to stderr."
        verbose = "Also print log messages and details to stderr."
        click.option("-q", "--quiet", is_flag=True, help=quiet)(new_command)
        click.option("-v", "--verbose", is_flag=True, help=verbose)(new_command)
        click.help_option(*_HELP_NAMES)(new_command)
        app.add_command(new_command)
        return run_command

    return register


def configuration() -> Config:
    """Return the configuration that this run has read; an empty one if there is no file."""
    context = click.get_current_context(silent=True)
    config: Config | None = None if context is None else context.find_root().obj
    return EMPTY if config is None else config


def run() -> int:
    """Run the command with the arguments of the process; return the exit status."""
    try:
        status = app.main(prog_name=NAME, standalone_mode=False)
    except (
        *(click.UsageError, click.Abort, KeyboardInterrupt),
        *(ModelGatesError, ReaderGoneError, UnwritableError),
    ) as error:
        return _report_failure(error, Messages())
    return status if isinstance(status, int) else Status.OK


def _report_failure(error: Exception | KeyboardInterrupt, messages: Messages) -> Status:
    """Print why the command failed, in one line; return the exit status."""
    if isinstance(error, ReaderGoneError):
        return Status.READER_GONE
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx is not None else NAME
        messages.error(f"{' '.join(error.format_message().split())} See {path} --help.")
        return Status.USAGE
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        messages.error("interrupted")
        return Status.INTERRUPTED
    messages.error(str(error))
    return status_of(error)
