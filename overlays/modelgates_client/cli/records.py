"""What records look like on stdout. Pure: texts are returned, and written elsewhere."""

from typing import Protocol

from modelgates_client.records.generation import Generation
from modelgates_client.records.summary import summarize


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
        return f"{record.to_json()}\n"

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
