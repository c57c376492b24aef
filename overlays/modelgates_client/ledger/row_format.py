"""Which columns the rows of a ledger have, compared with those of this version of the package.

A column for a field that a new version of the spec adds needs no rebuild: rows that were stored
before have NULL in it, not known, until they are written again or filled on request.
"""

import hashlib
import json
import sqlite3
from typing import Any, Final, Self

from attrs import asdict, frozen

from modelgates_client.ledger.sql import get_meta, set_meta
from modelgates_client.rows.column import Column

#: Its name in the table `meta`; without it, the rows are rebuilt.
META_NAME: Final = "columns"


#: What reading a text raises that is not a format.
_INVALID: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


@frozen
class RowFormat:
    """The columns of the rows in a ledger, and how their values are derived.

    Attributes:
        version: The version of the derivation, `rows.row.VERSION`.
        columns: The form of each column, by name.
        totals: The columns that have control totals.
        index: The columns of the index.
        unfilled: Columns that were added later: rows that were stored before have NULL in them.
    """

    version: int
    columns: dict[str, str]
    totals: tuple[str, ...]
    index: tuple[str, ...]
    unfilled: tuple[str, ...] = ()

    @classmethod
    def load(cls, connection: sqlite3.Connection) -> Self | None:
        """Return the format of the rows in a file; None if there are none, or it is damaged."""
        digest, _, text = (get_meta(connection, META_NAME) or "").partition(" ")
        if digest != _digest(text):
            return None
        try:
            value: Any = json.loads(text)
            return cls(
                int(value["version"]),
                {str(name): str(form) for name, form in value["columns"].items()},
                tuple(map(str, value["totals"])),
                tuple(map(str, value["index"])),
                tuple(map(str, value["unfilled"])),
            )
        except _INVALID:  # a ledger may come from a stranger
            return None

    def save(self, connection: sqlite3.Connection) -> None:
        """Store it, within a transaction."""
        text = json.dumps(asdict(self))
        set_meta(connection, META_NAME, f"{_digest(text)} {text}")

    def is_derived_like(self, other: "RowFormat") -> bool:
        """Whether the columns that both have hold the same values."""
        shared = self.columns.keys() & other.columns.keys()
        return (
            self.version == other.version
            and self.index == other.index
            and all(self.columns[name] == other.columns[name] for name in shared)
            and {*self.totals} & shared == {*other.totals} & shared
        )

    def missing(self, columns: tuple[Column, ...]) -> list[Column]:
        """Return the columns that the rows do not have."""
        return [column for column in columns if column.name not in self.columns]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
