"""`Decoder`, what takes one kind of JSON value; `decoders` has one for each kind of schema."""

from typing import Any

from modelgates_runtime.scalars import MISMATCH


class Decoder:
    """Turns one JSON value into a typed one."""

    @property
    def expected(self) -> str:
        """What the decoder takes, in words."""
        raise NotImplementedError(type(self).__name__)

    def __call__(self, value: Any, pointer: str) -> Any:
        """Return the typed value or `MISMATCH`.

        Args:
            value: What JSON parsing left.
            pointer: Where the value stands in the body.
        """
        raise NotImplementedError(type(self).__name__)

    def accepts(self, value: Any) -> bool:
        """Whether the value is of the decoder's type, its parts aside."""
        return self(value, "") is not MISMATCH

    def knows(self, value: Any) -> bool:
        """Whether it is a value that the spec lists, where the spec lists values."""
        return self.accepts(value)

    def faults(self, value: Any) -> int:
        """Count what is wrong in a value that the decoder accepts.

        Objects inside objects aside: to look at every depth from every depth could take for ever.
        """
        return 0 if self.knows(value) else 1

    def json_schema(self, within: frozenset[type[Any]]) -> dict[str, Any]:
        """Return the JSON Schema of the values; as the spec says, but enums are open.

        Args:
            within: The models that this stands in, which are not told again.
        """
        raise NotImplementedError(type(self).__name__)
