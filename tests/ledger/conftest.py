"""A ledger to test, and a clock that tests set."""

import pytest

from modelgates_client.ledger import Ledger


class Clock:
    """Returns seconds since 1970-01-01 UTC.

    Attributes:
        now: The time that it returns.
    """

    def __init__(self):
        self.now = 1_800_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    """A clock that a test sets."""
    return Clock()


@pytest.fixture
def path(tmp_path):
    """The path of a ledger that does not exist yet."""
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path, clock):
    """A new ledger."""
    with Ledger(path, clock=clock) as ledger:
        yield ledger
