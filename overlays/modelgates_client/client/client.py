"""`ModelGates`, the sync client."""

import os
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack, cast

import modelgates_client  # annotations name classes that it loads lazily
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
from modelgates_client.records.drift_observer import DriftCallback
from modelgates_client.records.log import logger
from modelgates_client.resources.generations import Resources
from modelgates_client.transport.credentials import Credentials
from modelgates_client.transport.engines import AttemptSender, Engine, async_engine, sync_engine
from modelgates_client.transport.lazy_modules import httpx, ssl
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
    """A sync client of one ModelGates account; safe to share between threads and across a fork.

    The operations of the API are methods of its resources, one resource for each tag of the spec:
    `client.generations.get(…)`. They are built on the methods here: `send` and the others take the
    calls that the functions of `modelgates_api.api` create.
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
        ssl_context: "ssl.SSLContext | None" = None,
        proxy: str | None = None,
        trust_env: bool = True,
        http_client: "httpx.Client | None" = None,
        max_response_bytes: int = 4 * 2**20,
        validation: Validation = "lenient",
        on_drift: DriftCallback | None = None,
    ) -> None:
        """Create a client; nothing is sent yet.

        Args:
            api_key: The key, or a function that returns it, called for each request. The function
                must be quick: the deadline cannot interrupt it. By default, the environment
                variable `MODELGATES_API_KEY`, read now.
            base_url: The server's URL with the path of the API, `/api/v1` included; by default,
                the environment variable `MODELGATES_BASE_URL`, or else `DEFAULT_BASE_URL`. It must
                use https unless the host is this machine.
            allow_http: The host of `base_url`, to allow http to a host of a private network, such
                as a service of compose or `host.docker.internal`. The key is then sent in clear
                text, and a warning says so.
            timeout: Seconds that a call may take in total: every retry, the host lookup, TLS and
                the last byte of the body included.
            max_retries: The maximum number of attempts after the first, for retryable failures.
            headers: Sent with every request.
            http_referer: Sent as `HTTP-Referer`: the site that usage is attributed to.
            x_modelgates_title: Sent as `X-ModelGates-Title`: the name it is attributed to.
            ca_bundle: A file of certificates (PEM) to trust instead of the system's.
            ssl_context: A TLS context of your own to use instead.
            proxy: The URL of a proxy, http or https; by default, the environment's. Through an
                https proxy, a sync call can outlast its timeout if the proxy sends its TLS
                handshake byte by byte.
            trust_env: Whether to use the environment's proxy (`HTTPS_PROXY`, `NO_PROXY`, …).
            http_client: An `httpx.Client` of your own to send with, instead of the options above:
                with its transport, proxies, certificates, hooks and headers, and timeouts limited
                to the remaining time of `timeout`. It is not closed with this client. Its
                `base_url`, `auth`, `cookies`, `params` and redirects are ignored; its hooks and
                transports see the key. Weaker guarantees: a call cannot be interrupted between
                two reads, so response headers that arrive byte by byte, the host lookup, a silent
                SOCKS proxy and your own hooks can outlast `timeout`, and a body by as much again;
                and httpx may take extra bytes after a response for the next one. `get_many` sends
                from at most 32 threads; the pool needs as many connections, or httpx breaks
                connections in use and requests are repeated. Use it only in the process that
                created it, not after a fork.
            max_response_bytes: The maximum size of a body in bytes, after decompression.
            validation: "strict" raises `ResponseValidationError` if a record deviates from the
                spec; "lenient" lists deviations in the record's `drift`. If a JSON object repeats a
                name, the last value is used, as in Python's `json`; neither mode detects it.
            on_drift: Called with each deviation from the spec; its pointer is into the body.

        Raises:
            ConfigurationError: There is no key, or one of the arguments is invalid. The message
                never contains the key.
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
        """Send a call, and return the parsed body of its response.

        Args:
            call: A call, as `modelgates_api.api.….get_generation(id=…)` creates it.
            options: Options of this call; those left out are the client's.

        Raises:
            APIStatusError: The server responded with an error; the class depends on the status.
            APITimeoutError: No complete response within the deadline, retries included.
            APIConnectionError: There was no response.
            ResponseValidationError: The response does not match the spec.
            ConfigurationError: An option is invalid.
            ClientClosedError: The client was closed.
        """
        return self.send_raw(call, **options).parsed

    def send_raw(self, call: Call[T], /, **options: Unpack[CallOptions]) -> Response[T]:
        """Send a call, and return its response: parsed body, status, headers and raw body.

        Raises:
            ModelGatesError: As `send`.
        """
        client = self._client_for(call)
        return client._run(client._execution(call, options).send())  # noqa: SLF001 - the class's own

    def poll(
        self,
        call: Call[T],
        /,
        *,
        until: Callable[[T], bool],
        timeout: float,
        **options: Unpack[RequestOptions],
    ) -> Response[T]:
        """Send a call repeatedly until its response meets a condition.

        A 404 means that the resource does not exist yet. The interval grows with the time waited.

        Args:
            call: A call.
            until: Returns whether a parsed response meets the condition.
            timeout: Seconds to wait in total; each request may take the client's timeout.
            options: Options of each request.

        Raises:
            GenerationNotReadyError: The condition was not met within `timeout`.
            ModelGatesError: As `send`, if the error is not retryable.
        """
        client = self._client_for(call)
        execution = client._execution(call, cast("CallOptions", options))  # noqa: SLF001
        return client._run(execution.poll(check_seconds("timeout", timeout), until))  # noqa: SLF001

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
        """Send many calls concurrently, within the server's rate limit.

        Each call yields exactly one `Answered` or `Unanswered`, as soon as it completes. The rate
        limit is learnt from the server's refusals, and outages are waited out, as in
        `generations.get_many`; operations with servers of their own share both. A call that the
        server may have acted on is never repeated unless its method or an idempotency key allows
        it.

        Args:
            calls: The calls; taken from the iterator as needed.
            concurrency: The maximum number of requests in flight, 1 to 1,000.
            ordered: Whether results come in the order of the calls.
            max_rate: The maximum number of requests per second.
            outage_timeout: Seconds that an outage may last.
            options: Options of each call.

        Raises:
            OutageError: An outage lasted too long; all results were yielded before.
            ConfigurationError: An argument is invalid.
            ClientClosedError: The client was closed.
        """
        bulk_options = validate_bulk_options(concurrency, max_rate, outage_timeout, ordered=ordered)
        return flatten(self.run_many(calls, raw_call_factory(), bulk_options, options))

    def paginate(self, call: Call[Any], /, **options: Unpack[CallOptions]) -> Generator[Any]:
        """Yield the items of a call's page and all later pages, fetching each page when needed.

        Raises:
            ConfigurationError: The operation is not paginated.
            ModelGatesError: As `send`, for each page.
        """
        from modelgates_client.calls.paging import Pager  # noqa: PLC0415 - rarely needed

        return self._items(Pager(call), options)

    def _items(self, pager: "Pager", options: CallOptions) -> Generator[Any]:
        while pager.call is not None:
            yield from pager.take(self.send_raw(pager.call, **options))

    def _run(self, steps: Steps[T]) -> Response[T]:
        """Carry out the steps of an execution."""
        attempt_result: AttemptResult | None = None
        while True:
            try:
                step = steps.send(attempt_result)
            except StopIteration as stop:
                return self._report_drift(cast("Response[T]", stop.value))
            attempt_result = None
            if isinstance(step, Send):
                self._check_open()
                secret = self._credentials.secret()
                attempt_result = self._engine.send(
                    step.request, secret, step.deadline, self._settings.limit
                )
                logger().debug("%s: %s", step.request, attempt_result)
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
        """Run many calls on an event loop in a thread; used by resources.

        Args:
            items: The ids or calls.
            factory: Creates the call and the outcome of each item.
            bulk_options: The options of the run.
            options: The options of each call.
        """
        self._check_can_run_bulk()
        from modelgates_client.bulk.sync_iteration import completed_batches  # noqa: PLC0415 - asyncio costs
        from modelgates_client.bulk.threaded_sender import limit_to_threads  # noqa: PLC0415

        if self._settings.network.http_client is not None:
            bulk_options = limit_to_threads(bulk_options)
        outcome = factory.outcome()
        for batch in completed_batches(
            items, factory, lambda: self._run_context(bulk_options, options), bulk_options
        ):
            yield [outcome(one) for one in self._report_batch_drift(batch)]

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
            partial(self._bulk_execution, options),
        )

    def close(self) -> None:
        """Close the connections; further calls raise `ClientClosedError`."""
        self._closed = True
        for other_client in self._other_clients.values():
            other_client.close()
        if self._owns_engine:
            self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
