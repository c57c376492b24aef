"""Distributed fetching: one worker fetches some ids and writes their rows to a Parquet file."""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Unpack

from modelgates_client.bulk.options import DEFAULT_CONCURRENCY, DEFAULT_OUTAGE_TIMEOUT_S
from modelgates_client.calls.settings import Options
from modelgates_client.exports.tables import ROWS
from modelgates_client.exports.writing import Output, export
from modelgates_client.ledger.fetching import fetch_all
from modelgates_client.ledger.progress import Progress
from modelgates_client.resources.generations import WAIT_S


def fetch_part(  # noqa: PLR0913 - all but the first two are optional keywords
    ids: Iterable[str],
    to: str,
    *,
    concurrency: int = DEFAULT_CONCURRENCY,
    wait: float = WAIT_S,
    final: bool = True,
    max_rate: float | None = None,
    outage_timeout: float = DEFAULT_OUTAGE_TIMEOUT_S,
    **options: Unpack[Options],
) -> Progress:
    """Fetch ids, and write their rows to a Parquet file, which `report` and `export` read.

    It depends on its arguments alone, and on the environment, which has the key: any engine can
    run it on any machine, and run it again. The file is there when it is whole, with a row for each
    id, those without a record too. A server's rate limit is for all workers together: give each its
    share as `max_rate`.

    Args:
        ids: The ids of this part.
        to: The file to write, on storage that all workers share.
        concurrency: As for `get_many`.
        wait: As for `get_many`.
        final: As for `get_many`.
        max_rate: As for `get_many`.
        outage_timeout: As for `get_many`.
        **options: Those of the client, without the key: `base_url`, `timeout` and so on.

    Raises:
        ModelGatesError: As `ledger.fetching.fetch`; nothing is written then.
        SourceError: The file cannot be written.
    """
    with tempfile.TemporaryDirectory() as folder:
        ledger = str(Path(folder) / "part.db")
        progress = fetch_all(
            ledger,
            ids,
            concurrency=concurrency,
            wait=wait,
            final=final,
            max_rate=max_rate,
            outage_timeout=outage_timeout,
            **options,
        )
        export((ledger,), [Output(ROWS, to, "parquet")])
        return progress
