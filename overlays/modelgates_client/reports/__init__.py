"""Reports on what generations cost and how they performed, over a ledger or its export.

`building.build_report` builds a `figures.Report` from rows with DuckDB (extra `report`); `terminal`
and `page` show it. `spending` sums what a budget is compared with, by SQLite alone.

The modules:

| module                | subject                                                    |
|-----------------------|------------------------------------------------------------|
| `figures`             | the figures of a report, as plain values                   |
| `periods`             | parsing of periods                                         |
| `building`            | builds a report from rows                                  |
| `selection`           | selection of the rows and columns of a report              |
| `grouping`            | sums and spreads, of all records and by group              |
| `days`                | the days and hours of a time zone, in SQL                  |
| `series`              | cost over time, and a histogram of latencies               |
| `providers`           | attempts and fallbacks by provider                         |
| `to_json`             | a report as JSON                                           |
| `formatting`          | figures as text, for terminal and page                     |
| `terminal`            | a report as text for a terminal                            |
| `page`                | a report as an HTML page                                   |
| `reading`             | reads rows once, and checks their totals                   |
| `spending`            | the spending of a period, and the verdict on a limit       |
| `budgets`             | budgets of a configuration file                            |
| `reconciliation`      | compares a ledger with the account's activity              |
| `reconciliation_text` | a reconciliation as text                                   |
"""
