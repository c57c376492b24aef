"""One generation as one flat row, with the same columns in a ledger and in every export.

| module     | subject                                                                |
|------------|------------------------------------------------------------------------|
| `column`   | a column, and the kinds of values, with their types in databases       |
| `computed` | the computed columns, each with the function of its value              |
| `columns`  | all columns, derived from the spec: names, kinds, units, documentation |
| `values`   | conversion of a record's values to what SQLite stores                  |
| `row`      | conversion of a record to a row                                        |

A value that is not known is NULL in every column, never 0.
"""
