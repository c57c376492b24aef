"""File formats, as DuckDB's statements that write a table in them."""

import json
from typing import Final, Literal

from modelgates_client._version import __version__
from modelgates_client.exports.sql import literal, quoted
from modelgates_client.exports.tables import ExportTable
from modelgates_client.rows.columns import Column

Format = Literal["jsonl", "csv", "parquet", "duckdb"]

_TIME: Final = "TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%S.%fZ'"  # ISO 8601; the connection's zone is UTC

#: What spreadsheets take for the beginning of a formula; some trim blanks before they look.
#: Source: OWASP, "CSV Injection".
_FORMULA: Final = r"^\s*[=+\-@\t\r\n\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]"  # and the wide ones
_NUMBER: Final = r"^-?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?$"  # executes nothing


def statements(table: ExportTable, path: str, shown_as: Format, *, raw: bool) -> list[str]:
    r"""Return the statements that write a table to a new file.

    - `jsonl`: an object a line, with every column; amounts are numbers with all digits, times ISO
      8601 with `Z`, attempts and names arrays,
      labels an object.
    - `csv`: RFC 4180, with a header; NULL is an empty field and an empty text is `""`; amounts are
      plain decimals, attempts, names and labels are JSON.
    - `parquet`: the types of the columns, compressed by zstd; what the columns mean is in the
      file's metadata, under `columns`.
    - `duckdb`: a database with the table, whose columns have comments.

    Args:
        table: The table.
        path: The file.
        shown_as: The format.
        raw: Whether all texts in CSV are as they were sent. Otherwise those that a spreadsheet
            would take for a formula, which begin with `=`, `+`, `-`, `@`, a tab or a line end and
            are no number, get a `'` before them.
    """
    if shown_as == "duckdb":
        return _database(table, path)
    if shown_as == "parquet":
        docs = json.dumps({column.name: column.doc for column in table.columns})
        told = f"{{modelgates_client: {literal(__version__)}, columns: {literal(docs)}}}"
        options = f"FORMAT parquet, COMPRESSION zstd, KV_METADATA {told}"
        values = [table.value(column) for column in table.columns]
    elif shown_as == "csv":
        options = f"FORMAT csv, HEADER true, NEW_LINE '\\r\\n', {_TIME}"
        values = [_in_csv(column, table.value(column), raw) for column in table.columns]
    else:
        options = f"FORMAT json, {_TIME}"
        values = [table.value(column) for column in table.columns]
    return [f"COPY ({_select(table, values)}) TO {literal(path)} ({options}, USE_TMP_FILE false)"]


def _select(table: ExportTable, values: list[str]) -> str:
    named = zip(values, table.columns, strict=True)
    listed = ", ".join(f"{value} AS {quoted(column.name)}" for value, column in named)
    return f"SELECT {listed} FROM {table.source}"  # noqa: S608 - quoted


def _in_csv(column: Column, value: str, raw: bool) -> str:  # noqa: FBT001 - private
    match column.kind:
        case "attempts" | "names" | "labels":
            return f"CAST(to_json({value}) AS VARCHAR)"
        case "usd":
            return f"rtrim(rtrim(CAST({value} AS VARCHAR), '0'), '.')"
        case "text" | "json" if not raw:
            begins = f"regexp_matches({value}, {literal(_FORMULA)})"
            is_number = f"regexp_matches({value}, {literal(_NUMBER)})"
            return f"CASE WHEN {begins} AND NOT {is_number} THEN '''' || {value} ELSE {value} END"
        case _:
            return value


def _database(table: ExportTable, path: str) -> list[str]:
    name = f"written.{quoted(table.name)}"
    values = [table.value(column) for column in table.columns]
    return [
        f"ATTACH {literal(path)} AS written (STORAGE_VERSION 'v1.0.0')",
        f"CREATE TABLE {name} AS {_select(table, values)}",
        *(
            f"COMMENT ON COLUMN {name}.{quoted(column.name)} IS {literal(column.doc)}"
            for column in table.columns
        ),
        "DETACH written",
    ]
