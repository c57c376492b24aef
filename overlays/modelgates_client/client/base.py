"""What both clients have in common: options, connections that are shared, and no key shown."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, Unpack

from modelgates_client.calls.call import Result
from modelgates_client.calls.retry import RetryBudget, RetryPolicy
from modelgates_client.calls.settings import NETWORK_OPTIONS, ClientOptions, Settings
from modelgates_client.errors import ConfigurationError
from modelgates_client.records.observe import DriftObserver
from modelgates_client.transport import exchange
from modelgates_client.transport.credentials import Credentials, KeyFunction
from modelgates_client.transport.engines import AsyncEngine, Engine
from modelgates_client.transport.options import ProxyURL

if TYPE_CHECKING:
    from modelgates_client.bulk.lookups import Finished
    from modelgates_client.bulk.outcomes import Outcome


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
            self._engine = self._make_engine()
            self._budget = RetryBudget()
            self._observer = DriftObserver(self._settings.on_drift)
        else:
            self._engine, self._budget = parent._engine, parent._budget  # noqa: SLF001 - the class's own
            self._observer = DriftObserver(self._settings.on_drift, parent._observer)  # noqa: SLF001
        self._add_resources(RetryPolicy(self._settings.max_retries, self._budget))

    @abstractmethod
    def _make_engine(self) -> E:
        """Return an engine for the settings."""

    @abstractmethod
    def _add_resources(self, policy: RetryPolicy) -> None:
        """Set the public attributes."""

    def with_options(self, **changes: Unpack[ChangedOptions]) -> Self:
        """Return a client with some options changed; this one stays as it is.

        It shares the connections and the retry budget of this one, unless an option of the network
        changes (`base_url`, `ca_bundle`, `ssl_context`, `proxy`, `trust_env`, `http_client`).
        Closing it leaves shared connections open; they are closed with the client that made them.

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
            raise exchange.closed()
        self._engine.check()

    def _finish(self, result: Result) -> Result:
        """Tell of the drift in an answer."""
        if self._observer.is_listening:  # looking for drift costs as much as decoding
            self._observer.observe(result.answer.drift)
        return result

    def _outcome(self, finished: "Finished") -> "Outcome":
        """Return what became of one of many ids, and tell of the drift in it."""
        if isinstance(finished.result, Result):
            self._finish(finished.result)
        return finished.outcome

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
    def _restored(cls, credentials: Credentials, options: ClientOptions) -> Self:
        client = object.__new__(cls)
        client._set_up(credentials, options, None)
        return client
