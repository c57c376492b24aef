"""How providers did: the attempts that records list, one by one."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from modelgates_client.reports.figures import Fallback, Provider
from modelgates_client.reports.grouping import read_spread, spread

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MAX: Final = 1000  # that are listed: names come from the server, and may be as many as records

_MAX: Final = 1e15  # of a latency: 30,000 years; beyond, it is none


def prepare(connection: "DuckDBPyConnection") -> int:
    """Make the table `report_paths`, which the functions below read.

    A path is what was asked for a generation in which order, and how it answered. There are few of
    them, each of many records.

    Returns:
        How many records do not say it.
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
            FROM report_chosen WHERE attempts IS NOT NULL GROUP BY ALL
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
        "SELECT count(*) FROM report_chosen WHERE attempts IS NULL"
    ).fetchall()
    return int(row[0])


def providers(connection: "DuckDBPyConnection") -> tuple[tuple[Provider, ...], int]:
    """Return those with the most attempts, and how many others there are."""
    rows = connection.execute(
        """
        SELECT provider, sum(records) AS attempts, coalesce(sum(records) FILTER (failed), 0),
            coalesce(sum(records) FILTER (number = served_at), 0), count(*) OVER ()
        FROM report_steps GROUP BY provider
        ORDER BY attempts DESC, provider NULLS LAST LIMIT ?
        """,
        [MAX],
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
    latency = f"CASE WHEN abs(attempt.latency_ms) <= {_MAX} THEN attempt.latency_ms END"
    spreads = _by_name(
        connection.execute(
            f"SELECT attempt.provider AS provider, {', '.join(spread(latency))} "  # noqa: S608 - ours
            "FROM (SELECT unnest(attempts) AS attempt FROM report_chosen) "
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
    """Return the most frequent ones, and how many others there are."""
    rows = connection.execute(
        """
        SELECT provider, path[number + 1].provider AS next, sum(records) AS times,
            count(*) OVER ()
        FROM report_steps
        WHERE failed AND provider IS NOT NULL
            AND CASE WHEN number < len(path) THEN next IS NOT NULL ELSE served_at IS NULL END
        GROUP BY ALL ORDER BY times DESC, provider, next NULLS LAST LIMIT ?
        """,
        [MAX],
    ).fetchall()
    listed = tuple(Fallback(failed, then, int(times)) for failed, then, times, _ in rows)
    return listed, rows[0][3] - len(rows) if rows else 0


def _by_name(rows: Iterable[tuple[Any, ...]]) -> dict[str | None, list[tuple[Any, ...]]]:
    """Return the cells behind the first, by the first."""
    found = dict[str | None, list[tuple[Any, ...]]]()
    for name, *cells in rows:
        found.setdefault(name, []).append(tuple(cells))
    return found
