"""One generation as one flat row, with the same columns in a ledger and in every export.

| module    | subject                                                                |
|-----------|------------------------------------------------------------------------|
| `kinds`   | the kinds of values, and their types in SQLite, DuckDB and Parquet     |
| `columns` | the columns, derived from the spec: names, kinds, units, documentation |
| `values`  | conversion of a record's values to what SQLite stores                  |
| `row`     | conversion of a record to a row                                        |

A value that is not known is NULL in every column, never 0.
"""
