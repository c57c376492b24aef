"""`modelgates stub`: serve records on loopback by hand, until interrupted."""

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from modelgates_client.cli._messages import Messages
from modelgates_client.cli._statuses import Status
from modelgates_client.cli._stdout import Stdout
from modelgates_client.errors import ConfigurationError
from modelgates_client.records.generation_ids import is_id, refusal
from modelgates_client.records.harmless import harmless
from modelgates_runtime.values import is_object

if TYPE_CHECKING:
    from modelgates_client.testing import StubAPI, StubRequest

_NEW_FIELD = {"field_of_a_later_version": True}


class StubOptions(TypedDict):
    """The arguments and options of `stub`, as click names them."""

    files: tuple[str, ...]
    record_ids: tuple[str, ...]
    host: str
    port: int
    not_ready: int
    rate_limit: int
    retry_after: int | None
    delay: float
    status: int | None
    html: bool
    truncate: bool
    drift: bool


def stub(options: StubOptions, messages: Messages) -> Status:
    """Do what the options say; return when interrupted.

    Raises:
        ConfigurationError: They cannot be used, or an extra is missing.
        ReaderGoneError: Nobody reads the output any more.
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
        messages.show(harmless(str(request)))

    bodies = {name: _body(name) for name in options["files"]}
    try:
        served = StubAPI(
            host=options["host"],
            port=options["port"],
            latency_s=options["delay"],
            on_request=log,
        )
    except ValueError as error:
        raise ConfigurationError(f"--delay: {error}") from None
    except OSError as error:
        where = f"{options['host']}, port {options['port']}"
        raise ConfigurationError(f"{where}: {error.strerror or error}") from None
    with served:
        records = [served.add(generation_id) for generation_id in options["record_ids"]]
        for name, body in bodies.items():
            try:
                records.append(served.add(body))
            except ValueError as error:
                raise ConfigurationError(f"the file {name!r}: {error}") from None
        _behave(served, records, options)
        settings = f"MODELGATES_BASE_URL={served.base_url}\nMODELGATES_API_KEY={served.api_key}\n"
        try:
            stdout.write(settings)  # who reads them may interrupt at once
            threading.Event().wait()
        except KeyboardInterrupt:
            messages.show("stopped")
    return Status.INTERRUPTED


def _check(options: StubOptions) -> None:
    if not options["files"] and not options["record_ids"] and options["status"] is None:
        raise ConfigurationError("no record: give files of response bodies, or --record-id ID")
    lasting = [
        f"--{name}"
        for name, chosen in (
            ("status", options["status"] is not None),
            ("truncate", options["truncate"]),
            ("drift", options["drift"]),
        )
        if chosen
    ]
    if len(lasting) > 1:
        raise ConfigurationError(f"{' and '.join(lasting)} exclude each other")
    if options["html"] and options["status"] is None:
        raise ConfigurationError("--html is for --status: the status that the page comes with")
    if options["retry_after"] is not None and not options["rate_limit"]:
        raise ConfigurationError("--retry-after is for --rate-limit")
    for word in options["record_ids"]:
        if not is_id(word):
            raise ConfigurationError(f"--record-id: {refusal(word)}")


def _behave(served: "StubAPI", records: list[dict[str, Any]], options: StubOptions) -> None:
    """Say what becomes of requests: 404 for each record first, then 429, then what lasts."""
    from modelgates_client.testing._drift import drifted, enum_fields  # noqa: PLC0415 - see above

    for record in records:
        if options["not_ready"]:
            served.not_ready(record["id"], times=options["not_ready"])
        if options["drift"]:
            unknown = [name for name in enum_fields() if name in record]
            served.add(drifted(record, extra=_NEW_FIELD, unknown=unknown))
    if options["rate_limit"]:
        served.rate_limit(times=options["rate_limit"], retry_after=options["retry_after"])
    if options["status"] is not None and options["html"]:
        served.edge_page(status=options["status"], times=None)
    elif options["status"] is not None:
        served.fail(status=options["status"], times=None)
    if options["truncate"]:
        served.truncate(times=None)


def _body(name: str) -> dict[str, Any]:
    """Read the body of a response.

    Raises:
        ConfigurationError: The file cannot be read, or holds none.
    """
    try:
        body = json.loads(Path(name).read_bytes())
    except OSError as error:
        raise ConfigurationError(f"the file {name!r}: {error.strerror}") from None
    except (ValueError, RecursionError):
        body = None
    if not is_object(body) or not is_object(body.get("data")):
        raise ConfigurationError(
            f"the file {name!r} holds no response body, which is JSON with the record under `data`"
        )
    return body
