"""`AsyncModelGates`, the client that is awaited."""

import os
import ssl
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Self, cast

from modelgates_client.calls.answers import Validation
from modelgates_client.calls.call import Pause, Result, Send, Steps
from modelgates_client.calls.retry import RetryPolicy
from modelgates_client.calls.settings import ClientOptions
from modelgates_client.client.base import BaseClient
from modelgates_client.records.observe import LOGGER, DriftCallback
from modelgates_client.resources.generations import AsyncGenerations
from modelgates_client.transport.credentials import Credentials, KeyFunction
from modelgates_client.transport.engines import AsyncEngine, awaiting_engine
from modelgates_client.transport.exchange import timed_out
from modelgates_client.transport.lazily import httpx
from modelgates_client.transport.messages import Ending
from modelgates_client.transport.options import ProxyURL
from modelgates_client.transport.pooling import running_loop

if TYPE_CHECKING:
    from modelgates_client.bulk.lookups import Question
    from modelgates_client.bulk.outcomes import Outcome
    from modelgates_client.bulk.running import Means, Plan


class AsyncModelGates(BaseClient[AsyncEngine]):
    """A client of one ModelGates account, on asyncio; any event loop may use it.

    Attributes:
        generations: Records of what generations really were.
    """

    generations: AsyncGenerations
    _takes_coroutines = True

    def __init__(  # noqa: PLR0913 - all by name, and all but the key can be left out
        self,
        *,
        api_key: str | KeyFunction | None = None,
        base_url: str | None = None,
        timeout: float = 30.0,
        max_retries: int = 10,
        headers: Mapping[str, str] | None = None,
        http_referer: str | None = None,
        x_modelgates_title: str | None = None,
        ca_bundle: str | os.PathLike[str] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | None = None,
        trust_env: bool = True,
        http_client: "httpx.AsyncClient | None" = None,
        max_response_bytes: int = 4 * 2**20,
        validation: Validation = "lenient",
        on_drift: DriftCallback | None = None,
    ) -> None:
        """Make a client; nothing is sent yet.

        Args:
            api_key: As for `ModelGates`; the function may be a coroutine function.
            base_url: As for `ModelGates`.
            timeout: As for `ModelGates`; the key's coroutine included.
            max_retries: As for `ModelGates`.
            headers: As for `ModelGates`.
            http_referer: As for `ModelGates`.
            x_modelgates_title: As for `ModelGates`.
            ca_bundle: As for `ModelGates`.
            ssl_context: As for `ModelGates`.
            proxy: As for `ModelGates`.
            trust_env: As for `ModelGates`.
            http_client: An `httpx.AsyncClient` of your own to send by, instead; as for
                `ModelGates`, but cut at `timeout`, whatever it is doing. It is for the event loop
                that it was first used on; under trio, it serves all but `get_many`.
            max_response_bytes: As for `ModelGates`.
            validation: As for `ModelGates`.
            on_drift: As for `ModelGates`.

        Raises:
            ConfigurationError: There is no key, or one of the arguments cannot be used. The key
                is not shown.
        """
        credentials = Credentials(api_key)
        del api_key  # a traceback that shows locals must not show it
        proxy = ProxyURL.hiding(proxy)
        options = ClientOptions(
            base_url=base_url,
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
        return awaiting_engine(self._settings.network)

    def _add_resources(self, policy: RetryPolicy) -> None:
        self.generations = AsyncGenerations(self._settings, policy, self._run, self._run_many)

    async def _run(self, steps: Steps) -> Result:
        """Do what the steps say."""
        ending: Ending | None = None
        while True:
            try:
                step = steps.send(ending)
            except StopIteration as stop:
                return self._finish(cast("Result", stop.value))
            ending = None
            if isinstance(step, Send):
                self._check_open()
                ending = await self._send(step)
                LOGGER.debug("%s: %s", step.request, ending)
            elif isinstance(step, Pause):
                await self._engine.sleep(step.seconds)
            else:
                await self._engine.reset()

    async def _send(self, step: Send) -> Ending:
        secret = self._credentials.fixed
        if secret is None:
            try:
                async with self._engine.within(step.deadline.remaining()):
                    secret = await self._credentials.asecret()
            except TimeoutError:
                return timed_out()
        return await self._engine.send(step.request, secret, step.deadline, self._settings.limit)

    async def _run_many(
        self, ids: Iterable[str] | AsyncIterable[str], question: "Question", plan: "Plan"
    ) -> AsyncGenerator[list["Outcome"]]:
        """Ask for many ids."""
        running_loop()
        from modelgates_client.bulk.awaited import finished  # noqa: PLC0415 - rarely needed

        self._check_open()
        async with aclosing(finished(ids, question, lambda: self._means(plan), plan)) as batches:
            async for batch in batches:
                yield [self._outcome(one) for one in batch]

    def _means(self, plan: "Plan") -> "Means":
        from modelgates_client.bulk.running import Means  # noqa: PLC0415 - rarely needed

        engine = awaiting_engine(self._settings.network, plan.concurrency)
        credentials = self._credentials
        key = credentials.fixed or credentials.asecret
        return Means(engine, key, self._check_open, self._settings.limit)

    async def close(self) -> None:
        """Close the connections; the client must not be used afterwards."""
        self._closed = True
        if self._owner:
            await self._engine.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
