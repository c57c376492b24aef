"""What the resources of a client stand on: a client that sends, and fetches page after page."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, Protocol, Unpack

from modelgates_runtime.operation import AsyncSender, Call, CallOptions, Sender


class Client(Sender, Protocol):
    """What a resource asks of its client, blocking."""

    def paginate(self, call: Call[Any], /, **options: Unpack[CallOptions]) -> Iterator[Any]:
        """Yield the items of a call's page, and of all that follow."""
        ...


class AsyncClient(AsyncSender, Protocol):
    """What a resource asks of its client, awaited."""

    def paginate(self, call: Call[Any], /, **options: Unpack[CallOptions]) -> AsyncIterator[Any]:
        """Yield the items of a call's page, and of all that follow."""
        ...


class Resource:
    """The operations of one tag, blocking."""

    def __init__(self, client: Client) -> None:
        """Send by a client."""
        self._client = client


class AsyncResource:
    """The operations of one tag, awaited."""

    def __init__(self, client: AsyncClient) -> None:
        """Send by a client."""
        self._client = client
