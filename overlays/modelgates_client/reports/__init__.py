"""What generations cost and how they went: figures over a ledger or its export.

`querying.build_report` makes a `figures.Report` of rows, by DuckDB (extra `report`); `terminal` and
`page` show it. `spending` adds up what a budget is held against, by SQLite alone.

The modules, one subject each:

| module                | subject                                             |
|-----------------------|-----------------------------------------------------|
| `figures`             | the figures of a report, plain values               |
| `periods`             | which period is meant                               |
| `building`            | a report of rows: what is asked in which order      |
| `selection`           | the rows and columns that a report needs, read once |
| `grouping`            | sums and spreads, of all and by group               |
| `days`                | the days and hours of a zone, for SQL               |
| `timeline`            | cost over time                                      |
| `latencies`           | a histogram of latencies                            |
| `providers`           | attempts: errors and fallbacks by provider          |
| `to_json`             | a report as JSON                                    |
| `terminal`            | a report on a terminal, by rich                     |
| `page`                | a report as an HTML page                            |
| `reading`             | rows read once, and held against control totals     |
| `spending`            | the sum that a budget is held against               |
| `budgets`             | budgets of a configuration: limits per period       |
| `reconciliation`      | a ledger held against the account's activity        |
| `reconciliation_text` | that in words                                       |
| `formatting`          | the figures of a report in words                    |
"""
