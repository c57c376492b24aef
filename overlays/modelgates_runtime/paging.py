"""How to find the next page of an operation. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from modelgates_runtime.model import Model


class Pages(NamedTuple):
    """How to find the next page of an operation: by an offset or by a cursor.

    Attributes:
        items: The path to the items of a page: JSON names, outermost first.
        offset: The Python name of the parameter for the number of items to skip; empty for none.
        cursor: The Python name of the parameter for the cursor; empty for none.
        next: The path to the cursor of the next page.
        more: The path to the flag for further pages; empty if the API has none.
    """

    items: tuple[str, ...]
    offset: str = ""
    cursor: str = ""
    next: tuple[str, ...] = ()
    more: tuple[str, ...] = ()

    def read_items(self, page: Any) -> Sequence[Any]:
        """Return the items of a page.

        Raises:
            FieldError: The items cannot be read.
        """
        return _at(page, self.items) or ()

    def following(self, page: Any, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the arguments to change for the next page; None if there is none.

        With an offset, only an empty page is the last one: a page that is shorter than requested
        may be the longest that the API returns.

        Raises:
            FieldError: The items, the flag or the cursor cannot be read.
        """
        items = self.read_items(page)
        if not items or (self.more and _at(page, self.more) is False):
            return None
        if self.offset:
            return {self.offset: (arguments[self.offset] or 0) + len(items)}
        cursor = _at(page, self.next)
        return {self.cursor: cursor} if cursor else None


def _at(value: Any, path: tuple[str, ...]) -> Any:
    """Return the value at a path of a decoded body; None if a parent is None."""
    for name in path:
        if value is None:
            return None
        if isinstance(value, Model):
            field = value.__schema__().fields.get(name)
            value = getattr(value, field.name) if field else value.additional_properties.get(name)
        else:
            value = value.get(name)
    return value
