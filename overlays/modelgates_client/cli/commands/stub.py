"""`modelgates stub`: serve records on loopback by hand, until interrupted."""

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from attrs import frozen

from modelgates_client.cli.app import command
from modelgates_client.cli.messages import Messages
from modelgates_client.cli.options import argument, option
from modelgates_client.cli.output import Stdout
from modelgates_client.cli.statuses import Status
from modelgates_client.errors import ConfigurationError
from modelgates_client.records.generation_ids import is_id, refusal
from modelgates_runtime.values import is_object

if TYPE_CHECKING:
    from modelgates_client.testing import StubAPI, StubRequest

_NEW_FIELD: Final = {"field_of_a_later_version": True}
_NEW_VALUE: Final = "value-of-a-later-version"


@frozen(kw_only=True)
class StubOptions:
    """The arguments and options of `stub`."""

    files: tuple[str, ...] = argument(metavar="[RECORD.json]...", type=click.Path(), nargs=-1)
    record_ids: tuple[str, ...] = option(
        "--record-id",
        metavar="ID",
        multiple=True,
        help="Serve a record with this id, generated from the spec.",
    )
    host: str = option(
        "--host",
        metavar="ADDRESS",
        default="127.0.0.1",
        help="Address to listen on. Default: 127.0.0.1, which only this machine can reach.",
    )
    port: int = option(
        "--port",
        metavar="PORT",
        type=click.IntRange(0, 65535),
        default=0,
        help="Port to listen on. Default: any free port.",
    )
    not_ready: int = option(
        "--not-ready",
        metavar="N",
        type=click.IntRange(0),
        default=0,
        help="Respond to the first N requests for each record with 404.",
    )
    rate_limit: int = option(
        "--rate-limit",
        metavar="N",
        type=click.IntRange(0),
        default=0,
        help="Then respond to N requests with 429.",
    )
    retry_after: int | None = option(
        "--retry-after",
        metavar="S",
        type=click.IntRange(0),
        help="Retry-After of responses with 429, in seconds. Default: no such header.",
    )
    status: int | None = option(
        "--status",
        metavar="CODE",
        type=click.IntRange(400, 599),
        help="Respond to all other requests with this status and the API's error body.",
    )
    html: bool = option(
        "--html", is_flag=True, help="With --status: send an HTML page instead of an error body."
    )
    delay: float = option(
        "--delay",
        metavar="S",
        type=click.FloatRange(0),
        default=0,
        help="Delay each response by S seconds.",
    )
    truncate: bool = option(
        "--truncate", is_flag=True, help="Close connections in the middle of the body."
    )
    drift: bool = option(
        "--drift", is_flag=True, help="Add a field and enum values that the spec does not have."
    )


@command(
    StubOptions,
    summary="Serve records on 127.0.0.1 like the API, until interrupted (exit status 130).",
    extras="cli,testing",
    details="""
    RECORD.json is the body of a response. The settings for a client are printed to stdout as
    environment variables. Each request is then logged as a line on stderr: method, path, id,
    status.
    """,
)
def stub(options: StubOptions, messages: Messages) -> Status:
    """Run `modelgates stub` until it is interrupted.

    Raises:
        ConfigurationError: The options are invalid, or an extra is missing.
        ReaderGoneError: The reader has closed the output.
        UnwritableError: The output cannot be written.
    """
    _check(options)
    try:
        from modelgates_client.testing import StubAPI  # noqa: PLC0415 - of another extra
    except ModuleNotFoundError as error:
        if error.name != "pytest_httpserver":
            raise
        raise ConfigurationError(str(error)) from None
    stdout = Stdout()

    def log(request: "StubRequest") -> None:
        messages.info(str(request))

    bodies = {name: _body(name) for name in options.files}
    try:
        served = StubAPI(
            host=options.host,
            port=options.port,
            latency_s=options.delay,
            on_request=log,
        )
    except ValueError as error:
        raise ConfigurationError(f"--delay: {error}") from None
    except OSError as error:
        where = f"{options.host}, port {options.port}"
        raise ConfigurationError(f"{where}: {error.strerror or error}") from None
    with served:
        records = [served.add(generation_id) for generation_id in options.record_ids]
        for name, body in bodies.items():
            try:
                records.append(served.add(body))
            except ValueError as error:
                raise ConfigurationError(f"the file {name!r}: {error}") from None
        _plan_responses(served, records, options)
        settings = f"MODELGATES_BASE_URL={served.base_url}\nMODELGATES_API_KEY={served.api_key}\n"
        try:
            stdout.write(settings)  # their reader may interrupt immediately
            threading.Event().wait()
        except KeyboardInterrupt:
            messages.info("stopped")
    return Status.INTERRUPTED


def _check(options: StubOptions) -> None:
    if not options.files and not options.record_ids and options.status is None:
        raise ConfigurationError("no record: give files of response bodies, or --record-id ID")
    lasting = [
        f"--{name}"
        for name, chosen in (
            ("status", options.status is not None),
            ("truncate", options.truncate),
            ("drift", options.drift),
        )
        if chosen
    ]
    if len(lasting) > 1:
        raise ConfigurationError(f"{' and '.join(lasting)} are mutually exclusive")
    if options.html and options.status is None:
        raise ConfigurationError("--html requires --status, the status of the page")
    if options.retry_after is not None and not options.rate_limit:
        raise ConfigurationError("--retry-after requires --rate-limit")
    for word in options.record_ids:
        if not is_id(word):
            raise ConfigurationError(f"--record-id: {refusal(word)}")


def _plan_responses(served: "StubAPI", records: list[dict[str, Any]], options: StubOptions) -> None:
    """Plan the responses: first 404 for each record, then 429, then the lasting behaviour."""
    from modelgates_client.testing._drift import drifted, enum_fields  # noqa: PLC0415 - see above

    for record in records:
        if options.not_ready:
            served.not_ready(record["id"], times=options.not_ready)
        if options.drift:
            values = {name: _NEW_VALUE for name in enum_fields() if name in record}
            served.add(drifted(record, extra=_NEW_FIELD, values=values))
    if options.rate_limit:
        served.rate_limit(times=options.rate_limit, retry_after=options.retry_after)
    if options.status is not None and options.html:
        served.edge_page(status=options.status, times=None)
    elif options.status is not None:
        served.fail(status=options.status, times=None)
    if options.truncate:
        served.truncate(times=None)


def _body(name: str) -> dict[str, Any]:
    """Read the body of a response.

    Raises:
        ConfigurationError: The file cannot be read, or contains no response body.
    """
    try:
        body = json.loads(Path(name).read_bytes())
    except OSError as error:
        raise ConfigurationError(f"the file {name!r}: {error.strerror}") from None
    except (ValueError, RecursionError):
        body = None
    if not is_object(body) or not is_object(body.get("data")):
        raise ConfigurationError(
            f"the file {name!r} is not a response body: expected JSON with the record under `data`"
        )
    return body
