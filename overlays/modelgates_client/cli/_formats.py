"""What records look like on stdout. Pure: texts are returned, and written elsewhere."""

import json
import math
import uuid
from typing import Any, Final, Protocol

from modelgates_client.records.generation import Generation
from modelgates_client.records.summary import summarize
from modelgates_runtime.values import is_array, is_object

_HUGE: Final = "1e999"  # what JSON can say of a number that no double can hold


class Format(Protocol):
    """How records are shown."""

    def record(self, record: Generation) -> str:
        """Return what to write for a record, now."""
        ...

    def failure(self, generation_id: str) -> None:
        """Take notice that there is no record for an id."""
        ...

    def rest(self) -> str:
        """Return what to write in the end."""
        ...


class JSONLines:
    """One line of JSON for each record; nothing for failures."""

    def record(self, record: Generation) -> str:
        """Return the record's line, in ASCII: exact, and harmless to a terminal."""
        return f"{_dumps(record.to_dict())}\n"

    def failure(self, generation_id: str) -> None:
        """Do nothing: a line is a record."""

    def rest(self) -> str:
        """Return nothing: each line was written when it came."""
        return ""


class Summaries:
    """Some lines for each record, with a blank one between them."""

    def __init__(self) -> None:
        """Begin."""
        self._separator = ""

    def record(self, record: Generation) -> str:
        """Return the record's summary."""
        separator, self._separator = self._separator, "\n"
        return f"{separator}{summarize(record)}\n"

    def failure(self, generation_id: str) -> None:
        """Do nothing: the error on stderr says it all."""

    def rest(self) -> str:
        """Return nothing: each summary was written when it came."""
        return ""


def _dumps(value: Any) -> str:
    """Return JSON; Python's own writes `Infinity`, which is none."""
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    except ValueError:
        mark = uuid.uuid4().hex  # nothing in the record can be it
        text = json.dumps(_marked(value, mark), allow_nan=False, separators=(",", ":"))
        return text.replace(f'"-{mark}"', f"-{_HUGE}").replace(f'"{mark}"', _HUGE)


def _marked(value: Any, mark: str) -> Any:
    if is_object(value):
        return {key: _marked(item, mark) for key, item in value.items()}
    if is_array(value):
        return [_marked(item, mark) for item in value]
    if isinstance(value, float) and math.isinf(value):
        return mark if value > 0 else f"-{mark}"
    return value
