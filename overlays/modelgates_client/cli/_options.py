"""Options that several commands have in common, and what carries a command out."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from modelgates_client.cli._completing import zones
from modelgates_client.cli._config import NOTHING, Config
from modelgates_client.cli._messages import Messages
from modelgates_client.cli._statuses import MEANINGS, Status, status_of
from modelgates_client.cli._stdout import UnwritableError
from modelgates_runtime.errors import ModelGatesError

Command = TypeVar("Command", bound=Callable[..., Any])

# click fills paragraphs, but not those that begin with \b.
_STATUSES: Final = "\n".join(f"  {status:<4} {text}" for status, text in MEANINGS.items())
_STATUS_TABLE: Final = f"""\
\b
Exit statuses:
{_STATUSES}
"""

#: What the help of a command that needs the key ends with.
EPILOG: Final = f"""\
The key is read from the environment variable MODELGATES_API_KEY, unless --key-file or --key-stdin
is given; there is no option for the key itself, since others can read a process's arguments.

{_STATUS_TABLE}
Several ids: one that fails does not stop the others, and the highest status of them counts.
"""

#: What that of the others ends with.
STATUS_EPILOG: Final = _STATUS_TABLE

_SERVER: Final = (
    click.option("--key-file", type=click.Path(), help="Read the key from this file's first line."),
    click.option("--key-stdin", is_flag=True, help="Read the key from the first line of stdin."),
    click.option("--base-url", metavar="URL", help="The server, with the path of the API."),
    click.option(
        "--allow-http",
        metavar="HOST",
        help="Ask this host of a private network, the one in --base-url, without TLS.",
    ),
    click.option("--proxy", metavar="URL", help="Connect through this proxy."),
    click.option("--ca-bundle", type=click.Path(), help="Trust this file's certificates (PEM)."),
)

_PERIOD: Final = (
    click.option("--since", metavar="TIME", help="From then on: as 2026-11-02, or 1d, a day ago."),
    click.option("--until", metavar="TIME", help="Before then; likewise."),
    click.option("--today", is_flag=True, help="Since midnight."),
    click.option("--yesterday", is_flag=True, help="The day before."),
    click.option("--week", is_flag=True, help="Since Monday's midnight."),
    click.option("--month", is_flag=True, help="Since the first of the month."),
    click.option("--last-month", is_flag=True, help="The month before."),
    click.option(
        "--tz",
        "timezone",
        metavar="ZONE",
        shell_complete=zones,
        help="The zone of days and times, as Europe/Berlin, or local: the system's; else UTC.",
    ),
    click.option(
        "--where",
        metavar="label:NAME=TEXT",
        multiple=True,
        help="Only what the application gave this label.",
    ),
)

_TALK: Final = (
    click.option("-q", "--quiet", is_flag=True, help="Say nothing on stderr but errors."),
    click.option("-v", "--verbose", is_flag=True, help="Say more: what is logged."),
    click.help_option("-h", "--help"),
)


def _with(options: tuple[Callable[[Command], Command], ...], command: Command) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


def asks_a_server(command: Command) -> Command:
    """Give a command the options of those that ask a server."""
    return _with(_SERVER, command)


def takes_a_period(command: Command) -> Command:
    """Give a command the options that say which period is meant."""
    return _with(_PERIOD, command)


def talks(command: Command) -> Command:
    """Give a command `--quiet`, `--verbose` and `--help`."""
    return _with(_TALK, command)


def configuration() -> Config:
    """Return what the configuration file says that this run has read; nothing if there is none."""
    found: Config | None = click.get_current_context().find_root().obj
    return NOTHING if found is None else found


def carry_out(
    work: Callable[[Any, Messages], Status], options: Any, *, quiet: bool, verbose: bool
) -> Status:
    """Do the work of a command; what it cannot do is told in one line."""
    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose exclude each other")
    messages = Messages(quiet=quiet, verbose=verbose)
    with messages.heard():
        try:
            return work(options, messages)
        except (ModelGatesError, UnwritableError) as error:
            messages.error(str(error))
            return status_of(error)
