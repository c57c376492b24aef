"""Rows out of ledgers and Parquet files: for queries, and written to files; by DuckDB.

Needs the extra `report`. A program that has a ledger open cannot read it here as well: two SQLites
in one process would undo each other's locks.

| module           | subject                                                                |
|------------------|------------------------------------------------------------------------|
| `source`         | ledgers and Parquet files as DuckDB views                              |
| `files`          | which files are meant, and what they are                               |
| `stream`         | a ledger's rows as Arrow streams                                       |
| `duckdb_session` | DuckDB, confined                                                       |
| `sql`            | names, texts and stored values in DuckDB's SQL                         |
| `tables`         | what can be written: rows, attempts                                    |
| `focus`          | the rows as charges, with the columns of the FinOps standard FOCUS 1.2 |
| `formats`        | JSON Lines, CSV, Parquet and DuckDB databases, as statements           |
| `writing`        | tables written to files, whole or not at all                           |
| `control_totals` | sums of rows, for the control totals of ledgers to be held against     |
| `atomic_files`   | where files are made: private, whole, and nothing left behind          |
| `parts`          | ids fetched by one worker of many, and written as Parquet              |
| `errors`         | what can be wrong with files                                           |
"""
