"""`ModelGates`, the client that blocks."""

import os
import ssl
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import TYPE_CHECKING, Self, cast

from modelgates_client.calls.answers import Validation
from modelgates_client.calls.call import Pause, Result, Send, Steps
from modelgates_client.calls.retry import RetryPolicy
from modelgates_client.calls.settings import ClientOptions
from modelgates_client.client.base import BaseClient
from modelgates_client.records.observe import LOGGER, DriftCallback
from modelgates_client.resources.generations import Generations
from modelgates_client.transport.credentials import Credentials
from modelgates_client.transport.engines import Engine, awaiting_engine, blocking_engine
from modelgates_client.transport.lazily import httpx
from modelgates_client.transport.messages import Ending
from modelgates_client.transport.options import ProxyURL

if TYPE_CHECKING:
    from modelgates_client.bulk.lookups import Question
    from modelgates_client.bulk.outcomes import Outcome
    from modelgates_client.bulk.running import Means, Plan
    from modelgates_client.transport.credentials import Secret


class ModelGates(BaseClient[Engine]):
    """A client of one ModelGates account; safe to share between threads, and across a fork.

    Attributes:
        generations: Records of what generations really were.
    """

    generations: Generations

    def __init__(  # noqa: PLR0913 - all by name, and all but the key can be left out
        self,
        *,
        api_key: str | Callable[[], str] | None = None,
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
                `auth`, `cookies`, `params` and redirects do not count. What weakens: a call cannot
                be cut between two reads, so a head that comes byte by byte, a TLS handshake that
                does, the look-up of the host and your own hooks can outlast `timeout`, and a body
                by as much again; and bytes that a server sends beyond an answer may be taken for
                the next one, as httpx does. It is for the process that made it, not one forked.
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
        return blocking_engine(self._settings.network)

    def _add_resources(self, policy: RetryPolicy) -> None:
        self.generations = Generations(self._settings, policy, self._run, self._run_many)

    def _run(self, steps: Steps) -> Result:
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
                secret = self._credentials.secret()
                ending = self._engine.send(
                    step.request, secret, step.deadline, self._settings.limit
                )
                LOGGER.debug("%s: %s", step.request, ending)
            elif isinstance(step, Pause):
                time.sleep(step.seconds)
            else:
                self._engine.reset()

    def _run_many(
        self, ids: Iterable[str], question: "Question", plan: "Plan"
    ) -> Generator[list["Outcome"]]:
        """Ask for many ids, on an event loop in a thread."""
        from modelgates_client.bulk.blocking import finished  # noqa: PLC0415 - asyncio costs
        from modelgates_client.bulk.threaded import MOST_THREADS  # noqa: PLC0415

        self._check_open()
        if self._settings.network.http_client is not None:
            plan = plan._replace(concurrency=min(plan.concurrency, MOST_THREADS))
        for batch in finished(ids, question, lambda: self._means(plan), plan):
            yield [self._outcome(one) for one in batch]

    def _means(self, plan: "Plan") -> "Means":
        from modelgates_client.bulk.running import Means  # noqa: PLC0415 - asyncio costs
        from modelgates_client.bulk.threaded import ThreadedEngine  # noqa: PLC0415

        async def secret() -> "Secret":
            return self._credentials.secret()

        network = self._settings.network
        if network.http_client is None:
            engine = awaiting_engine(network, plan.concurrency)
        else:
            engine = ThreadedEngine(blocking_engine(network), plan.concurrency)
        key = self._credentials.fixed or secret
        return Means(engine, key, self._check_open, self._settings.limit)

    def close(self) -> None:
        """Close the connections; the client must not be used afterwards."""
        self._closed = True
        if self._owner:
            self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
