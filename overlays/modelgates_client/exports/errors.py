"""Errors of exports. Each message is one line that states the problem and the remedy."""

from modelgates_runtime.errors import ModelGatesError
from modelgates_runtime.values import printable


class SourceError(ModelGatesError):
    """Rows cannot be read from a ledger or from Parquet files, or cannot be written.

    Attributes:
        path: The path of the file.
        problem: What happened.
        remedy: What to do.
    """

    def __init__(self, path: str, problem: str, remedy: str) -> None:
        super().__init__(path, problem, remedy)
        self.path = path
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return printable(f"{self.path!r}: {self.problem}; {self.remedy}")
