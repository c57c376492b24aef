"""Labels: what an application says of a generation, as `feature="search"`. Pure.

They are few and short, whoever wrote them: names are words, values are texts.
"""

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from modelgates_client.errors import ConfigurationError
from modelgates_client.ledger.text_encoding import storable
from modelgates_runtime.values import is_object

Labels = Mapping[str, str]

#: What a label is called where columns are named: `label:feature`.
PREFIX: Final = "label:"

NONE: Final[Labels] = MappingProxyType({})
MAX_LABELS: Final = 16
MAX_CHARACTERS: Final = 256  # of a value; what is longer is cut

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", re.ASCII)


def is_name(name: object) -> bool:
    """Whether it is the name of a label: letters, digits, `_`, `.` and `-`, 64 at most."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def combined(outer: Labels, inner: Mapping[str, str | None]) -> Labels:
    """Return labels with others over them; None takes one away.

    Raises:
        ConfigurationError: A name or a value is none, or there are too many.
    """
    labels = dict(outer)
    for name, value in inner.items():
        if not is_name(name):
            raise ConfigurationError(f"{name!r} is no name of a label: letters, digits, _ . and -")
        if value is None:
            labels.pop(name, None)
        elif isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
            labels[name] = _fitting(value)
        else:
            raise ConfigurationError(f"the label {name} is a text, no {type(value).__name__}")
    if len(labels) > MAX_LABELS:
        raise ConfigurationError(f"there are {len(labels)} labels, and {MAX_LABELS} at most")
    return MappingProxyType(labels)


def as_json(labels: Labels) -> str:
    """Return labels as they are stored; the same ones are the same text."""
    return json.dumps(dict(sorted(labels.items())), ensure_ascii=False, separators=(",", ":"))


def read(value: object) -> Labels:
    """Return what is labels in a value that anybody may have written."""
    if not is_object(value):
        return NONE
    found = [(name, text) for name, text in value.items() if is_name(name)]
    return {name: _fitting(text) for name, text in found[:MAX_LABELS] if isinstance(text, str)}


def _fitting(value: str) -> str:
    return str(storable(value[:MAX_CHARACTERS])).replace("\0", "\N{REPLACEMENT CHARACTER}")
