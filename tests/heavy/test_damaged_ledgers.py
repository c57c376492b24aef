"""A thousand ledgers damaged by seed: more of what tests/faults/ledgers tries every day."""

import pytest

from ..faults.ledgers.reading import assert_correct_or_error, create_ledger


@pytest.mark.parametrize("hundreds", range(10, 20))
def test_a_hundred_damaged_ledgers_are_right_or_told(hundreds, tmp_path):
    """No traceback, no endless loop, no other sum without a word."""
    content = create_ledger(tmp_path / "whole.db")
    for seed in range(hundreds * 100, hundreds * 100 + 100):
        assert_correct_or_error(content, seed, tmp_path / f"{seed}.db")
