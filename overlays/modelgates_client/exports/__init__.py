"""Rows of ledgers and Parquet files, queried by DuckDB and written to files.

Needs the extra `report`. A program that has a ledger open cannot read it here as well: two copies
of SQLite in one process would undo each other's locks.

| module           | subject                                                                |
|------------------|------------------------------------------------------------------------|
| `source`         | ledgers and Parquet files as DuckDB views                              |
| `files`          | finding the source files                                               |
| `stream`         | a ledger's rows as Arrow streams                                       |
| `duckdb_session` | confined DuckDB sessions                                               |
| `sql`            | literals, label tests and stored values in DuckDB's SQL                |
| `tables`         | the tables that can be exported: rows, attempts                        |
| `focus`          | the rows as charges, with the columns of the FinOps standard FOCUS 1.2 |
| `formats`        | JSON Lines, CSV, Parquet and DuckDB databases, as statements           |
| `writing`        | writing tables to files, complete or not at all                        |
| `control_totals` | sums of rows, for comparison with the control totals of ledgers        |
| `atomic_files`   | replacing files atomically                                             |
| `parts`          | distributed fetching: one worker, one Parquet file                     |
| `errors`         | `SourceError`                                                          |
"""
