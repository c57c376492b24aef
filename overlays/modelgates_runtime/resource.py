"""What the resources of a client stand on: a client that sends, and fetches page after page."""

from collections.abc import AsyncIterator, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, Unpack

from modelgates_runtime.operation import AsyncSender, Call, CallOptions, Sender


class ResourceClient(Sender, Protocol):
    """What a resource asks of its client, blocking."""

    def paginate(self, call: Call[Any], /, **options: Unpack[CallOptions]) -> Iterator[Any]:
        """Yield the items of a call's page, and of all that follow."""
        ...


class AsyncResourceClient(AsyncSender, Protocol):
    """What a resource asks of its client, awaited."""

    def paginate(self, call: Call[Any], /, **options: Unpack[CallOptions]) -> AsyncIterator[Any]:
        """Yield the items of a call's page, and of all that follow."""
        ...


if TYPE_CHECKING:  # to type checkers and editors it is no more than this
    tag = cached_property
else:

    class tag(cached_property):  # noqa: N801 - a decorator
        """An attribute that is made when it is first read, and then stays.

        Read from the class, it is there too: `unittest.mock.create_autospec` looks at it.
        """

        def __get__(self, instance: Any, owner: Any = None) -> Any:
            return self.func(owner) if instance is None else super().__get__(instance, owner)


class Resource:
    """The operations of one tag, blocking."""

    def __init__(self, client: ResourceClient) -> None:
        """Send by a client."""
        self._client = client


class AsyncResource:
    """The operations of one tag, awaited."""

    def __init__(self, client: AsyncResourceClient) -> None:
        """Send by a client."""
        self._client = client
