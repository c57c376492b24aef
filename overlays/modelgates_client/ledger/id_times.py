"""The time in an id: one of the form `gen-<seconds>-…` says when its generation was made."""

from typing import Final

_FORM: Final = f"gen-{'[0-9]' * 10}-*"  # seconds since 1970, of the years 2001 to 2286

#: SQL for it, as microseconds since 1970; NULL where the id, `ids.id`, tells none.
TIME_IN_ID: Final = f"""
    CASE WHEN ids.id GLOB '{_FORM}' THEN CAST(substr(ids.id, 5, 10) AS INTEGER) * 1000000 END"""
