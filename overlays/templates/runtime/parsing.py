"""Bytes to JSON values: strict where JSON is (RFC 8259), bounded where the server is not.

`msgspec` is used when it is installed (extra `fast`). It reads every document to the same values
as the standard `json` (integers of any size included) or refuses it; what it refuses is read
again by `json`, so that both ways of installing accept and return the same.
"""

import json
from typing import Any, Final, NoReturn

try:
    from msgspec.json import decode as _fast_loads
except ImportError:
    _fast_loads = json.loads

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
    except ValueError:
        return json.loads(content, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


def check_depth(value: Any) -> Any:
    """Return a JSON value that is kept as it came.

    Raises:
        ValueError: It is nested deeper than `MAX_DEPTH`: copying or comparing it would overflow.
    """
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            part
            for whole in level
            if isinstance(whole, dict | list)
            for part in (whole.values() if isinstance(whole, dict) else whole)
        ]
        if not level:
            return value
    raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
