"""A thousand randomly damaged ledgers: more of what tests/faults/ledgers tests every day."""

import pytest

from ..faults.ledgers.reading import assert_correct_or_error, create_ledger


@pytest.mark.parametrize("hundreds", range(10, 20))
def test_a_report_of_a_damaged_ledger_is_correct_or_an_error(hundreds, tmp_path):
    """No traceback, no endless loop, and no wrong sum without a message."""
    content = create_ledger(tmp_path / "whole.db")
    for seed in range(hundreds * 100, hundreds * 100 + 100):
        assert_correct_or_error(content, seed, tmp_path / f"{seed}.db")
