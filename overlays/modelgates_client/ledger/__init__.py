"""The ledger: records in an SQLite file, and the queue of ids that have no record yet.

>>> with Ledger("ledger.db") as ledger:  # doctest: +SKIP
...     ledger.enqueue(ids)
...     while batch := ledger.lease(500):
...         ledger.add(client.generations.get_many(batch))

| module            | subject                                                                  |
|-------------------|--------------------------------------------------------------------------|
| `ledger`          | `Ledger`: the operations on the file                                     |
| `values`          | `LedgerCounts`, `StoredRecord` and other values that it returns          |
| `errors`          | `LedgerError`, and messages for SQLite's errors                          |
| `files`           | the file itself: created with mode 0600, refused if it is something else |
| `database`        | the connection: its settings, transactions, lock                         |
| `schema`          | the tables, as numbered upgrade steps                                    |
| `sql`             | pieces of SQL that several modules share                                 |
| `writing`         | preparing and writing outcomes                                           |
| `id_queue`        | queued ids, leases on them, ids that are given up                        |
| `capture_file`    | captured ids: lines in a file next to the ledger                         |
| `labels`          | labels that an application attaches to a generation                      |
| `reading`         | queries                                                                  |
| `arrow`           | the rows as an Arrow table                                               |
| `derived`         | the view `rows`, updated when its columns change                         |
| `row_format`      | which columns the rows of a file have                                    |
| `control_totals`  | sums of the rows of each day, stored next to them                        |
| `verification`    | finding damage: in the database, bodies, rows, totals                    |
| `fetching`        | `fetch` and `fetch_all`: fetching the records that a ledger lacks        |
| `fetch_run`       | one run of a fetch: leasing, storing, releasing                          |
| `id_source`       | reading ids into the queue during a fetch                                |
| `stop_conditions` | which outcomes stop a fetch, and which stay pending                      |
| `progress`        | the progress of a fetch                                                  |
| `text_encoding`   | text that SQLite cannot store as it is                                   |

The bodies are stored as they were received. The view `rows`, with the columns of
`modelgates_client.rows`, is derived from them and from the queue.
"""

from modelgates_client.ledger.errors import LedgerError
from modelgates_client.ledger.ledger import Ledger
from modelgates_client.ledger.values import GivenUp, LedgerCounts, StoredRecord

__all__ = ["GivenUp", "Ledger", "LedgerCounts", "LedgerError", "StoredRecord"]
