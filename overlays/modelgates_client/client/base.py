"""The base of both clients: options, shared connections, and a key that is never shown."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from importlib import import_module
from typing import Any, Generic, Self, TypeVar, Unpack
from urllib.parse import urljoin
from warnings import warn

from modelgates_client.bulk.options import Completed
from modelgates_client.calls.execution import Execution, execution_of
from modelgates_client.calls.retry import RetryBudget, RetryPolicy
from modelgates_client.calls.settings import (
    DEFAULT_BASE_URL,
    NETWORK_OPTIONS,
    ClientOptions,
    Settings,
)
from modelgates_client.errors import ConfigurationError
from modelgates_client.records.drift_observer import DriftObserver
from modelgates_client.records.log import outages_logger
from modelgates_client.transport import exchange
from modelgates_client.transport.credentials import Credentials, KeyFunction
from modelgates_client.transport.deadline import monotonic_s
from modelgates_client.transport.engines import AsyncEngine, Engine
from modelgates_client.transport.options import ProxyURL
from modelgates_runtime.decoded import find_drift
from modelgates_runtime.operation import Call, CallOptions
from modelgates_runtime.parsing import fast_parser
from modelgates_runtime.types import Response

T = TypeVar("T")


E = TypeVar("E", bound=Engine | AsyncEngine)


def _import_what_errors_need() -> None:
    """Import what is loaded on first use: a call that fails as the program exits could not."""
    import_module("email.utils")
    import_module("html")
    outages_logger()
    fast_parser()


def _uniform() -> Callable[[], float]:
    """Return a source of random numbers from 0 to 1."""
    from random import random  # noqa: PLC0415 - slow

    return random


class ChangedOptions(ClientOptions, total=False):
    """The options that `with_options` can change."""

    api_key: str | KeyFunction | None


class BaseClient(ABC, Generic[E]):
    """A client without the methods that send calls, which its sync and async subclasses add."""

    _takes_coroutines = False

    def _set_up(
        self, credentials: Credentials, options: ClientOptions, parent: "BaseClient[E] | None"
    ) -> None:
        """Validate the options; share the connections and the retry budget of `parent`, if any."""
        problem = credentials.problem(can_await=self._takes_coroutines)
        if problem is not None:
            raise ConfigurationError(problem)
        self._credentials = credentials
        self._settings = Settings.of(options)
        # The environment is read once: clients derived from this one use the same server.
        self._options: ClientOptions = {**options, "base_url": self._settings.base_url}
        self._owns_engine = parent is None
        self._closed = False
        if parent is None:
            _import_what_errors_need()
            try:
                self._engine = self._make_engine()
            except RuntimeError as error:  # of a dependency, in some subinterpreters
                raise ConfigurationError(f"no engine can be loaded here: {error}") from error
            self._budget = RetryBudget()
            self._observer = DriftObserver(self._settings.on_drift)
            self._warned = set[str]()
        else:
            self._engine, self._budget = parent._engine, parent._budget  # noqa: SLF001 - the class's own
            self._observer = DriftObserver(self._settings.on_drift, parent._observer)  # noqa: SLF001
            self._warned = parent._warned  # noqa: SLF001
        self._policy = RetryPolicy(self._settings.max_retries, self._budget, _uniform())
        self._bulk_policy = self._policy.for_bulk()
        self._other_clients: dict[str, Self] = {}

    @abstractmethod
    def _make_engine(self) -> E:
        """Create an engine for the settings."""

    def with_options(self, **changes: Unpack[ChangedOptions]) -> Self:
        """Return a client with some options changed; this one is not modified.

        The new client shares the connections and the retry budget of this one, unless a network
        option changes (`base_url`, `allow_http`, `ca_bundle`, `ssl_context`, `proxy`, `trust_env`,
        `http_client`). Closing it leaves shared connections open; closing the client that created
        them closes them.

        Raises:
            ConfigurationError: An option is unknown or invalid.
        """
        credentials = self._credentials
        if "api_key" in changes:
            credentials = Credentials(changes.pop("api_key"))
        if "proxy" in changes:
            changes["proxy"] = ProxyURL.hiding(changes["proxy"])
        unknown = changes.keys() - ChangedOptions.__optional_keys__
        if unknown:
            raise ConfigurationError(f"unknown option: {', '.join(sorted(unknown))}")
        self._check_open()
        client = object.__new__(type(self))
        options: ClientOptions = {**self._options, **changes}  # type: ignore[typeddict-unknown-key] # without api_key
        client._set_up(credentials, options, None if NETWORK_OPTIONS & changes.keys() else self)
        return client

    def _check_open(self) -> None:
        if self._closed:
            raise exchange.closed_error()
        self._engine.check()

    def _check_can_run_bulk(self) -> None:
        self._check_open()
        if sys.is_finalizing():  # imports and new threads are no longer possible
            raise ConfigurationError("no bulk run can be started: the program is exiting")

    def _execution(
        self,
        call: Call[T],
        options: CallOptions,
        policy: RetryPolicy | None = None,
        clock: Callable[[], float] = monotonic_s,
    ) -> Execution[T]:
        """Create the execution of a call; warn once if the spec marks its operation deprecated."""
        execution = execution_of(call, self._settings, policy or self._policy, options, clock)
        operation = call.operation
        if operation.is_deprecated and operation.id not in self._warned:
            self._warned.add(operation.id)
            warn(f"the API's {operation.id} is deprecated", DeprecationWarning, stacklevel=4)
        return execution

    def _client_for(self, call: Call[Any]) -> Self:
        """Return the client for a call's server: this one, unless its operation has a server.

        An operation's own server applies only if this client uses the spec's base URL: a base URL
        that was chosen explicitly is used for all operations, and the key goes to no other server.
        """
        servers = call.operation.servers if isinstance(call, Call) else ()  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        if not servers or self._settings.base_url != DEFAULT_BASE_URL:
            return self
        url = urljoin(f"{DEFAULT_BASE_URL}/", servers[0]).rstrip("/")
        if url == DEFAULT_BASE_URL:
            return self
        if url not in self._other_clients:
            self._other_clients[url] = self.with_options(base_url=url)
        return self._other_clients[url]

    def _bulk_execution(
        self, options: CallOptions, call: Call[T], clock: Callable[[], float]
    ) -> Execution[T]:
        """Create the execution of a call of a bulk run, which has a clock of its own."""
        client = self._client_for(call)
        execution = client._execution(call, options, client._bulk_policy, clock)  # noqa: SLF001 - the class's own
        if client is self:
            return execution
        request = execution.request._replace(other_server=client._settings.network)  # noqa: SLF001 - a class method
        return execution._replace(request=request)

    def _report_drift(self, response: Response[T]) -> Response[T]:
        """Report the drift in a response."""
        if self._observer.is_listening:  # looking for drift costs as much as decoding
            self._observer.observe(tuple(find_drift(response.parsed, "")))
        return response

    def _report_batch_drift(self, batch: list[Completed]) -> list[Completed]:
        """Report the drift in the responses of a batch."""
        for completed in batch:
            if isinstance(completed.result, Response):
                self._report_drift(completed.result)
        return batch

    def __repr__(self) -> str:
        # A traceback with locals may show a client whose creation failed.
        settings = getattr(self, "_settings", None)
        return f"{type(self).__name__}(base_url={settings and settings.base_url!r})"

    def __copy__(self) -> Self:
        return self.with_options()

    def __deepcopy__(self, _: Any) -> Self:
        return self.with_options()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle a reference to the environment, or to the function that returns the key.

        Raises:
            ConfigurationError: The client was created with a key, an `ssl_context` or an
                `http_client`.
        """
        if self._options.get("http_client") is not None:
            raise ConfigurationError(
                "a client with an http_client cannot be pickled; create both where they are used"
            )
        if self._options.get("ssl_context") is not None:
            raise ConfigurationError(
                "a client with an ssl_context cannot be pickled; give it a ca_bundle"
            )
        return self._restore, (self._credentials, self._options)

    @classmethod
    def like(cls, client: "BaseClient[Any]") -> Self:
        """Create a client of this class with the key and the settings of another one.

        Raises:
            ConfigurationError: The other one has an `http_client`, which is either sync or async.
        """
        if client._options.get("http_client") is not None:  # noqa: SLF001 - the class's own
            raise ConfigurationError(
                f"its http_client cannot be used by {cls.__name__}; create one with its own"
            )
        return cls._restore(client._credentials, client._options)  # noqa: SLF001 - a class method

    @classmethod
    def _restore(cls, credentials: Credentials, options: ClientOptions) -> Self:
        client = object.__new__(cls)
        client._set_up(credentials, options, None)
        return client
