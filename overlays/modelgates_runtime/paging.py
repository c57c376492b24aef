"""How the pages of an operation follow one another. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from modelgates_runtime.model import Model


class Pages(NamedTuple):
    """How the pages of an operation follow one another: by an offset, or by a cursor.

    Attributes:
        items: Where the items of a page stand: names in JSON, from the outside to the inside.
        offset: The parameter that says how many items to leave out, by its name in Python.
        cursor: The parameter that takes the cursor, by its name in Python.
        next: Where the cursor of the next page stands.
        more: Where it stands whether there are more; nowhere, if the API does not say.
    """

    items: tuple[str, ...]
    offset: str = ""
    cursor: str = ""
    next: tuple[str, ...] = ()
    more: tuple[str, ...] = ()

    def items_of(self, page: Any) -> Sequence[Any]:
        """Return the items of a page.

        Raises:
            FieldError: They cannot be read.
        """
        return _at(page, self.items) or ()

    def following(self, page: Any, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the arguments by which the page after one differs; None if there is none.

        An API that counts in items has no more when a page is empty: a page that is shorter than
        was asked for may be the longest that it gives.

        Raises:
            FieldError: Where the next page is cannot be read.
        """
        items = self.items_of(page)
        if not items or (self.more and _at(page, self.more) is False):
            return None
        if self.offset:
            return {self.offset: (arguments[self.offset] or 0) + len(items)}
        cursor = _at(page, self.next)
        return {self.cursor: cursor} if cursor else None


def _at(value: Any, place: tuple[str, ...]) -> Any:
    """Return what stands at a place of a decoded body; None if what it is in is None."""
    for name in place:
        if value is None:
            return None
        if isinstance(value, Model):
            field = value.__schema__().fields.get(name)
            value = getattr(value, field.name) if field else value.additional_properties.get(name)
        else:
            value = value.get(name)
    return value
