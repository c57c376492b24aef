"""The sum that a budget is held against, and whether it can be said to be within.

A ledger is read by SQLite alone, so that the check needs no extra; the export of one by DuckDB.
Sums are exact.
"""

from collections.abc import Iterable
from decimal import Context, Decimal, Inexact, InvalidOperation, localcontext
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from attrs import frozen

from modelgates_client.errors import ConfigurationError
from modelgates_client.ledger import schema
from modelgates_client.ledger.database import Database
from modelgates_client.ledger.derived import Derived
from modelgates_client.reports.periods import Period
from modelgates_client.reports.picking import RECORDS, microseconds

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Basis = Literal["charged", "all-in"]
Verdict = Literal["within", "over", "undecided"]

_AMOUNTS: Final[dict[Basis, str]] = {"charged": "total_cost_usd", "all-in": "all_in_usd"}

#: What is read of rows.
COLUMNS: Final = ("state", "created_at", *_AMOUNTS.values())

#: No sum is rounded: amounts have 38 digits, and there are less than 10^40 of them.
_EXACT: Final = Context(prec=80, traps=[Inexact, InvalidOperation])
_BUSY_S: Final = 30.0  # seconds that another process may keep the ledger locked


class Cursor(Protocol):
    """What a statement found, in SQLite's module and in DuckDB's."""

    def fetchone(self) -> Any:
        """Return the next row; None behind the last."""
        ...

    def fetchall(self) -> list[Any]:
        """Return all rows."""
        ...


class Connection(Protocol):
    """What both have in common."""

    def execute(self, statement: str, /) -> Cursor:
        """Execute a statement."""
        ...


@frozen
class Spending:
    """What records of a period cost, and what is not known of that.

    Attributes:
        known_usd: The sum over the records of the period that say it.
        records: How many records of the period there are.
        provisional: How many of them are not final: their cost may still change.
        unknown: How many of them do not say what they cost.
        undated: Records without a readable time, which may be of the period; 0 for all time.
        pending: Ids asked for without an answer yet, of whichever period.
        failed: Ids asked for in vain, of whichever period.
        doubtful: How many ids the sum may be wrong about: each of the above, counted once.
    """

    known_usd: Decimal
    records: int
    provisional: int
    unknown: int
    undated: int
    pending: int
    failed: int
    doubtful: int

    def verdict(self, max_usd: Decimal, allowed: int = 0) -> Verdict:
        """Return whether it is within a limit, as far as that can be said.

        What is known to be over stays over. What is within may not be, if there are more doubtful
        ids than `allowed`.
        """
        if self.known_usd > max_usd:
            return "over"
        return "within" if self.doubtful <= allowed else "undecided"


def spending_of_ledger(path: str, period: Period, basis: Basis) -> Spending:
    """Return what the records in a ledger cost; it is only read, also while others write.

    Raises:
        LedgerError: It is no ledger, or cannot be read, or its rows are not all there.
        ConfigurationError: An amount in it is no number.
    """
    database = Database(path, read_only=True, timeout_s=_BUSY_S)
    try:
        schema.check_version(database, schema.STEPS)
        with database.reading() as connection:
            connection.execute("BEGIN")  # what is counted is what is added up
            Derived().check(database, connection)
            return spending(connection, period, basis, "created_at")
    except InvalidOperation:
        raise ConfigurationError(f"the ledger {path!r}: an amount in it is no number") from None
    finally:
        database.close()


def spending_of_rows(connection: "DuckDBPyConnection", period: Period, basis: Basis) -> Spending:
    """Return what the records of a view `rows` cost, as `rows.source.open_rows` makes it."""
    return spending(connection, period, basis, "epoch_us(created_at)")


def spending(connection: Connection, period: Period, basis: Basis, time: str) -> Spending:
    """Return what the records of a table or view `rows` cost.

    Args:
        connection: Of SQLite or DuckDB.
        period: Of which records.
        basis: Which cost.
        time: SQL for the time of a row, as microseconds since 1970.

    Raises:
        InvalidOperation: An amount is no number.
    """
    (counts,) = connection.execute(_counting(period, basis, time)).fetchall()
    amounts = connection.execute(_listing(period, basis, time))
    known = _sum(amount for (amount,) in iter(amounts.fetchone, None))
    return Spending(known, *map(int, counts))


def _counting(period: Period, basis: Basis, time: str) -> str:
    """Return SQL for the counts of `Spending`, in its order; no text of others is in it."""
    of_period = f"{RECORDS} AND ({_bounds(period, time)})"
    undated = "FALSE" if period.is_all else f"{RECORDS} AND {time} IS NULL"
    unknown = f"{of_period} AND {_AMOUNTS[basis]} IS NULL"
    provisional = f"{of_period} AND state = 'provisional'"
    doubtful = f"NOT {RECORDS} OR ({provisional}) OR ({unknown}) OR ({undated})"
    what = (
        of_period,
        provisional,
        unknown,
        undated,
        "state = 'pending'",
        "state = 'failed'",
        doubtful,
    )
    sums = ", ".join(f"coalesce(sum(CASE WHEN {each} THEN 1 ELSE 0 END), 0)" for each in what)
    return f"SELECT {sums} FROM rows"  # noqa: S608 - names and numbers of ours


def _listing(period: Period, basis: Basis, time: str) -> str:
    """Return SQL for the amounts that are known."""
    column = _AMOUNTS[basis]
    return (
        f"SELECT {column} FROM rows "  # noqa: S608 - names and numbers of ours
        f"WHERE {RECORDS} AND {column} IS NOT NULL AND {_bounds(period, time)}"
    )


def _bounds(period: Period, time: str) -> str:
    bounds = list[str]()
    if period.since is not None:
        bounds.append(f"{time} >= {microseconds(period.since)}")
    if period.until is not None:
        bounds.append(f"{time} < {microseconds(period.until)}")
    return " AND ".join(bounds) or "TRUE"


def _sum(amounts: Iterable[Any]) -> Decimal:
    with localcontext(_EXACT):
        known = sum(map(Decimal, amounts), Decimal(0))
    if not known.is_finite():
        raise InvalidOperation(known)
    return known
