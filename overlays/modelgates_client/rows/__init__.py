"""The flat row: one generation as one row, with the same columns in a ledger and in every export.

| module    | subject                                                                |
|-----------|------------------------------------------------------------------------|
| `kinds`   | kinds of values, and what SQLite, DuckDB and Parquet hold them in      |
| `columns` | the columns, derived from the spec: names, kinds, units, documentation |
| `values`  | values of a record as SQLite stores them                               |
| `row`     | a record as a row                                                      |

What is not known is NULL in every column, and never 0.
"""
