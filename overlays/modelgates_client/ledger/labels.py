"""Labels that an application attaches to a generation, such as `feature="search"`.

Their number and length are limited, whoever wrote them. Names and values are strings.
"""

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from modelgates_client.errors import ConfigurationError
from modelgates_client.ledger.text_encoding import replace_surrogates
from modelgates_runtime.values import is_object

Labels = Mapping[str, str]

#: Precedes the name of a label where columns are named: `label:feature`.
PREFIX: Final = "label:"

NONE: Final[Labels] = MappingProxyType({})
MAX_LABELS: Final = 16
MAX_CHARACTERS: Final = 256  # of a value; longer ones are cut

_NAME_PATTERN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", re.ASCII)


def is_name(name: object) -> bool:
    """Whether it is a valid label name: letters, digits, `_`, `.` and `-`, at most 64."""
    return isinstance(name, str) and _NAME_PATTERN.fullmatch(name) is not None


def combined(outer: Labels, inner: Mapping[str, str | None]) -> Labels:
    """Return the outer labels, overridden by the inner ones; None removes a label.

    Raises:
        ConfigurationError: A name or a value is invalid, or there are too many labels.
    """
    labels = dict(outer)
    for name, value in inner.items():
        if not is_name(name):
            raise ConfigurationError(
                f"{name!r} is not a label name: use letters, digits, _ . and -"
            )
        if value is None:
            labels.pop(name, None)
        elif isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
            labels[name] = _clean(value)
        else:
            raise ConfigurationError(f"the label {name} must be a str, not {type(value).__name__}")
    if len(labels) > MAX_LABELS:
        raise ConfigurationError(
            f"there are {len(labels)} labels; at most {MAX_LABELS} are allowed"
        )
    return MappingProxyType(labels)


def as_json(labels: Labels) -> str:
    """Return labels as they are stored: JSON with sorted names; equal labels are equal text."""
    return json.dumps(dict(sorted(labels.items())), ensure_ascii=False, separators=(",", ":"))


def parse(value: object) -> Labels:
    """Return the valid labels in a value from an untrusted source."""
    if not is_object(value):
        return NONE
    named = [(name, text) for name, text in value.items() if is_name(name)]
    return {name: _clean(text) for name, text in named[:MAX_LABELS] if isinstance(text, str)}


def _clean(value: str) -> str:
    return str(replace_surrogates(value[:MAX_CHARACTERS])).replace(
        "\0", "\N{REPLACEMENT CHARACTER}"
    )
