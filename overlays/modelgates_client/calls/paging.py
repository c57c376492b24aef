"""Pagination: the calls for the pages of an operation, one after the other. Pure."""

from collections.abc import Iterable
from typing import Any

from modelgates_client.errors import ConfigurationError, ResponseValidationError
from modelgates_runtime.encoding import encode, json_equal
from modelgates_runtime.operation import Call
from modelgates_runtime.types import Response


class Pager:
    """Produces the call for each page from the response to the one before.

    Attributes:
        call: The call for the next page; None after the last.
    """

    def __init__(self, call: Call[Any]) -> None:
        """Start at the page that a call requests.

        Raises:
            ConfigurationError: The operation is not paginated.
        """
        pages = call.operation.pages
        if pages is None:
            raise ConfigurationError(f"{call.operation.id} is not paginated in the spec")
        self.call: Call[Any] | None = call
        self._pages = pages
        self._before: Iterable[Any] | None = None

    def take(self, response: Response[Any]) -> Iterable[Any]:
        """Return the items of a page, and advance `call` to the next one.

        Raises:
            FieldError: The items or the location of the next page cannot be read.
            ResponseValidationError: The page repeats the one before, so pagination would not end.
        """
        call = self.call
        if call is None:
            raise TypeError("there are no more pages")
        items = self._pages.read_items(response.parsed)
        if items and self._before is not None and json_equal(encode(items), encode(self._before)):
            raise ResponseValidationError(
                "the page repeats the one before",
                response.status_code,
                response.attempts,
                request_id=response.request_id,
            )
        following = self._pages.following(response.parsed, call.arguments)
        self.call = None if following is None else call.with_arguments(**following)
        self._before = items
        return items
