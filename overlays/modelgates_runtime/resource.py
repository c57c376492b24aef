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

        It can be read from the class, too, as `unittest.mock.create_autospec` does.
        """

        def __get__(self, instance: Any, owner: Any = None) -> Any:
            return self.func(owner) if instance is None else super().__get__(instance, owner)


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
