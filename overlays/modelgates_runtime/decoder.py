"""`Decoder`, the base class of the decoders in `decoders`, one for each kind of schema."""

from typing import Any

from modelgates_runtime.scalars import MISMATCH


class Decoder:
    """Converts one JSON value to a typed value."""

    @property
    def expected(self) -> str:
        """A description of the values that the decoder accepts."""
        raise NotImplementedError(type(self).__name__)

    def __call__(self, value: Any, pointer: str) -> Any:
        """Return the typed value or `MISMATCH`.

        Args:
            value: The parsed JSON value.
            pointer: The position of the value in the body, a JSON pointer.
        """
        raise NotImplementedError(type(self).__name__)

    def accepts(self, value: Any) -> bool:
        """Whether the value itself, regardless of its parts, has the decoder's type."""
        return self(value, "") is not MISMATCH

    def knows(self, value: Any) -> bool:
        """Whether the value is accepted and, for an enum, listed in the spec."""
        return self.accepts(value)

    def count_deviations(self, value: Any) -> int:
        """Count the deviations in a value that the decoder accepts.

        Nested objects are not examined: doing so at every depth would take exponential time.
        """
        return 0 if self.knows(value) else 1

    def json_schema(self, within: frozenset[type[Any]]) -> dict[str, Any]:
        """Return the JSON Schema of the values: the spec's, but with open enums.

        Args:
            within: The enclosing models, which are not expanded again.
        """
        raise NotImplementedError(type(self).__name__)
