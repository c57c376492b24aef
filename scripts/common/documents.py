"""Reads YAML documents as OpenAPI defines them: JSON values in another notation.

Documents are untrusted, so the cost of reading one is limited: `common.guard` counts the values of
a document, with aliases expanded, while it is parsed, and refuses it before any value is built.
"""

import json
import math
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from common.guard import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_INTEGER_BITS,
    MAX_KEY,
    MAX_NODES,
    MAX_SCALAR,
    GuardedParser,
    LimitError,
)
from common.tool_errors import ToolError

# Characters that YAML does not allow: controls, surrogates, U+FFFE, U+FFFF.
_NOT_ALLOWED = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def load(path: Path) -> dict[str, Any]:
    """Read a YAML or JSON document whose top level is a mapping.

    Keys become strings and dates stay strings, as in JSON. Anchors and aliases are copied: no two
    places of the result share an object, so changing one does not change another.

    Raises:
        ToolError: It is missing, not such a document, or beyond a limit of `common.guard`.

    Source: OpenAPI 3.1.0, section 4.3 (YAML's JSON schema, string keys only).
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ToolError(
            f"{path.name} is missing; restore it (git checkout -- {path.name})"
        ) from None
    except OSError as error:
        raise ToolError(f"{path.name} cannot be read: {error.strerror}") from None
    return parse(content, path.name)


def parse(content: bytes, name: str) -> dict[str, Any]:
    """Read a document from its bytes, as `load` does.

    Args:
        content: UTF-8 text, with or without a byte order mark.
        name: Its name in error messages.

    Raises:
        ToolError: For the same reasons as `load`.
    """
    text = decode(content, name)
    try:
        document = _json_values(_read(text))
    except RecursionError:
        raise ToolError(f"{name} is nested too deeply, or contains itself") from None
    except LimitError as error:
        line = f", line {error.problem_mark.line + 1}," if error.problem_mark else ""
        raise ToolError(f"{name}{line} {error.problem}") from None
    except MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        problem = _shorten(str(error.problem))
        raise ToolError(f"{name}{line} is not YAML: {problem}; fix it there") from None
    except (YAMLError, ValueError) as error:
        raise ToolError(f"{name} is not YAML: {_shorten(str(error))}") from None
    if not isinstance(document, dict):
        raise ToolError(f"{name} holds no mapping at its top level; is it the right file?")
    return document


def decode(content: bytes, name: str) -> str:
    """Return the text of a document, without a byte order mark in front.

    Raises:
        ToolError: It is too large, or not UTF-8 text.
    """
    if len(content) > MAX_BYTES:
        raise ToolError(f"{name} is larger than {MAX_BYTES} bytes; give one that holds less")
    try:
        text = content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ToolError(
            f"{name}, line {line} is not YAML: it is not UTF-8 text; save it as UTF-8"
        ) from None
    if match := _NOT_ALLOWED.search(text):
        line = text.count("\n", 0, match.start()) + 1
        raise ToolError(
            f"{name}, line {line} is not YAML: it holds the character U+{ord(match[0]):04X}, "
            "which YAML does not allow; fix it there"
        )
    return text


class _Constructor(SafeConstructor):
    """Builds only JSON values: a date stays a string."""


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)


@lru_cache(maxsize=16)  # tools read a spec several times, and `_json_values` copies the result
def _read(text: str) -> Any:
    """Read JSON as JSON: ruamel.yaml keeps surrogate pairs apart and refuses tabs."""
    if text.lstrip(" \t\r\n")[:1] == "{":
        try:
            return json.loads(
                text, object_pairs_hook=_object, parse_constant=_no_constant, parse_int=_integer
            )
        except json.JSONDecodeError:
            pass  # it may be a flow mapping of YAML; if it is not, the YAML parser raises below
    reader = YAML(typ="safe", pure=True)
    reader.Parser = GuardedParser
    reader.Constructor = _Constructor
    reader.composer.warn_double_anchors = False  # YAML allows reusing an anchor
    return reader.load(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for key, value in pairs:
        if key in content:
            raise LimitError(f'has the duplicate key "{_shorten(key)}" in an object; fix it there')
        content[key] = value
    return content


def _no_constant(word: str) -> NoReturn:
    raise LimitError(f"holds {word}, which JSON does not have")


def _integer(digits: str) -> int:
    if len(digits) > MAX_INTEGER_BITS:  # before parsing, which is slow for long numbers
        raise LimitError(f"holds a number of {len(digits)} digits")
    return int(digits)


class _Copier:
    """Copies YAML values to JSON values that share no objects, within the limits."""

    def __init__(self) -> None:
        self.nodes = 0

    def copy(self, node: Any, depth: int) -> Any:
        self.nodes += 1
        if depth >= MAX_DEPTH and isinstance(node, dict | list):
            raise LimitError(f"is nested too deeply, more than {MAX_DEPTH} levels")
        if self.nodes > MAX_NODES:
            raise LimitError(f"holds more than {MAX_NODES} values")
        if isinstance(node, dict):
            self.nodes += len(node)
            return {_key(key): self.copy(value, depth + 1) for key, value in node.items()}
        if isinstance(node, list):
            return [self.copy(value, depth + 1) for value in node]
        return _scalar(node)


def _json_values(node: Any) -> Any:
    return _Copier().copy(node, 0)


def _scalar(node: Any) -> Any:
    if isinstance(node, str):
        if len(node) > MAX_SCALAR:
            raise LimitError(f"holds a text of more than {MAX_SCALAR} characters")
        if not node.isascii():
            _refuse_surrogates(node)
    elif isinstance(node, float):
        if not math.isfinite(node):
            raise LimitError(f"holds the number {node}, which JSON does not have")
    elif isinstance(node, int):
        if node.bit_length() > MAX_INTEGER_BITS:
            raise LimitError(f"holds an integer of more than {MAX_INTEGER_BITS} bits")
    elif node is not None:
        raise ValueError(f"it holds a {type(node).__name__}, which JSON does not have")
    return node


def _refuse_surrogates(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        code = ord(text[error.start])
        raise LimitError(f"has the escape of U+{code:04X}, half of a surrogate pair") from None


def _key(key: Any) -> str:
    if isinstance(key, str):
        if len(key) > MAX_KEY:
            raise LimitError(f"holds a key of more than {MAX_KEY} characters")
        _scalar(key)
        return key
    if isinstance(key, tuple | dict | list):
        raise LimitError("has a key that is a collection, which JSON does not have")
    return json.dumps(_scalar(key))


def _shorten(message: str) -> str:
    """Return the first line of a message that may quote the document, printable and short."""
    line = (message.splitlines() or [""])[0]
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line[:300])
