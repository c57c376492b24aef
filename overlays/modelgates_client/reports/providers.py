"""Attempts and fallbacks by provider."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from modelgates_client.reports.figures import Fallback, Provider
from modelgates_client.reports.grouping import read_spread, spread

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MAX_LISTED: Final = 1000  # names come from the server; there may be as many as records

_MAX_LATENCY_MS: Final = 1e15  # 30,000 years; greater values are treated as unknown


def prepare(connection: "DuckDBPyConnection") -> int:
    """Create the table `report_paths` and the view `report_steps`, which the queries below read.

    A path is the list of a generation's attempts, each with its provider and status. Many records
    share few paths.

    Returns:
        How many records do not list their attempts.
    """
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE report_paths AS
        SELECT *, len(path) - nullif(list_position(list_reverse(
            list_transform(path, lambda step: coalesce(step.status BETWEEN 200 AND 299, FALSE))
        ), TRUE), 0) + 1 AS served_at
        FROM (
            SELECT list_transform(
                attempts, lambda a: {'provider': a.provider, 'status': a.status}
            ) AS path, count(*) AS records
            FROM report_records WHERE attempts IS NOT NULL GROUP BY ALL
        )
        """
    )
    connection.execute(
        """
        CREATE OR REPLACE TEMP VIEW report_steps AS
        SELECT step.provider AS provider, step.status AS status,
            step.status NOT BETWEEN 200 AND 299 AS failed, number, path, served_at, records
        FROM (
            SELECT unnest(path) AS step, generate_subscripts(path, 1) AS number,
                path, served_at, records
            FROM report_paths
        )
        """
    )
    (row,) = connection.execute(
        "SELECT count(*) FROM report_records WHERE attempts IS NULL"
    ).fetchall()
    return int(row[0])


def providers(connection: "DuckDBPyConnection") -> tuple[tuple[Provider, ...], int]:
    """Return the providers with the most attempts, and how many others there are."""
    rows = connection.execute(
        """
        SELECT provider, sum(records) AS attempts, coalesce(sum(records) FILTER (failed), 0),
            coalesce(sum(records) FILTER (number = served_at), 0), count(*) OVER ()
        FROM report_steps GROUP BY provider
        ORDER BY attempts DESC, provider NULLS LAST LIMIT ?
        """,
        [MAX_LISTED],
    ).fetchall()
    names = [name for name, *_ in rows]
    statuses = _by_name(
        connection.execute(
            """
            SELECT provider, status, sum(records) AS times FROM report_steps
            WHERE provider IS NULL OR list_contains(?::VARCHAR[], provider)
            GROUP BY ALL ORDER BY times DESC, status NULLS LAST
            """,
            [[name for name in names if name is not None]],
        ).fetchall()
    )
    latency = f"CASE WHEN abs(attempt.latency_ms) <= {_MAX_LATENCY_MS} THEN attempt.latency_ms END"
    spreads = _by_name(
        connection.execute(
            f"SELECT attempt.provider AS provider, {', '.join(spread(latency))} "  # noqa: S608 - constants
            "FROM (SELECT unnest(attempts) AS attempt FROM report_records) "
            "WHERE provider IS NULL OR list_contains(?::VARCHAR[], provider) GROUP BY 1",
            [[name for name in names if name is not None]],
        ).fetchall()
    )
    listed = tuple(
        Provider(
            name,
            int(attempts),
            int(failures),
            int(served),
            tuple((status, int(times)) for status, times in statuses[name]),
            read_spread(*spreads[name][0]),
        )
        for name, attempts, failures, served, _ in rows
    )
    return listed, rows[0][4] - len(rows) if rows else 0


def fallbacks(connection: "DuckDBPyConnection") -> tuple[tuple[Fallback, ...], int]:
    """Return the most frequent fallbacks, and how many others there are."""
    rows = connection.execute(
        """
        SELECT provider, path[number + 1].provider AS next, sum(records) AS times,
            count(*) OVER ()
        FROM report_steps
        WHERE failed AND provider IS NOT NULL
            AND CASE WHEN number < len(path) THEN next IS NOT NULL ELSE served_at IS NULL END
        GROUP BY ALL ORDER BY times DESC, provider, next NULLS LAST LIMIT ?
        """,
        [MAX_LISTED],
    ).fetchall()
    listed = tuple(Fallback(failed, then, int(times)) for failed, then, times, _ in rows)
    return listed, rows[0][3] - len(rows) if rows else 0


def _by_name(rows: Iterable[tuple[Any, ...]]) -> dict[str | None, list[tuple[Any, ...]]]:
    """Return the other cells of rows, by their first cell."""
    by_name = dict[str | None, list[tuple[Any, ...]]]()
    for name, *cells in rows:
        by_name.setdefault(name, []).append(tuple(cells))
    return by_name
