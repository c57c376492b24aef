"""The time in an id: one of the form `gen-<seconds>-…` says when its generation was made."""

from typing import Final

_FORM: Final = f"gen-{'[0-9]' * 10}-*"  # seconds since 1970, of the years 2001 to 2286


def time_in(name: str) -> str:
    """Return SQL, of SQLite and of DuckDB, for the time in an id, as microseconds since 1970.

    NULL where an id tells none.

    Args:
        name: SQL for the id.
    """
    seconds = f"CAST(substr({name}, 5, 10) AS BIGINT)"
    return f"CASE WHEN {name} GLOB '{_FORM}' THEN {seconds} * 1000000 END"
