"""The base classes of a client's resources, and the interface of the client that they use."""

from collections.abc import AsyncIterator, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, Unpack

from modelgates_runtime.operation import AsyncSender, Call, CallOptions, Sender


class ResourceClient(Sender, Protocol):
    """The interface of a sync client that resources use."""

    def paginate(self, call: Call[Any], /, **options: Unpack[CallOptions]) -> Iterator[Any]:
        """Yield the items of a call's page and of all following pages."""
        ...


class AsyncResourceClient(AsyncSender, Protocol):
    """The interface of an async client that resources use."""

    def paginate(self, call: Call[Any], /, **options: Unpack[CallOptions]) -> AsyncIterator[Any]:
        """Yield the items of a call's page and of all following pages."""
        ...


if TYPE_CHECKING:  # for type checkers and editors it is just this
    tag = cached_property
else:

    class tag(cached_property):  # noqa: N801 - a decorator
        """An attribute that is created on first access and cached.

        It can be read from the class, too, as `unittest.mock.create_autospec` does. It does not
        use the lock that `cached_property` has in Python 3.11: after a fork while another thread
        holds it, the child would wait forever.
        """

        def __get__(self, instance: Any, owner: Any = None) -> Any:
            if instance is None:
                return self.func(owner)
            return vars(instance).setdefault(self.attrname, self.func(instance))


class Resource:
    """The operations of one tag, for a sync client."""

    def __init__(self, client: ResourceClient) -> None:
        """Create a resource that sends its calls through a client."""
        self._client = client


class AsyncResource:
    """The operations of one tag, for an async client."""

    def __init__(self, client: AsyncResourceClient) -> None:
        """Create a resource that sends its calls through a client."""
        self._client = client
