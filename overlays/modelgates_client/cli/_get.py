"""`modelgates get`: ask for each record, write it, report what fails."""

import traceback
from collections.abc import Callable, Iterable
from typing import TypedDict

from modelgates_client.calls.settings import Options, check_seconds
from modelgates_client.cli._formats import Format, JSONLines, Summaries
from modelgates_client.cli._found_ids import Refusals, check_files, find_ids
from modelgates_client.cli._keys import find_key, holds_key
from modelgates_client.cli._messages import Messages
from modelgates_client.cli._progress import progress
from modelgates_client.cli._reading import STDIN
from modelgates_client.cli._statuses import Status, status_of
from modelgates_client.cli._stdout import Stdout
from modelgates_client.client.client import ModelGates
from modelgates_client.errors import ConfigurationError
from modelgates_client.records.generation import Generation
from modelgates_client.records.generation_ids import is_id, refusal
from modelgates_client.resources.generations import WAIT_S
from modelgates_runtime.errors import ModelGatesError

Fetch = Callable[[str], Generation]


class GetOptions(TypedDict):
    """The arguments and options of `get`, as click names them."""

    ids: tuple[str, ...]
    files: tuple[str, ...]
    wait: bool
    final: bool
    timeout: float | None
    as_json: bool
    as_summary: bool
    key_file: str | None
    key_stdin: bool
    base_url: str | None
    allow_http: str | None
    proxy: str | None
    ca_bundle: str | None


def get(options: GetOptions, messages: Messages) -> Status:
    """Do what the options say.

    Raises:
        ConfigurationError: They cannot be used.
        ReaderGoneError: Nobody reads the output any more.
        UnwritableError: The output cannot be written.
    """
    _check(options)
    stdout = Stdout()
    secret = find_key(options["key_file"], messages, from_stdin=options["key_stdin"])
    chosen = Options(
        base_url=options["base_url"],
        allow_http=options["allow_http"],
        proxy=options["proxy"],
        ca_bundle=options["ca_bundle"],
    )
    waits = options["wait"] or options["final"]
    timeout_s = options["timeout"]
    if timeout_s is not None and not waits:
        chosen["timeout"] = timeout_s
    with ModelGates(api_key=secret.reveal(), **chosen) as client:

        def fetch(generation_id: str) -> Generation:
            if holds_key(generation_id, secret):
                raise ConfigurationError(
                    "this is no id: there is an API key in it, which was not sent; keys in "
                    "arguments can be read by others"
                )
            if not is_id(generation_id):
                raise ConfigurationError(refusal(generation_id))
            if not waits:
                return client.generations.get(generation_id)
            seconds = WAIT_S if timeout_s is None else timeout_s
            return client.generations.wait(generation_id, timeout=seconds, final=options["final"])

        refusals = Refusals(messages)
        ids: Iterable[str] = find_ids(options["files"], secret, refusals, options["ids"])
        pretty = stdout.is_terminal and not options["as_json"]
        total = None  # from a pipe they are taken as they come
        if pretty or STDIN not in (*options["ids"], *options["files"]):
            ids = tuple(ids)
            total = len(ids)
        shown_as = _format(options, stdout, total, pretty=pretty)
        status = _Run(stdout, shown_as, messages).over(ids, total, fetch)
        refusals.say_rest()
        return max(status, refusals.status)


class _Run:
    """One run of the command over its ids."""

    def __init__(self, stdout: Stdout, shown_as: Format, messages: Messages) -> None:
        self._stdout = stdout
        self._format = shown_as
        self._messages = messages
        self._status = Status.WELL

    def over(self, ids: Iterable[str], total: int | None, fetch: Fetch) -> Status:
        """Fetch and write each; whatever came is shown, even if it is interrupted."""
        try:
            with progress(self._messages, total) as drawn:
                for generation_id in ids:
                    drawn.asking(generation_id)
                    text = self._text(generation_id, fetch)
                    if text and self._stdout.is_terminal:
                        drawn.clear()
                    self._stdout.write(text)
        finally:
            self._stdout.write(self._format.rest())
        return self._status

    def _text(self, generation_id: str, fetch: Fetch) -> str:
        """Return what to write for an id; nothing if there is no record, which is reported."""
        try:
            record = fetch(generation_id)
            text = self._format.record(record)
            if self._messages.verbose:
                for entry in record.drift:
                    self._messages.detail(f"drift: {generation_id}: {entry}")
            return text
        except ModelGatesError as error:
            self._failed(generation_id, str(error), status_of(error))
        except Exception as error:  # noqa: BLE001 - reported; one bad id does not stop the others
            said = f"unexpected {type(error).__name__}: {error}"
            self._failed(generation_id, said, Status.FAILED)
            for line in traceback.format_exc().splitlines():
                self._messages.detail(line)
        return ""

    def _failed(self, generation_id: str, why: str, status: Status) -> None:
        self._messages.error(f"{generation_id}: {why.removeprefix(f'{generation_id}: ')}")
        self._format.failure(generation_id)
        self._status = max(self._status, status)


def _check(options: GetOptions) -> None:
    if not options["ids"] and not options["files"]:
        raise ConfigurationError("no id: give ids, - to read them from stdin, or --file FILE")
    if options["as_json"] and options["as_summary"]:
        raise ConfigurationError("--json and --summary exclude each other")
    if options["key_stdin"] and options["key_file"] is not None:
        raise ConfigurationError("--key-stdin and --key-file exclude each other")
    if options["key_stdin"] and STDIN in (*options["ids"], *options["files"]):
        raise ConfigurationError("--key-stdin: stdin cannot hold the ids, too")
    if options["timeout"] is not None:
        check_seconds("--timeout", options["timeout"])
    check_files([*options["files"], *(word for word in options["ids"] if word == STDIN)])


def _format(options: GetOptions, stdout: Stdout, total: int | None, *, pretty: bool) -> Format:
    if options["as_summary"] or (pretty and total == 1):
        return Summaries()
    if not pretty:
        return JSONLines()
    from modelgates_client.cli._table import Rows  # noqa: PLC0415 - rich costs

    return Rows(stdout.stream)
