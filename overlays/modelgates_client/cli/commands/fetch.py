"""`modelgates fetch`: fetch the records of many ids into a ledger, resumably."""

import asyncio
import contextlib
import json
import shlex
import signal
import time
from collections.abc import Generator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Final

import click
from attrs import asdict, frozen

from modelgates_client.bulk.options import DEFAULT_CONCURRENCY, DEFAULT_OUTAGE_TIMEOUT_S
from modelgates_client.cli.app import command
from modelgates_client.cli.ids import Refusals, check_files, find_ids
from modelgates_client.cli.messages import Messages
from modelgates_client.cli.options import ServerOptions, argument, option
from modelgates_client.cli.output import Stdout
from modelgates_client.cli.progress import fetch_progress, states_text
from modelgates_client.cli.reading import STDIN
from modelgates_client.cli.statuses import Status, status_of
from modelgates_client.client.async_client import AsyncModelGates
from modelgates_client.errors import ConfigurationError, GenerationNotReadyError
from modelgates_client.ledger import GivenUp, Ledger
from modelgates_client.ledger.capture_file import has_capture_file
from modelgates_client.ledger.fetching import fetch as fetch_into
from modelgates_client.ledger.progress import Progress
from modelgates_client.reports.formatting import count
from modelgates_client.reports.periods import read_age
from modelgates_client.resources.generations import WAIT_S
from modelgates_client.transport.credentials import Secret
from modelgates_runtime.errors import ModelGatesError

#: For `--give-up-after`: no id is given up.
NEVER: Final = "never"


@frozen(kw_only=True)
class FetchOptions(ServerOptions):
    """The arguments and options of `fetch`."""

    files: tuple[str, ...] = argument(metavar="[FILE|-]...", type=click.Path(), nargs=-1)
    ledger: str = option(
        "--ledger",
        metavar="L",
        type=click.Path(),
        required=True,
        help="The ledger; created if it does not exist.",
    )
    concurrency: int | None = option(
        "--concurrency",
        metavar="N",
        type=click.IntRange(1, 1000),
        help="Maximum number of concurrent requests. Default: 32.",
    )
    wait: float | None = option(
        "--wait",
        metavar="S",
        type=click.FloatRange(0),
        help="Seconds to wait for each record that is not ready. Default: 60; 0 does not wait.",
    )
    max_rate: float | None = option(
        "--max-rate",
        metavar="N",
        type=click.FloatRange(0, min_open=True),
        help="Maximum requests per second; the server's own rate limit is detected either way.",
    )
    outage_timeout: float | None = option(
        "--outage-timeout",
        metavar="S",
        type=click.FloatRange(0, 86_400),
        help="Seconds to wait while the server is unreachable or failing. Default: 300.",
    )
    retry_failed: bool = option(
        "--retry-failed", is_flag=True, help="Also request ids that have failed permanently."
    )
    give_up_after: str = option(
        "--give-up-after",
        metavar="AGE",
        default="7d",
        help="Stop requesting ids older than AGE, such as 36h, 7d or 2w, if the server has no "
        "record of them, or none that is final; never keeps all. Default: 7d. The age counts from "
        "the time in gen-<seconds>-..., or else from when the id was queued.",
    )
    no_final: bool = option(
        "--no-final", is_flag=True, help="Do not wait for records to become final."
    )


@command(
    FetchOptions,
    summary="Fetch the records of many ids into a ledger.",
    details="""
    FILE has one id per line, or ids anywhere in its lines, as in JSON Lines and logs; it may be
    compressed by gzip (.gz). - reads stdin as it arrives. Without FILE, the records that the ledger
    lacks are fetched.

    A run resumes where an earlier one ended, for whatever reason. On a terminal, a bar shows the
    progress; in a pipe, lines on stderr do, and stdout gets one JSON object at the end.
    """,
)
def fetch(options: FetchOptions, messages: Messages) -> Status:
    """Run `modelgates fetch`.

    Raises:
        ConfigurationError: The options are invalid.
        LedgerError: The ledger cannot be used.
        ReaderGoneError: The reader has closed the output.
        UnwritableError: The output cannot be written.
    """
    _check(options)
    give_up_after_s = _give_up_after_s(options.give_up_after)
    stdout = Stdout()
    secret = options.find_key(messages)
    client = AsyncModelGates(api_key=secret.reveal(), **options.client_options())
    started_s = time.monotonic()
    with Ledger(options.ledger) as ledger:
        run = _Run(options, messages, secret, give_up_after_s)
        run.over(ledger, client)
        counts = ledger.counts()
    elapsed_s = time.monotonic() - started_s
    messages.info(
        f"{count(sum(counts), 'id')}: {states_text(counts)}; {count(run.requests, 'request')} in "
        f"{elapsed_s:.1f} s"
    )
    if not stdout.is_terminal:
        result = {"ids": sum(counts), **counts._asdict(), "requests": run.requests}
        stdout.write(f"{json.dumps({**result, 'elapsed_s': round(elapsed_s, 3)})}\n")
    age = options.give_up_after
    if run.given_up.forgotten:
        messages.warning(
            f"{count(run.given_up.forgotten, 'id')} given up: older than {age}, and without a "
            "record; see `modelgates list --forgotten`"
        )
    if run.given_up.never_final:
        messages.info(
            f"{count(run.given_up.never_final, 'record')} not final after {age}: counted as stated "
            "and no longer requested; see `modelgates list --never-final`"
        )
    if run.is_stopped:
        return run.status  # after a stop, pending ids are expected
    provisional = 0 if options.no_final else counts.provisional
    if run.given_up.forgotten + counts.pending + provisional:
        run.status = max(run.status, Status.NOT_FOUND)
    if counts.failed:  # perhaps in an earlier run
        run.status = max(run.status, Status.FAILED)
    return run.status


class _Run:
    """One run of the command.

    Attributes:
        status: The highest exit status of all failures.
        requests: Number of requests that were sent, also for ids without an outcome.
        given_up: The ids that were given up.
        is_stopped: Whether the run ended before all ids were requested.
    """

    def __init__(
        self,
        options: FetchOptions,
        messages: Messages,
        secret: Secret,
        give_up_after_s: float | None,
    ) -> None:
        self.status = Status.OK
        self.requests = 0
        self.given_up = GivenUp()
        self.is_stopped = False
        self._options = options
        self._messages = messages
        self._secret = secret
        self._give_up_after_s = give_up_after_s
        self._refusals = Refusals(messages)
        self._latest: Progress | None = None

    def over(self, ledger: Ledger, client: AsyncModelGates) -> None:
        """Fetch until the run ends or is interrupted, and report failures."""
        try:
            asyncio.run(self._main(ledger, client))
        except (KeyboardInterrupt, asyncio.CancelledError):
            self._stopped("interrupted", Status.INTERRUPTED)
        except ModelGatesError as error:
            self._stopped(str(error), status_of(error))
        else:
            self._say_errors()
        self._refusals.report_rest()
        self.status = max(self.status, self._refusals.status)

    async def _main(self, ledger: Ledger, client: AsyncModelGates) -> None:
        options = self._options
        ids = find_ids(options.files, self._secret, self._refusals) if options.files else ()
        with _terminable(), fetch_progress(self._messages) as show:
            async with client:
                stream = fetch_into(
                    ledger,
                    client,
                    ids,
                    concurrency=DEFAULT_CONCURRENCY
                    if options.concurrency is None
                    else options.concurrency,
                    wait=WAIT_S if options.wait is None else options.wait,
                    final=not options.no_final,
                    max_rate=options.max_rate,
                    outage_timeout=DEFAULT_OUTAGE_TIMEOUT_S
                    if options.outage_timeout is None
                    else options.outage_timeout,
                    retry_failed=options.retry_failed,
                    give_up_after_s=self._give_up_after_s,
                    on_request=self._count_request,
                )
                async with aclosing(stream):
                    async for progress in stream:
                        self._latest = progress
                        self.given_up = progress.given_up
                        show(progress)

    def _count_request(self) -> None:
        self.requests += 1

    def _say_errors(self) -> None:
        """Report the latest error of each class, since there could be millions of them.

        That a record is not ready is no error if the run gave up waiting for it to become final.
        """
        latest = self._latest
        if latest is None:
            return
        is_settled = not (
            latest.counts.pending or latest.counts.provisional or latest.given_up.forgotten
        )
        for error in latest.errors:
            if isinstance(error, GenerationNotReadyError) and is_settled:
                continue
            self._messages.error(f"{type(error).__name__}, the latest: {error}")
            self.status = max(self.status, status_of(error))

    def _stopped(self, why: str, status: Status) -> None:
        self.is_stopped = True
        is_queued = self._latest is not None and self._latest.total is not None
        files = () if is_queued else self._options.files
        if STDIN in files:
            why = f"{why}; not all of stdin was queued, so provide it again"
        again = _command_line(self._options, files)
        self._messages.error(f"{why}; continue with: {again}")
        self.status = max(self.status, status)


@contextmanager
def _terminable() -> Generator[None]:
    """Make SIGTERM cancel the task like Ctrl-C."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    if task is None:
        raise RuntimeError("there is no current task")
    with contextlib.suppress(NotImplementedError, RuntimeError):  # on Windows; in a thread
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        yield
    finally:
        with contextlib.suppress(NotImplementedError, RuntimeError):
            loop.remove_signal_handler(signal.SIGTERM)


def _command_line(options: FetchOptions, files: tuple[str, ...]) -> str:
    """Return the command line that repeats this run, quoted for a shell."""
    words = ["modelgates", "fetch", "--ledger", options.ledger]
    for name, given in asdict(options).items():
        if name in {"files", "ledger"} or given is None or given is False:
            continue
        if name == "proxy" and "@" in str(given):
            continue  # it contains a password
        words.append(f"--{name.replace('_', '-')}")
        if given is not True:
            words.append(f"{given}")
    if any(name.startswith("-") and name != STDIN for name in files):
        words.append("--")
    return shlex.join([*words, *files])


def _give_up_after_s(text: str) -> float | None:
    return None if text == NEVER else read_age("--give-up-after", text).total_seconds()


def _check(options: FetchOptions) -> None:
    options.check_key_options(options.files, "ids")
    if options.files.count(STDIN) > 1:
        raise ConfigurationError("stdin (-) can be read only once")
    check_files(options.files)
    ledger = options.ledger
    if not options.files and not Path(ledger).exists() and not has_capture_file(ledger):
        raise ConfigurationError(
            f"nothing to fetch: the ledger {ledger!r} does not exist yet, so give FILE, or "
            "- to read ids from stdin"
        )
