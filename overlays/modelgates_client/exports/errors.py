"""Errors of exports. Each message is one line that states the problem and the remedy."""

from modelgates_client.ledger.errors import LedgerError
from modelgates_runtime.values import printable


class SourceError(LedgerError):
    """Rows cannot be read from a ledger or from Parquet files, or cannot be written."""

    def __str__(self) -> str:
        return printable(f"{self.path!r}: {self.problem}; {self.remedy}")
