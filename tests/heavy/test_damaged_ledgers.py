"""A thousand ledgers damaged by seed: more of what tests/faults/ledgers tries every day."""

import pytest

from ..faults.ledgers.reading import assert_right_or_told, make


@pytest.mark.parametrize("hundreds", range(10, 20))
def test_a_hundred_damaged_ledgers_are_right_or_told(hundreds, tmp_path):
    """No traceback, no endless loop, no other sum without a word."""
    content = make(tmp_path / "whole.db")
    for seed in range(hundreds * 100, hundreds * 100 + 100):
        assert_right_or_told(content, seed, tmp_path / f"{seed}.db")
