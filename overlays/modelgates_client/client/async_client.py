"""`AsyncModelGates`, the async client."""

import os
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Mapping
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, Unpack, cast

import modelgates_client  # annotations name classes that it loads lazily
from modelgates_client.bulk.options import (
    DEFAULT_CONCURRENCY,
    DEFAULT_OUTAGE_TIMEOUT_S,
    BulkOptions,
    CallFactory,
    flatten_async,
    raw_call_factory,
    validate_bulk_options,
)
from modelgates_client.calls.execution import Pause, Send, Steps
from modelgates_client.calls.settings import ClientOptions, check_seconds
from modelgates_client.client.base import BaseClient
from modelgates_client.records.drift_observer import DriftCallback
from modelgates_client.records.log import logger
from modelgates_client.resources.generations import AsyncResources
from modelgates_client.transport.async_pool import running_loop
from modelgates_client.transport.credentials import Credentials, KeyFunction
from modelgates_client.transport.engines import AsyncEngine, async_engine
from modelgates_client.transport.exchange import timeout_failure
from modelgates_client.transport.lazy_modules import httpx, ssl
from modelgates_client.transport.messages import AttemptResult
from modelgates_client.transport.options import ProxyURL
from modelgates_runtime.operation import Call, CallOptions, RequestOptions, Validation
from modelgates_runtime.types import Response

if TYPE_CHECKING:
    from modelgates_client.bulk.bulk_run import RunContext
    from modelgates_client.calls.paging import Pager


T = TypeVar("T")

#: Concurrent requests of `get_many` through a client of httpx, whose pool is slow beyond that.
_MAX_HTTPX_CONCURRENCY: Final = 100


class AsyncModelGates(AsyncResources, BaseClient[AsyncEngine]):
    """An async client of one ModelGates account; usable from any event loop.

    The operations of the API are methods of its resources, one resource for each tag of the spec:
    `client.generations.get(…)`. They are built on the methods here: `send` and the others take the
    calls that the functions of `modelgates_api.api` create.
    """

    _takes_coroutines = True

    def __init__(  # noqa: PLR0913 - all by name, and all but the key can be left out
        self,
        *,
        api_key: str | KeyFunction | None = None,
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
        http_client: "httpx.AsyncClient | None" = None,
        max_response_bytes: int = 4 * 2**20,
        validation: Validation = "lenient",
        on_drift: DriftCallback | None = None,
    ) -> None:
        """Create a client; nothing is sent yet.

        Args:
            api_key: As for `ModelGates`; the function may be a coroutine function.
            base_url: As for `ModelGates`.
            allow_http: As for `ModelGates`.
            timeout: As for `ModelGates`; it includes the key's coroutine.
            max_retries: As for `ModelGates`.
            headers: As for `ModelGates`.
            http_referer: As for `ModelGates`.
            x_modelgates_title: As for `ModelGates`.
            ca_bundle: As for `ModelGates`.
            ssl_context: As for `ModelGates`.
            proxy: As for `ModelGates`.
            trust_env: As for `ModelGates`.
            http_client: An `httpx.AsyncClient` of your own to send with; as for `ModelGates`, but
                `timeout` always cuts its requests off. It is bound to the event loop that it was
                first used on. Under trio, it works for everything but `get_many`. `get_many` sends
                at most 100 requests at a time through it.
            max_response_bytes: As for `ModelGates`.
            validation: As for `ModelGates`.
            on_drift: As for `ModelGates`.

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

    def _make_engine(self) -> AsyncEngine:
        return async_engine(self._settings.network)

    async def send(self, call: Call[T], /, **options: Unpack[CallOptions]) -> T:
        """Send a call, and return the parsed body of its response; see `ModelGates.send`."""
        return (await self.send_raw(call, **options)).parsed

    async def send_raw(self, call: Call[T], /, **options: Unpack[CallOptions]) -> Response[T]:
        """Send a call, and return its response; see `ModelGates.send_raw`."""
        client = self._client_for(call)
        return await client._run(client._execution(call, options).send())  # noqa: SLF001

    async def poll(
        self,
        call: Call[T],
        /,
        *,
        until: Callable[[T], bool],
        timeout: float,  # noqa: ASYNC109 - a call has one deadline, and keeps it itself
        **options: Unpack[RequestOptions],
    ) -> Response[T]:
        """Send a call until its response meets a condition; see `ModelGates.poll`."""
        client = self._client_for(call)
        execution = client._execution(call, cast("CallOptions", options))  # noqa: SLF001
        steps = execution.poll(check_seconds("timeout", timeout), until)
        return await client._run(steps)  # noqa: SLF001

    def send_many(
        self,
        calls: Iterable[Call[T]] | AsyncIterable[Call[T]],
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        ordered: bool = False,
        max_rate: float | None = None,
        outage_timeout: float = DEFAULT_OUTAGE_TIMEOUT_S,
        **options: Unpack[CallOptions],
    ) -> AsyncGenerator["modelgates_client.Answered[T] | modelgates_client.Unanswered"]:
        """Send many calls; see `ModelGates.send_many`."""
        bulk_options = validate_bulk_options(concurrency, max_rate, outage_timeout, ordered=ordered)
        return flatten_async(self.run_many(calls, raw_call_factory(), bulk_options, options))

    def paginate(self, call: Call[Any], /, **options: Unpack[CallOptions]) -> AsyncGenerator[Any]:
        """Yield the items of all pages; see `ModelGates.paginate`."""
        from modelgates_client.calls.paging import Pager  # noqa: PLC0415 - rarely needed

        return self._items(Pager(call), options)

    async def _items(self, pager: "Pager", options: CallOptions) -> AsyncGenerator[Any]:
        while pager.call is not None:
            for item in pager.take(await self.send_raw(pager.call, **options)):
                yield item

    async def _run(self, steps: Steps[T]) -> Response[T]:
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
                attempt_result = await self._send(step)
                logger().debug("%s: %s", step.request, attempt_result)
            elif isinstance(step, Pause):
                step.log()
                await self._engine.sleep(step.seconds)
            else:
                await self._engine.reset()

    async def _send(self, step: Send) -> AttemptResult:
        secret = self._credentials.fixed
        if secret is None:
            try:
                async with self._engine.within(step.deadline.remaining()):
                    secret = await self._credentials.secret_async()
            except TimeoutError:
                return timeout_failure()
        return await self._engine.send(step.request, secret, step.deadline, self._settings.limit)

    async def run_many(
        self,
        items: Iterable[object] | AsyncIterable[object],
        factory: CallFactory,
        bulk_options: BulkOptions,
        options: CallOptions,
    ) -> AsyncGenerator[list[Any]]:
        """Run many calls; see `ModelGates.run_many`."""
        running_loop()
        self._check_can_run_bulk()
        from modelgates_client.bulk.async_iteration import completed_batches  # noqa: PLC0415 - rarely needed

        if self._settings.network.http_client is not None:
            bulk_options = bulk_options._replace(
                concurrency=min(bulk_options.concurrency, _MAX_HTTPX_CONCURRENCY)
            )
        outcome = factory.outcome()
        batches = completed_batches(
            items, factory, lambda: self._run_context(bulk_options, options), bulk_options
        )
        async with aclosing(batches):
            async for batch in batches:
                yield [outcome(one) for one in self._report_batch_drift(batch)]

    def _run_context(self, bulk_options: BulkOptions, options: CallOptions) -> "RunContext":
        from modelgates_client.bulk.bulk_run import RunContext  # noqa: PLC0415 - rarely needed

        engine_for = partial(async_engine, connections=bulk_options.concurrency)
        return RunContext(
            engine_for(self._settings.network),
            engine_for,
            self._credentials.fixed or self._credentials.secret_async,
            self._check_open,
            self._settings.limit,
            partial(self._bulk_execution, options),
        )

    async def close(self) -> None:
        """Close the connections; further calls raise `ClientClosedError`."""
        self._closed = True
        for other_client in self._other_clients.values():
            await other_client.close()
        if self._owns_engine:
            await self._engine.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
