"""Parse bytes as JSON: strictly by RFC 8259, and with bounded nesting.

`msgspec` is used if it is installed (extra `fast`, or as another package's dependency). Since
version 0.17 it returns the same values as the standard `json` (including integers of any size), or
rejects the document; rejected documents are parsed again with `json`, so the result is the same
with and without `msgspec`.
"""

import codecs
import json
from collections.abc import Callable
from functools import cache
from typing import Any, Final, NoReturn

from modelgates_runtime.values import is_array, is_object


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


_DECODER: Final = json.JSONDecoder(parse_constant=_reject_constant)


def _loads(content: bytes) -> Any:
    """Parse with the standard `json`: UTF-8, with an optional byte order mark (RFC 8259, 8.1)."""
    try:
        return _DECODER.decode(content.removeprefix(codecs.BOM_UTF8).decode())
    except RecursionError:
        raise ValueError("nested too deeply") from None


@cache
def fast_parser() -> tuple[Callable[[bytes], Any], tuple[type[Exception], ...]]:
    """Return the fastest parser, and what it raises for a document that it rejects.

    It is imported on first use, as importing `msgspec` is slow.
    """
    standard = _loads, (ValueError, RecursionError)
    try:
        import msgspec  # noqa: PLC0415 - an extra
    except ImportError:
        return standard
    if type(msgspec.json.decode(b"18446744073709551616")) is not int:  # a float before 0.17
        return standard
    # Its error is a ValueError only from 0.21 on.
    return msgspec.json.decode, (*standard[1], msgspec.MsgspecError)


#: Maximum nesting: more than any real document has, and far below Python's recursion limit.
MAX_DEPTH: Final = 100


def parse_json(content: bytes) -> Any:
    """Parse a JSON document.

    Raises:
        ValueError: It is not valid JSON (NaN and Infinity are not), or is nested too deeply.

    Source: RFC 8259.
    """
    loads, rejections = fast_parser()
    try:
        return loads(content)
    except rejections:
        return _loads(content)


def check_depth(value: Any) -> Any:
    """Return a JSON value unchanged, after checking its nesting.

    Raises:
        ValueError: It is nested deeper than `MAX_DEPTH`: copying or comparing it would overflow.
    """
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        deeper: list[Any] = []
        for part in level:
            if is_object(part):
                deeper.extend(part.values())
            elif is_array(part):
                deeper.extend(part)
        level = deeper
        if not level:
            return value
    raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
