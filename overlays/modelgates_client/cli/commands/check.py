"""`modelgates check`: check responses, live or recorded, against the spec."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from shlex import quote
from typing import Final, Literal

import click
from attrs import frozen

from modelgates_client.calls.settings import check_seconds
from modelgates_client.cli.app import command
from modelgates_client.cli.findings import FailOn, as_json, as_junit, fails, summary
from modelgates_client.cli.keys import holds_key
from modelgates_client.cli.messages import Messages
from modelgates_client.cli.options import ServerOptions, argument, format_option, option
from modelgates_client.cli.output import Stdout, check_writable, write_file
from modelgates_client.cli.progress import spinner
from modelgates_client.cli.recordings import (
    MAX,
    is_ledger,
    is_recording,
    read_bodies,
    read_lines,
)
from modelgates_client.cli.statuses import Status, status_of
from modelgates_client.client.client import ModelGates
from modelgates_client.conformance.checking import RECORD, Checked, check, unreadable_line
from modelgates_client.conformance.recorded import check_line
from modelgates_client.conformance.tally import Place, Report, Tally
from modelgates_client.errors import (
    APIStatusError,
    ConfigurationError,
    ResponseValidationError,
)
from modelgates_client.records.generation_ids import is_id, refusal
from modelgates_client.reports.formatting import count
from modelgates_runtime.errors import ModelGatesError

FormatName = Literal["table", "json", "junit"]
Fetch = Callable[[str], Checked]

_MAX_FLAWS: Final = 1000  # of a ledger, to list
_SUCCESS: Final = 200  # the status of all bodies in a ledger
_KEPT: Final = 64 * 1024  # bytes of a body that an error keeps


@frozen(kw_only=True)
class CheckOptions(ServerOptions):
    """The arguments and options of `check`."""

    sources: tuple[str, ...] = argument(metavar="[ID|FILE|-]...", nargs=-1)
    files: tuple[str, ...] = option(
        "-f", "--file", type=click.Path(), multiple=True, help="Read responses from FILE."
    )
    shown_as: FormatName | None = format_option("table", "json", "junit")
    output: str | None = option(
        "-o", "--output", type=click.Path(), help="Write the output to this file, atomically."
    )
    fail_on: FailOn = option(
        "--fail-on",
        type=click.Choice(("breaking", "warning", "info", "never")),
        default="breaking",
        help="Exit with 9 if there is a finding at this level or above. Default: breaking.",
    )
    timeout: float | None = option(
        "--timeout", type=float, metavar="S", help="Timeout for each id, in seconds. Default: 30."
    )


@command(
    CheckOptions,
    summary="Check responses, live or recorded, against the spec.",
    details="""
    IDs are requested as by get, which needs the API key. FILE holds recorded responses as JSON
    Lines, or a single one (.json), and may be compressed by gzip (.gz); - reads stdin. An argument
    is a file if a file of that name exists, if it contains a path separator, or if it ends in
    .jsonl, .ndjson, .json or .gz; anything else is an id.

    A line is an exchange, {"status": 200, "body": {...}}, whose body may be a string, and whose
    "operation" may name an operation of the spec other than that of records; or a body, {"data":
    {...}} or {"error": {...}}; or a record, as printed by get --json.

    Deviations are counted by location and kind. Levels: breaking, reading the value raises an
    error; warning, it reads as None or as an unknown value, or the spec does not document the
    status; info, the spec does not declare the field, which is kept. Of the contents of a body,
    only the names of fields are shown, and values that the spec's enums do not have.
    """,
)
def run_check(options: CheckOptions, messages: Messages) -> Status:
    """Run `modelgates check`.

    Raises:
        ConfigurationError: The options are invalid.
        ReaderGoneError: The reader has closed the output.
        UnwritableError: The output cannot be written.
    """
    _check_options(options)
    stdout = None if options.output is not None else Stdout()
    sources = [(source, is_recording(source)) for source in options.sources]
    sources += [(file, True) for file in options.files]
    run = _Run(messages)
    if options.output is not None:
        check_writable(options.output, [source for source, is_file in sources if is_file])
    ids = [source for source, is_file in sources if not is_file]
    with _fetching(options, messages, ids) as fetch:
        status = run.check_all(sources, fetch)
    report = run.tally.report()
    if stdout is None:
        write_file(str(options.output), _text(report, options, None))
    else:
        stdout.write(_text(report, options, stdout))
    if fails(report, options.fail_on):
        messages.error(f"responses deviate from the spec: {summary(report)}")
        return max(status, Status.DEVIATING)
    if not report.bodies and status == Status.OK:
        messages.error("nothing was checked: the input contains no response")
        return Status.FAILED
    return status


class _Run:
    """One run of the command over its sources.

    Attributes:
        tally: The deviations so far.
    """

    def __init__(self, messages: Messages) -> None:
        self.tally = Tally()
        self._messages = messages
        self._status = Status.OK

    def check_all(self, sources: list[tuple[str, bool]], fetch: Fetch) -> Status:
        """Check each source; a failure does not stop the others."""
        with spinner(self._messages, len(sources)) as drawn:
            for source, is_file in sources:
                drawn.requesting(source)
                try:
                    if is_file:
                        self._read(source)
                    else:
                        self._fetch(source, fetch)
                except ModelGatesError as error:
                    self._report_failure(str(error), error)
                    self.tally.add_unchecked(source, str(error))
        return self._status

    def _read(self, name: str) -> None:
        if is_ledger(name):
            self._verify(name)
            for number, body in read_bodies(name):
                self.tally.add(Place(name, number), check(_SUCCESS, body))
            return
        for number, line in read_lines(name):
            if line is None:
                checked = unreadable_line(f"a line of more than {MAX} bytes")
            else:
                checked = check_line(line)
            self.tally.add(Place(name, number), checked)

    def _verify(self, name: str) -> None:
        """Report what storage has damaged in a ledger, and repair it if it is writable.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        from modelgates_client.ledger import LedgerError  # noqa: PLC0415 - SQLite costs
        from modelgates_client.ledger.ledger import Ledger  # noqa: PLC0415 - SQLite costs

        ledger: Ledger | None = None
        try:
            ledger = Ledger(name)
        except LedgerError as error:  # it may be on a read-only disk
            self._messages.detail(str(error))
        with ledger or Ledger(name, read_only=True) as opened:
            flaws = list(opened.flaws())
            for flaw in flaws[:_MAX_FLAWS]:
                self._report_damage(name, str(flaw))
            if len(flaws) > _MAX_FLAWS:
                self._report_damage(name, f"and {count(len(flaws) - _MAX_FLAWS, 'more flaw')}")
            if not flaws or ledger is None:
                return
            opened.repair(flaws)
        self._messages.warning(f"{name}: the rows were rebuilt from the bodies")
        lost = sum(flaw.is_record_lost for flaw in flaws)
        if lost:
            again = f"modelgates fetch --ledger {quote(name)}"
            self._messages.warning(f"{name}: to request {count(lost, 'id')} again: {again}")

    def _report_damage(self, name: str, problem: str) -> None:
        self._messages.error(f"{name}: {problem}")
        self.tally.add_unchecked(name, f"damaged: {problem}")
        self._status = max(self._status, Status.FAILED)

    def _fetch(self, generation_id: str, fetch: Fetch) -> None:
        """Check a live response; one without a record is also reported as a failure.

        The server's error message is not shown, because it is part of the body.
        """
        try:
            if not is_id(generation_id):
                raise ConfigurationError(refusal(generation_id))
            checked = fetch(generation_id)
        except (APIStatusError, ResponseValidationError) as error:
            self._report_failure(f"{generation_id}: {_failure_text(error)}", error)
            body = error.body.encode("utf-8", "surrogatepass")
            if len(body) >= _KEPT and RECORD.content(error.status_code) is not None:
                reason = "the body is too long to be checked"
                self._messages.warning(f"{generation_id}: {reason}")
                self.tally.add_unchecked(generation_id, reason)
                return
            checked = check(error.status_code, body)
        except ModelGatesError as error:
            self._report_failure(f"{generation_id}: {error}", error)
            self.tally.add_unchecked(generation_id, str(error))
            return
        self.tally.add(Place(generation_id), checked)

    def _report_failure(self, message: str, error: ModelGatesError) -> None:
        self._messages.error(message)
        self._status = max(self._status, status_of(error))


def _failure_text(error: APIStatusError | ResponseValidationError) -> str:
    """Return why there is no record, without any text from the body."""
    if isinstance(error, ResponseValidationError):
        return str(error)  # contains no text from the body
    request = f" (request {error.request_id})" if error.request_id else ""
    return f"an error instead of the record, HTTP {error.status_code}{request}"


@contextmanager
def _fetching(options: CheckOptions, messages: Messages, ids: Sequence[str]) -> Generator[Fetch]:
    """Yield a function that fetches and checks a response; without ids, no key is needed."""
    if not ids:
        yield _fetch_nothing
        return
    secret = options.find_key(messages)
    if any(holds_key(generation_id, secret) for generation_id in ids):
        raise ConfigurationError(
            "an API key was given where an id is expected, and was not sent; other users can read "
            "keys in arguments"
        )
    chosen = options.client_options()
    if options.timeout is not None:
        chosen["timeout"] = options.timeout
    with ModelGates(api_key=secret.reveal(), **chosen) as client:

        def fetch(generation_id: str) -> Checked:
            raw = client.generations.get_raw(generation_id)
            return check(raw.status_code, raw.body)

        yield fetch


def _fetch_nothing(generation_id: str) -> Checked:
    raise LookupError(generation_id)


def _check_options(options: CheckOptions) -> None:
    sources = (*options.sources, *options.files)
    if not sources:
        raise ConfigurationError("nothing to check: give ids, files, or - to read stdin")
    options.check_key_options(sources, "responses")
    if options.timeout is not None:
        check_seconds("--timeout", options.timeout)


def _text(report: Report, options: CheckOptions, stdout: Stdout | None) -> str:
    on_terminal = stdout is not None and stdout.is_terminal
    shown_as = options.shown_as or ("table" if on_terminal else "json")
    if shown_as == "json":
        return as_json(report, options.fail_on)
    if shown_as == "junit":
        return as_junit(report, options.fail_on)
    from modelgates_client.cli.findings_table import as_table  # noqa: PLC0415 - rich costs

    return as_table(report, stdout.stream if stdout is not None and on_terminal else None)
