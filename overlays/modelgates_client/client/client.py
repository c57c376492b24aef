"""`ModelGates`, the client that blocks."""

import os
import ssl
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack, cast

import modelgates_client  # annotations name what it loads when it is asked for
from modelgates_client.bulk.options import (
    DEFAULT_CONCURRENCY,
    DEFAULT_OUTAGE_TIMEOUT_S,
    BulkOptions,
    CallFactory,
    flatten,
    raw_call_factory,
    validate_bulk_options,
)
from modelgates_client.calls.execution import Pause, Send, Steps
from modelgates_client.calls.settings import ClientOptions, check_seconds
from modelgates_client.client.base import BaseClient
from modelgates_client.records.drift_observer import LOGGER, DriftCallback
from modelgates_client.resources.generations import Resources
from modelgates_client.transport.credentials import Credentials
from modelgates_client.transport.engines import AttemptSender, Engine, async_engine, sync_engine
from modelgates_client.transport.lazy_httpx import httpx
from modelgates_client.transport.messages import AttemptResult
from modelgates_client.transport.options import NetworkOptions, ProxyURL
from modelgates_runtime.operation import Call, CallOptions, RequestOptions, Validation
from modelgates_runtime.types import Response

if TYPE_CHECKING:
    from modelgates_client.bulk.bulk_run import RunContext
    from modelgates_client.calls.paging import Pager
    from modelgates_client.transport.credentials import Secret


T = TypeVar("T")


class ModelGates(Resources, BaseClient[Engine]):
    """A client of one ModelGates account; safe to share between threads, and across a fork.

    The operations of the API are methods of its resources, a resource for each tag of the spec:
    `client.generations.get(…)`. What they are made of is here: `send` and its like take the calls
    that the functions of `modelgates_api.api` make.
    """

    def __init__(  # noqa: PLR0913 - all by name, and all but the key can be left out
        self,
        *,
        api_key: str | Callable[[], str] | None = None,
        base_url: str | None = None,
        allow_http: str | None = None,
        timeout: float = 30.0,
        max_retries: int = 10,
        headers: Mapping[str, str] | None = None,
        http_referer: str | None = None,
        x_modelgates_title: str | None = None,
        ca_bundle: str | os.PathLike[str] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | None = None,
        trust_env: bool = True,
        http_client: "httpx.Client | None" = None,
        max_response_bytes: int = 4 * 2**20,
        validation: Validation = "lenient",
        on_drift: DriftCallback | None = None,
    ) -> None:
        """Make a client; nothing is sent yet.

        Args:
            api_key: The key, or a function that returns it, called for each request (quickly: the
                deadline cannot interrupt it); by default,
                the environment variable `MODELGATES_API_KEY`, read now.
            base_url: The server's URL with the path of the API, `/api/v1` included; by default,
                the environment variable `MODELGATES_BASE_URL`, or else `DEFAULT_BASE_URL`. https,
                unless it is this machine.
            allow_http: The host of `base_url`, if it is one of a private network that is asked
                without TLS, as a service of compose or `host.docker.internal`. The key then goes
                there in clear, and a warning says so.
            timeout: Seconds that a call may take in all: every retry, the look-up of the host,
                TLS and the last byte of the body included.
            max_retries: Attempts after the first, where another may help.
            headers: Sent with every request.
            http_referer: Sent as `HTTP-Referer`: the site that usage is attributed to.
            x_modelgates_title: Sent as `X-ModelGates-Title`: the name it is attributed to.
            ca_bundle: A file of certificates (PEM) to trust instead of the system's.
            ssl_context: A context for TLS of your own, instead.
            proxy: The URL of a proxy, http or https; by default, the environment's. Through an
                https proxy, a blocking call that meets a dripping TLS handshake can outlast
                its timeout.
            trust_env: Whether to use the environment's proxy (`HTTPS_PROXY`, `NO_PROXY`, …).
            http_client: An `httpx.Client` of your own to send by, instead of all this: with its
                transport, proxies, certificates, hooks and headers, and timeouts no longer than
                what remains of `timeout`. It is not closed with this client; its `base_url`,
                `auth`, `cookies`, `params` and redirects do not count; its hooks and transports
                see the key. What weakens: a call cannot be cut between two reads, so a head that
                comes byte by byte, the look-up of the host, a SOCKS proxy that is silent and your
                own hooks can outlast `timeout`, and a body by as much again; and bytes that a
                server sends beyond an answer may be taken for the next one, as httpx does.
                `get_many` sends from 32 threads at most; give the pool as many places, or httpx
                breaks connections in use, and ids are asked for again. It is for the process that
                made it, not one forked.
            max_response_bytes: The most bytes that a body may have, decompressed.
            validation: "strict" raises `ResponseValidationError` where a record is not as the
                spec says; "lenient" lists it in the record's `drift`. Where a name stands twice
                in a JSON object, the last value counts, as in Python's `json`: neither sees it.
            on_drift: Called with each deviation from the spec; pointers are into the body.

        Raises:
            ConfigurationError: There is no key, or one of the arguments cannot be used. The key
                is not shown.
        """
        credentials = Credentials(api_key)
        del api_key  # a traceback that shows locals must not show it
        proxy = ProxyURL.hiding(proxy)
        options = ClientOptions(
            base_url=base_url,
            allow_http=allow_http,
            timeout=timeout,
            max_retries=max_retries,
            headers=headers,
            http_referer=http_referer,
            x_modelgates_title=x_modelgates_title,
            ca_bundle=ca_bundle,
            ssl_context=ssl_context,
            proxy=proxy,
            trust_env=trust_env,
            http_client=http_client,
            max_response_bytes=max_response_bytes,
            validation=validation,
            on_drift=on_drift,
        )
        self._set_up(credentials, options, None)

    def _make_engine(self) -> Engine:
        return sync_engine(self._settings.network)

    def send(self, call: Call[T], /, **options: Unpack[CallOptions]) -> T:
        """Send a call, and return what its answer says.

        Args:
            call: A filled request, as `modelgates_api.api.….get_generation(id=…)` makes it.
            options: Of this call alone; what is left out is as the client has it.

        Raises:
            APIStatusError: The server answered with an error; its class follows the status.
            APITimeoutError: No complete answer within the deadline, retries included.
            APIConnectionError: There was no answer.
            ResponseValidationError: The answer is not what the spec says of a success.
            ConfigurationError: An option cannot be used.
            ClientClosedError: The client was closed.
        """
        return self.send_raw(call, **options).parsed

    def send_raw(self, call: Call[T], /, **options: Unpack[CallOptions]) -> Response[T]:
        """Send a call, and return its answer: what it says, its status, headers and body.

        Raises:
            ModelGatesError: As `send`.
        """
        home = self._home_of(call)
        return home._run(home._execution(call, options).send())  # noqa: SLF001 - the class's own

    def poll(
        self,
        call: Call[T],
        /,
        *,
        until: Callable[[T], bool],
        timeout: float,
        **options: Unpack[RequestOptions],
    ) -> Response[T]:
        """Send a call again and again, until it is answered and the answer is what is waited for.

        A 404 says that it is not there yet; so often at first, then ever less, it is asked again.

        Args:
            call: A filled request.
            until: Whether an answer is what is waited for.
            timeout: Seconds to wait in all; each request may take the client's timeout.
            options: Of each request.

        Raises:
            GenerationNotReadyError: The time is over.
            ModelGatesError: As `send`, when waiting does not mend it.
        """
        home = self._home_of(call)
        execution = home._execution(call, cast("CallOptions", options))  # noqa: SLF001
        return home._run(execution.poll(check_seconds("timeout", timeout), until))  # noqa: SLF001

    def send_many(
        self,
        calls: Iterable[Call[T]],
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        ordered: bool = False,
        max_rate: float | None = None,
        outage_timeout: float = DEFAULT_OUTAGE_TIMEOUT_S,
        **options: Unpack[CallOptions],
    ) -> Generator["modelgates_client.Answered[T] | modelgates_client.Unanswered"]:
        """Send many calls, as many at a time as are allowed.

        Of each call comes exactly one `Answered` or `Unanswered`, as soon as it is known. The
        server's rate limit is learnt from what it refuses, and an outage is waited for, as in
        `generations.get_many`; where operations have servers of their own, of all together. What
        the server may have acted on is never sent twice, unless its method or an idempotency key
        allows it.

        Args:
            calls: What is sent; taken from the iterator as it is needed.
            concurrency: The most requests at one time, 1 to 1,000.
            ordered: Whether answers come in the order of the calls.
            max_rate: The most requests per second.
            outage_timeout: Seconds that an outage may last.
            options: Of each call.

        Raises:
            OutageError: An outage lasted too long; the answers and failures have come before.
            ConfigurationError: An argument cannot be used.
            ClientClosedError: The client was closed.
        """
        bulk_options = validate_bulk_options(concurrency, max_rate, outage_timeout, ordered=ordered)
        return flatten(self.run_many(calls, raw_call_factory(), bulk_options, options))

    def paginate(self, call: Call[Any], /, **options: Unpack[CallOptions]) -> Generator[Any]:
        """Yield the items of a call's page, and of all that follow; each page when it is needed.

        Raises:
            ConfigurationError: The operation gives no pages.
            ModelGatesError: As `send`, for each page.
        """
        from modelgates_client.calls.paging import Pager  # noqa: PLC0415 - rarely needed

        return self._items(Pager(call), options)

    def _items(self, pager: "Pager", options: CallOptions) -> Generator[Any]:
        while pager.call is not None:
            yield from pager.take(self.send_raw(pager.call, **options))

    def _run(self, steps: Steps[T]) -> Response[T]:
        """Do what the steps say."""
        attempt_result: AttemptResult | None = None
        while True:
            try:
                step = steps.send(attempt_result)
            except StopIteration as stop:
                return self._finish(cast("Response[T]", stop.value))
            attempt_result = None
            if isinstance(step, Send):
                self._check_open()
                secret = self._credentials.secret()
                attempt_result = self._engine.send(
                    step.request, secret, step.deadline, self._settings.limit
                )
                LOGGER.debug("%s: %s", step.request, attempt_result)
            elif isinstance(step, Pause):
                step.log()
                time.sleep(step.seconds)
            else:
                self._engine.reset()

    def run_many(
        self,
        items: Iterable[object],
        factory: CallFactory,
        bulk_options: BulkOptions,
        options: CallOptions,
    ) -> Generator[list[Any]]:
        """Ask for many, on an event loop in a thread; for resources.

        Args:
            items: The ids or calls.
            factory: Creates the call and the outcome of each item.
            bulk_options: The options of the run.
            options: The options of each call.
        """
        self._check_can_ask_many()
        from modelgates_client.bulk.sync_iteration import completed_batches  # noqa: PLC0415 - asyncio costs
        from modelgates_client.bulk.threaded_sender import limit_to_threads  # noqa: PLC0415

        if self._settings.network.http_client is not None:
            bulk_options = limit_to_threads(bulk_options)
        outcome = factory.outcome()
        for batch in completed_batches(
            items, factory, lambda: self._run_context(bulk_options, options), bulk_options
        ):
            yield [outcome(one) for one in self._observed(batch)]

    def _run_context(self, bulk_options: BulkOptions, options: CallOptions) -> "RunContext":
        from modelgates_client.bulk.bulk_run import RunContext  # noqa: PLC0415 - asyncio costs
        from modelgates_client.bulk.threaded_sender import ThreadedSender  # noqa: PLC0415

        async def secret() -> "Secret":
            return self._credentials.secret()

        def engine_for(network: NetworkOptions) -> AttemptSender:
            if network.http_client is None:
                return async_engine(network, bulk_options.concurrency)
            return ThreadedSender(sync_engine(network), bulk_options.concurrency)

        return RunContext(
            engine_for(self._settings.network),
            engine_for,
            self._credentials.fixed or secret,
            self._check_open,
            self._settings.limit,
            partial(self._timed, options),
        )

    def close(self) -> None:
        """Close the connections; the client must not be used afterwards."""
        self._closed = True
        for other_server in self._elsewhere.values():
            other_server.close()
        if self._owner:
            self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
