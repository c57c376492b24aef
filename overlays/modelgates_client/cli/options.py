"""Options of commands, declared once as fields of a class, whose instance the command receives.

A command's class declares its own options, and inherits those that it shares with others. A field's
name is that of click's parameter; `option` and `argument` take the other settings.
"""

import datetime
import zoneinfo
from collections.abc import Callable, Collection
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

import click
from attrs import NOTHING, Attribute, field, fields, frozen, has

from modelgates_client.calls.settings import Options
from modelgates_client.cli.keys import find_key
from modelgates_client.cli.messages import Messages
from modelgates_client.cli.reading import STDIN
from modelgates_client.errors import ConfigurationError
from modelgates_client.transport.credentials import Secret

if TYPE_CHECKING:
    from modelgates_client.reports.periods import Period, PeriodName

_DECLARE: Final = "declare"  # in a field's metadata


def option(*names: str, **settings: Any) -> Any:
    """Declare an option as a field.

    Args:
        names: The names on the command line: `-f`, `--file`.
        settings: Settings of `click.option`.
    """
    return _field(lambda name: click.option(*names, name, **settings), settings)


def format_option(on_terminal: str, otherwise: str, *others: str) -> Any:
    """Declare `--format`, whose default depends on whether stdout is a terminal."""
    return option(
        "--format",
        type=click.Choice((on_terminal, otherwise, *others)),
        help=f"Output format. Default: {on_terminal} on a terminal, else {otherwise}.",
    )


def argument(**settings: Any) -> Any:
    """Declare a positional argument as a field, with the settings of `click.argument`."""
    is_required = settings.get("required", settings.get("nargs") != -1)
    declared = {**settings, "required": is_required}
    return _field(lambda name: click.argument(name, **declared), declared)


def _field(declare: Callable[[str], Callable[[Any], Any]], settings: dict[str, Any]) -> Any:
    default = settings.get("default")
    if settings.get("is_flag"):
        default = False
    elif settings.get("multiple") or settings.get("nargs") == -1:
        default = ()
    elif settings.get("required"):
        default = NOTHING
    return field(default=default, metadata={_DECLARE: declare})


def add_parameters(command: click.Command, options: type[Any]) -> None:
    """Add the parameters of an options class to a command; inherited options are the last."""
    shared = {each.name for base in options.__bases__ if has(base) for each in fields(base)}
    declared: tuple[Attribute[Any], ...] = fields(options)
    for each in declared:
        each.metadata[_DECLARE](each.name)(command)
    command.params.sort(
        key=lambda each: isinstance(each, click.Option) and each.name in shared  # a stable sort
    )


def read_decimal(name: str, text: str, limit: Decimal, expected: str) -> Decimal:
    """Parse the value of an option as an exact number, from 0 up to a limit.

    Args:
        name: The option.
        text: Its value.
        limit: The limit, which is excluded.
        expected: A description of valid values, for the error.

    Raises:
        ConfigurationError: The value is not such a number.
    """
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or not 0 <= number < limit:
        raise ConfigurationError(f"{name} {text!r}: expected {expected}")
    return number


@frozen(kw_only=True)
class ServerOptions:
    """The options of commands that send requests."""

    key_file: str | None = option(
        "--key-file", type=click.Path(), help="Read the API key from the first line of this file."
    )
    key_stdin: bool = option(
        "--key-stdin", is_flag=True, help="Read the API key from the first line of stdin."
    )
    base_url: str | None = option(
        "--base-url", metavar="URL", help="Base URL of the API, including its path."
    )
    allow_http: str | None = option(
        "--allow-http",
        metavar="HOST",
        help="Allow HTTP without TLS to this host of a private network, the one in --base-url.",
    )
    proxy: str | None = option(
        "--proxy", metavar="URL", help="Connect through the proxy at this URL."
    )
    ca_bundle: str | None = option(
        "--ca-bundle", type=click.Path(), help="Trust the CA certificates in this PEM file."
    )

    def find_key(self, messages: Messages) -> Secret:
        """Return the API key, and have `messages` mask it from now on.

        Raises:
            ConfigurationError: There is no key, or it cannot be read.
        """
        return find_key(self.key_file, messages, from_stdin=self.key_stdin)

    def client_options(self) -> Options:
        """Return the options for creating a client, except the key."""
        return Options(
            base_url=self.base_url,
            allow_http=self.allow_http,
            proxy=self.proxy,
            ca_bundle=self.ca_bundle,
        )

    def check_key_options(self, sources: Collection[str], what: str) -> None:
        """Check that the key has a single source, from which nothing else is read.

        Args:
            sources: Files to read, where `-` is stdin.
            what: Their contents, for the error.

        Raises:
            ConfigurationError: The options contradict each other.
        """
        if self.key_stdin and self.key_file is not None:
            raise ConfigurationError("--key-stdin and --key-file are mutually exclusive")
        if self.key_stdin and STDIN in sources:
            raise ConfigurationError(f"--key-stdin: stdin cannot also contain the {what}")


@frozen(kw_only=True)
class LedgerOptions:
    """The argument of commands that concern the ids of a ledger."""

    ledger: str = argument(type=click.Path())


def _zones(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a time zone."""
    names = ("local", *sorted(zoneinfo.available_timezones() - {"localtime"}))
    return [name for name in names if name.startswith(incomplete)]


@frozen(kw_only=True)
class SelectionOptions:
    """Ledgers and exports to read, and the options that select records by period and by label."""

    sources: tuple[str, ...] = argument(metavar="LEDGER|PARQUET...", type=click.Path(), nargs=-1)
    since: str | None = option(
        "--since",
        metavar="TIME",
        help="Start time: a date such as 2026-11-02, or an age such as 1d (a day ago).",
    )
    until: str | None = option(
        "--until", metavar="TIME", help="End time (exclusive), in the same forms as --since."
    )
    today: bool = option("--today", is_flag=True, help="Since midnight.")
    yesterday: bool = option("--yesterday", is_flag=True, help="The previous day.")
    week: bool = option("--week", is_flag=True, help="Since midnight on Monday.")
    month: bool = option("--month", is_flag=True, help="Since the first of the month.")
    last_month: bool = option("--last-month", is_flag=True, help="The previous month.")
    timezone: str | None = option(
        "--tz",
        metavar="ZONE",
        shell_complete=_zones,
        help="Time zone of days and times: a name such as Europe/Berlin, or local for the "
        "system's. Default: UTC.",
    )
    where: tuple[str, ...] = option(
        "--where",
        metavar="label:NAME=TEXT",
        multiple=True,
        help="Include only records to which the application gave this label.",
    )

    def check_sources(self, purpose: str) -> None:
        """Check that there is something to read.

        Raises:
            ConfigurationError: There is no source.
        """
        if not self.sources:
            raise ConfigurationError(f"nothing to {purpose}: give a ledger, or Parquet files")

    def period(self, now: datetime.datetime) -> "Period":
        """Return the selected period.

        Raises:
            ConfigurationError: The options contradict each other, or are invalid.
        """
        from modelgates_client.reports.periods import read_period  # noqa: PLC0415 - few need it

        return read_period(
            now, since=self.since, until=self.until, named=self._named, timezone=self.timezone
        )

    @property
    def is_selective(self) -> bool:
        """Whether a period or a label excludes some records."""
        return bool(self.since or self.until or self._named or self.where)

    @property
    def _named(self) -> "list[PeriodName]":
        from modelgates_client.reports.periods import NAMES  # noqa: PLC0415 - few need it

        return [name for name in NAMES if getattr(self, name)]
