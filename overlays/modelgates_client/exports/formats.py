"""File formats, as DuckDB statements that write a table."""

import json
from typing import Final, Literal

from modelgates_client._version import __version__
from modelgates_client.exports.sql import literal
from modelgates_client.exports.tables import ExportTable
from modelgates_client.ledger.sql import quoted
from modelgates_client.rows.column import Column

Format = Literal["jsonl", "csv", "parquet", "duckdb"]

_TIME: Final = "TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%S.%fZ'"  # ISO 8601; the connection's zone is UTC

#: How formulas start in spreadsheets, some of which skip leading white space.
#: Source: OWASP, "CSV Injection".
_FORMULA: Final = r"^\s*[=+\-@\t\r\n\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]"  # and full-width ones
_NUMBER: Final = r"^-?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?$"  # is not executed


def statements(table: ExportTable, path: str, file_format: Format, *, raw: bool) -> list[str]:
    r"""Return the statements that write a table to a new file.

    - `jsonl`: one object per line, with every column; amounts are numbers with all digits, times
      are ISO 8601 with `Z`, attempts and names are arrays, labels are an object.
    - `csv`: RFC 4180, with a header; NULL is an empty field and an empty text is `""`; amounts are
      plain decimals, attempts, names and labels are JSON.
    - `parquet`: typed columns, compressed by zstd; the file's metadata has the descriptions of
      the columns under `columns`.
    - `duckdb`: a database with the table, whose columns have comments.

    Args:
        table: The table.
        path: The file.
        file_format: The format.
        raw: Whether all text in CSV stays unchanged. Otherwise a `'` is put before text that a
            spreadsheet would execute as a formula: text that starts with `=`, `+`, `-`, `@`, a tab
            or a line end, and is not a number.
    """
    if file_format == "duckdb":
        return _database(table, path)
    if file_format == "parquet":
        docs = json.dumps({column.name: column.doc for column in table.columns})
        metadata = f"{{modelgates_client: {literal(__version__)}, columns: {literal(docs)}}}"
        options = f"FORMAT parquet, COMPRESSION zstd, KV_METADATA {metadata}"
        values = [table.value(column) for column in table.columns]
    elif file_format == "csv":
        options = f"FORMAT csv, HEADER true, NEW_LINE '\\r\\n', {_TIME}"
        values = [_csv_value(column, table.value(column), raw) for column in table.columns]
    else:
        options = f"FORMAT json, {_TIME}"
        values = [table.value(column) for column in table.columns]
    return [f"COPY ({_select(table, values)}) TO {literal(path)} ({options}, USE_TMP_FILE false)"]


def _select(table: ExportTable, values: list[str]) -> str:
    named = zip(values, table.columns, strict=True)
    listed = ", ".join(f"{value} AS {quoted(column.name)}" for value, column in named)
    return f"SELECT {listed} FROM {table.source}"  # noqa: S608 - quoted


def _csv_value(column: Column, value: str, raw: bool) -> str:  # noqa: FBT001 - private
    match column.kind:
        case "attempts" | "names" | "labels":
            return f"CAST(to_json({value}) AS VARCHAR)"
        case "usd":
            return f"rtrim(rtrim(CAST({value} AS VARCHAR), '0'), '.')"
        case "text" | "json" if not raw:
            is_formula = f"regexp_matches({value}, {literal(_FORMULA)})"
            is_number = f"regexp_matches({value}, {literal(_NUMBER)})"
            return (
                f"CASE WHEN {is_formula} AND NOT {is_number} THEN '''' || {value} ELSE {value} END"
            )
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
