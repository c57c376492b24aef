"""The pages of an operation, one call after the other. Pure."""

from collections.abc import Iterable
from typing import Any

from modelgates_client.errors import ConfigurationError, ResponseValidationError
from modelgates_runtime.encoding import encode, json_equal
from modelgates_runtime.operation import Call
from modelgates_runtime.types import Response


class Pager:
    """Goes from page to page.

    Attributes:
        call: The call for the next page; None after the last.
    """

    def __init__(self, call: Call[Any]) -> None:
        """Begin with the page of a call.

        Raises:
            ConfigurationError: The operation gives no pages.
        """
        pages = call.operation.pages
        if pages is None:
            raise ConfigurationError(f"the spec has no pages of {call.operation.id}")
        self.call: Call[Any] | None = call
        self._pages = pages
        self._before: Iterable[Any] | None = None

    def take(self, response: Response[Any]) -> Iterable[Any]:
        """Return the items of the page that the call brought, and go on to the next.

        Raises:
            FieldError: The items cannot be read, or where the next page is.
            ResponseValidationError: It is the page before once more: there would be no end.
        """
        call = self.call
        if call is None:
            raise TypeError("there are no more pages")
        items = self._pages.items_of(response.parsed)
        if items and self._before is not None and json_equal(encode(items), encode(self._before)):
            raise ResponseValidationError(
                "the page is the one before once more",
                response.status_code,
                response.attempts,
                request_id=response.request_id,
            )
        following = self._pages.following(response.parsed, call.arguments)
        self.call = None if following is None else call.with_arguments(**following)
        self._before = items
        return items
