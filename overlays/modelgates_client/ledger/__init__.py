"""The ledger: records kept in an SQLite file, with the queue of ids that have none yet.

>>> with Ledger("ledger.db") as ledger:  # doctest: +SKIP
...     ledger.enqueue(ids)
...     while batch := ledger.lease(500):
...         ledger.add(client.generations.get_many(batch))

| module              | subject |
|---------------------|---------|
| `ledger`            | `Ledger`: what callers do with the file |
| `values`            | `LedgerCounts` and `StoredRecord` |
| `errors`            | `LedgerError`, and what SQLite's errors mean |
| `files`             | the file itself: created for its owner alone, refused if it is not a ledger |
| `database`          | the connection: its settings, transactions, locks |
| `schema`            | the tables, as numbered steps, and the upgrade from one to the next |
| `prepared_outcomes` | an outcome made ready to be written |
| `writing`           | what an outcome changes |
| `id_queue`          | ids that wait, and leases on them |
| `forgetting`        | ids that end without a record |
| `id_times`          | the time in an id |
| `capture_file`      | ids that applications captured: lines in a file beside the ledger |
| `labels`            | what an application says of a generation |
| `reading`           | what is asked of the file |
| `arrow`             | the rows as an Arrow table |
| `derived`           | the table `rows`, made anew when its columns change |
| `control_totals`    | control totals: what the rows of each day add up to, kept beside them |
| `verification`      | what storage has changed: in the database, bodies, rows, totals |
| `fetching`          | `fetch` and `fetch_all`: asking for what a ledger lacks |
| `fetch_run`         | one run of that: leasing, storing, giving back |
| `id_source`         | ids on their way into the queue, while they are fetched |
| `stop_conditions`   | which outcomes stop a run, and which stay pending |
| `progress`          | how far a run is |
| `text_encoding`     | texts that SQLite cannot hold as they are |

The bodies are the truth, stored as they came. `rows`, with the columns of `modelgates_client.rows`,
is derived from them and from the queue.
"""

from modelgates_client.ledger.errors import LedgerError
from modelgates_client.ledger.ledger import Ledger
from modelgates_client.ledger.values import LedgerCounts, StoredRecord

__all__ = ["Ledger", "LedgerCounts", "LedgerError", "StoredRecord"]
