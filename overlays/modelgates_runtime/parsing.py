"""Bytes to JSON values: strict where JSON is (RFC 8259), bounded where the server is not.

`msgspec` is used when it is installed (extra `fast`, or by another package's choice). From version
0.17 on it reads every document to the same values as the standard `json` (integers of any size
included) or refuses it; what it refuses is read again by `json`, so that both ways of installing
accept and return the same.
"""

import codecs
import json
from collections.abc import Callable
from typing import Any, Final, NoReturn

from modelgates_runtime.values import is_array, is_object


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)


def _loads(content: bytes) -> Any:
    """Parse by the standard `json`, in UTF-8 only, a byte order mark aside (RFC 8259, 8.1)."""
    try:
        return _DECODER.decode(content.removeprefix(codecs.BOM_UTF8).decode())
    except RecursionError:
        raise ValueError("nested too deeply") from None


_fast_loads: Callable[[bytes], Any] = _loads
_refusals: tuple[type[Exception], ...] = (ValueError, RecursionError)
try:
    import msgspec
except ImportError:
    pass
else:
    if type(msgspec.json.decode(b"18446744073709551616")) is int:  # a float before 0.17
        _fast_loads = msgspec.json.decode
        _refusals += (msgspec.MsgspecError,)  # a ValueError only from 0.21 on

#: Deeper nesting than any real document has, and far from what Python's recursion bears.
MAX_DEPTH: Final = 100


def parse_json(content: bytes) -> Any:
    """Parse a JSON document.

    Raises:
        ValueError: It is not JSON (NaN and Infinity are not), or nested too deeply to parse.

    Source: RFC 8259.
    """
    try:
        return _fast_loads(content)
    except _refusals:
        return _loads(content)


def check_depth(value: Any) -> Any:
    """Return a JSON value that is kept as it came.

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
