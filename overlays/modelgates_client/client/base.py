"""What both clients have in common: options, connections that are shared, and no key shown."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
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
from modelgates_client.transport import exchange
from modelgates_client.transport.credentials import Credentials, KeyFunction
from modelgates_client.transport.deadline import monotonic_s
from modelgates_client.transport.engines import AsyncEngine, Engine
from modelgates_client.transport.options import ProxyURL
from modelgates_runtime.decoded import find_drift
from modelgates_runtime.operation import Call, CallOptions
from modelgates_runtime.types import Response

T = TypeVar("T")


E = TypeVar("E", bound=Engine | AsyncEngine)


class ChangedOptions(ClientOptions, total=False):
    """What `with_options` can change."""

    api_key: str | KeyFunction | None


class BaseClient(ABC, Generic[E]):
    """A client without the calls, which block in one and are awaited in the other."""

    _takes_coroutines = False

    def _set_up(
        self, credentials: Credentials, options: ClientOptions, parent: "BaseClient[E] | None"
    ) -> None:
        """Check everything; share the connections and the retry budget of `parent`, if given."""
        problem = credentials.problem(can_await=self._takes_coroutines)
        if problem is not None:
            raise ConfigurationError(problem)
        self._credentials = credentials
        self._settings = Settings.of(options)
        # The environment is read once: clients made of this one are for the same server.
        self._options: ClientOptions = {**options, "base_url": self._settings.base_url}
        self._owner = parent is None
        self._closed = False
        if parent is None:
            try:
                self._engine = self._make_engine()
            except RuntimeError as error:  # a dependency's, which some subinterpreters bring about
                raise ConfigurationError(f"no engine can be loaded here: {error}") from error
            self._budget = RetryBudget()
            self._observer = DriftObserver(self._settings.on_drift)
            self._warned = set[str]()
        else:
            self._engine, self._budget = parent._engine, parent._budget  # noqa: SLF001 - the class's own
            self._observer = DriftObserver(self._settings.on_drift, parent._observer)  # noqa: SLF001
            self._warned = parent._warned  # noqa: SLF001
        self._policy = RetryPolicy(self._settings.max_retries, self._budget)
        self._elsewhere: dict[str, Self] = {}

    @abstractmethod
    def _make_engine(self) -> E:
        """Return an engine for the settings."""

    def with_options(self, **changes: Unpack[ChangedOptions]) -> Self:
        """Return a client with some options changed; this one stays as it is.

        It shares the connections and the retry budget of this one, unless an option of the network
        changes (`base_url`, `allow_http`, `ca_bundle`, `ssl_context`, `proxy`, `trust_env`,
        `http_client`). Closing it leaves shared connections open; they are closed with the client
        that made them.

        Raises:
            ConfigurationError: An option is unknown, or cannot be used.
        """
        credentials = self._credentials
        if "api_key" in changes:
            credentials = Credentials(changes.pop("api_key"))
        if "proxy" in changes:
            changes["proxy"] = ProxyURL.hiding(changes["proxy"])
        unknown = changes.keys() - ChangedOptions.__optional_keys__
        if unknown:
            raise ConfigurationError(f"there is no option {', '.join(sorted(unknown))}")
        self._check_open()
        client = object.__new__(type(self))
        options: ClientOptions = {**self._options, **changes}  # type: ignore[typeddict-unknown-key] # api_key is out
        client._set_up(credentials, options, None if NETWORK_OPTIONS & changes.keys() else self)
        return client

    def _check_open(self) -> None:
        if self._closed:
            raise exchange.closed_error()
        self._engine.check()

    def _check_can_ask_many(self) -> None:
        self._check_open()
        if sys.is_finalizing():  # nothing can be imported, and no thread started, any more
            raise ConfigurationError("many cannot be asked for any more: the program goes down")

    def _execution(
        self, call: Call[T], options: CallOptions, clock: Callable[[], float] = monotonic_s
    ) -> Execution[T]:
        """Return how a call is executed; warn, once, of one that the spec advises against."""
        execution = execution_of(call, self._settings, self._policy, options, clock)
        operation = call.operation
        if operation.is_deprecated and operation.id not in self._warned:
            self._warned.add(operation.id)
            warn(f"the API's {operation.id} is deprecated", DeprecationWarning, stacklevel=4)
        return execution

    def _home_of(self, call: Call[Any]) -> Self:
        """Return the client of the server that a call is for: this one, but for few operations.

        An operation's own server counts where this client is of the spec's: whoever names a
        server means that one, and the key goes to no other.
        """
        own = call.operation.servers if isinstance(call, Call) else ()  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        if not own or self._settings.base_url != DEFAULT_BASE_URL:
            return self
        url = urljoin(f"{DEFAULT_BASE_URL}/", own[0]).rstrip("/")
        if url == DEFAULT_BASE_URL:
            return self
        if url not in self._elsewhere:
            self._elsewhere[url] = self.with_options(base_url=url)
        return self._elsewhere[url]

    def _timed(
        self, options: CallOptions, call: Call[T], clock: Callable[[], float]
    ) -> Execution[T]:
        """Return how one of many calls is executed, by a clock of its own."""
        home = self._home_of(call)
        execution = home._execution(call, options, clock)  # noqa: SLF001 - the class's own
        if home is self:
            return execution
        request = execution.request._replace(other_server=home._settings.network)  # noqa: SLF001 - likewise
        return execution._replace(request=request)

    def _finish(self, response: Response[T]) -> Response[T]:
        """Tell of the drift in an answer."""
        if self._observer.is_listening:  # looking for drift costs as much as decoding
            self._observer.observe(tuple(find_drift(response.parsed, "")))
        return response

    def _observed(self, batch: list[Completed]) -> list[Completed]:
        """Tell of the drift in what is finished of many."""
        for completed in batch:
            if isinstance(completed.result, Response):
                self._finish(completed.result)
        return batch

    def __repr__(self) -> str:
        # A traceback that shows locals may show a client that could not be made.
        settings = getattr(self, "_settings", None)
        return f"{type(self).__name__}(base_url={settings and settings.base_url!r})"

    def __copy__(self) -> Self:
        return self.with_options()

    def __deepcopy__(self, _: Any) -> Self:
        return self.with_options()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by reference to the environment, or to the function that returns the key.

        Raises:
            ConfigurationError: The client was given its key, a context for TLS, or an
                `http_client`.
        """
        if self._options.get("http_client") is not None:
            raise ConfigurationError(
                "a client with an http_client cannot be pickled; make both where they are used"
            )
        if self._options.get("ssl_context") is not None:
            raise ConfigurationError(
                "a client with an ssl_context cannot be pickled; give it a ca_bundle"
            )
        return self._restored, (self._credentials, self._options)

    @classmethod
    def like(cls, client: "BaseClient[Any]") -> Self:
        """Return a client of this kind with the key and the settings of one of the other kind.

        Raises:
            ConfigurationError: It sends by an `http_client`, which is of one kind alone.
        """
        if client._options.get("http_client") is not None:  # noqa: SLF001 - the class's own
            raise ConfigurationError(
                f"its http_client cannot be that of an {cls.__name__}; make one with its own"
            )
        return cls._restored(client._credentials, client._options)  # noqa: SLF001 - likewise

    @classmethod
    def _restored(cls, credentials: Credentials, options: ClientOptions) -> Self:
        client = object.__new__(cls)
        client._set_up(credentials, options, None)
        return client
