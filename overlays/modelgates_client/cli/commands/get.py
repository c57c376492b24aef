"""`modelgates get`: fetch records, print them, and report failures."""

import traceback
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Literal

import click
from attrs import frozen

from modelgates_client.calls.settings import check_seconds
from modelgates_client.cli.app import command
from modelgates_client.cli.ids import Refusals, check_files, find_ids
from modelgates_client.cli.keys import holds_key
from modelgates_client.cli.messages import Messages
from modelgates_client.cli.options import ServerOptions, argument, option
from modelgates_client.cli.output import Stdout
from modelgates_client.cli.progress import spinner
from modelgates_client.cli.reading import STDIN
from modelgates_client.cli.statuses import Status, status_of
from modelgates_client.client.client import ModelGates
from modelgates_client.errors import ConfigurationError
from modelgates_client.records.generation import Generation
from modelgates_client.records.generation_ids import is_id, refusal
from modelgates_client.records.summary import summarize
from modelgates_client.resources.generations import WAIT_S
from modelgates_runtime.errors import ModelGatesError

if TYPE_CHECKING:
    from modelgates_client.cli.record_table import Row

Fetch = Callable[[str], Generation]
Format = Literal["json", "summary", "table"]


@frozen(kw_only=True)
class GetOptions(ServerOptions):
    """The arguments and options of `get`."""

    ids: tuple[str, ...] = argument(metavar="ID...", nargs=-1)
    files: tuple[str, ...] = option(
        "-f",
        "--file",
        type=click.Path(),
        multiple=True,
        help="Read ids from FILE, one per line; blank lines and # comments are ignored.",
    )
    wait: bool = option("--wait", is_flag=True, help="Wait for records that are not ready.")
    final: bool = option(
        "--final", is_flag=True, help="Also wait until records are final; implies --wait."
    )
    timeout: float | None = option(
        "--timeout",
        type=float,
        metavar="S",
        help="Timeout for each id, in seconds, retries included. Default: 30; with --wait, 60.",
    )
    as_json: bool = option("--json", is_flag=True, help="Print JSON Lines even on a terminal.")
    as_summary: bool = option("--summary", is_flag=True, help="Print a summary of each record.")


@command(
    GetOptions,
    summary="Print the records of generations.",
    details="""
    IDs look like gen-1771967973-0hZ8J5kY7qLMOKbPx0u3; - reads them from stdin as they arrive.

    On a terminal, several records are shown as a table, and a single one as a summary. In a pipe,
    they are JSON Lines: one line per record, complete and exact, as soon as it arrives. Failures
    get no line, but are reported on stderr.
    """,
)
def get(options: GetOptions, messages: Messages) -> Status:
    """Run `modelgates get`.

    Raises:
        ConfigurationError: The options are invalid.
        ReaderGoneError: The reader has closed the output.
        UnwritableError: The output cannot be written.
    """
    _check(options)
    stdout = Stdout()
    secret = options.find_key(messages)
    chosen = options.client_options()
    waits = options.wait or options.final
    timeout_s = options.timeout
    if timeout_s is not None and not waits:
        chosen["timeout"] = timeout_s
    with ModelGates(api_key=secret.reveal(), **chosen) as client:

        def fetch(generation_id: str) -> Generation:
            if holds_key(generation_id, secret):
                raise ConfigurationError(
                    "not an id: it contains an API key, which was not sent; other users can read "
                    "keys in arguments"
                )
            if not is_id(generation_id):
                raise ConfigurationError(refusal(generation_id))
            if not waits:
                return client.generations.get(generation_id)
            seconds = WAIT_S if timeout_s is None else timeout_s
            return client.generations.wait(generation_id, timeout=seconds, final=options.final)

        refusals = Refusals(messages)
        ids: Iterable[str] = find_ids(options.files, secret, refusals, options.ids)
        pretty = stdout.is_terminal and not options.as_json
        total = None  # ids from a pipe are processed as they arrive
        if pretty or STDIN not in (*options.ids, *options.files):
            ids = tuple(ids)
            total = len(ids)
        shown_as: Format = "table" if pretty else "json"
        if options.as_summary or (pretty and total == 1):
            shown_as = "summary"
        status = _Run(stdout, shown_as, messages).fetch_all(ids, total, fetch)
        refusals.report_rest()
        return max(status, refusals.status)


class _Run:
    """One run of the command over its ids."""

    def __init__(self, stdout: Stdout, shown_as: Format, messages: Messages) -> None:
        self._stdout = stdout
        self._shown_as = shown_as
        self._messages = messages
        self._status = Status.OK
        self._separator = ""  # before the next summary
        self._rows: list[Row] = []  # of the table, which is written at the end

    def fetch_all(self, ids: Iterable[str], total: int | None, fetch: Fetch) -> Status:
        """Fetch and write each record; records are shown even if the run is interrupted."""
        try:
            with spinner(self._messages, total) as drawn:
                for generation_id in ids:
                    drawn.requesting(generation_id)
                    text = self._text(generation_id, fetch)
                    if text and self._stdout.is_terminal:
                        drawn.clear()
                    self._stdout.write(text)
        finally:
            if self._rows:
                from modelgates_client.cli.record_table import as_table  # noqa: PLC0415 - rich costs

                self._stdout.write(as_table(self._rows, self._stdout.stream))
        return self._status

    def _text(self, generation_id: str, fetch: Fetch) -> str:
        """Return the text for an id; empty if there is no record, which is reported."""
        try:
            record = fetch(generation_id)
            text = self._formatted(record)
            if self._messages.verbose:
                for entry in record.drift:
                    self._messages.detail(f"drift: {generation_id}: {entry}")
            return text
        except ModelGatesError as error:
            self._failed(generation_id, str(error), status_of(error))
        except Exception as error:  # noqa: BLE001 - reported; one bad id does not stop the others
            message = f"unexpected {type(error).__name__}: {error}"
            self._failed(generation_id, message, Status.FAILED)
            for line in traceback.format_exc().splitlines():
                self._messages.detail(line)
        return ""

    def _formatted(self, record: Generation) -> str:
        """Return the text to write for a record now: exact, and safe for a terminal."""
        if self._shown_as == "json":
            return f"{record.to_json()}\n"
        if self._shown_as == "table":
            from modelgates_client.cli.record_table import row  # noqa: PLC0415 - rich costs

            self._rows.append(row(record))
            return ""
        separator, self._separator = self._separator, "\n"
        return f"{separator}{summarize(record)}\n"

    def _failed(self, generation_id: str, why: str, status: Status) -> None:
        self._messages.error(f"{generation_id}: {why.removeprefix(f'{generation_id}: ')}")
        if self._shown_as == "table":
            from modelgates_client.cli.record_table import failed_row  # noqa: PLC0415 - rich costs

            self._rows.append(failed_row(generation_id))
        self._status = max(self._status, status)


def _check(options: GetOptions) -> None:
    if not options.ids and not options.files:
        raise ConfigurationError("no id: give ids, - to read them from stdin, or --file FILE")
    if options.as_json and options.as_summary:
        raise ConfigurationError("--json and --summary are mutually exclusive")
    options.check_key_options((*options.ids, *options.files), "ids")
    if options.timeout is not None:
        check_seconds("--timeout", options.timeout)
    check_files([*options.files, *(word for word in options.ids if word == STDIN)])
