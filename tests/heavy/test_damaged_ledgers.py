"""A thousand ledgers damaged by seed: more of what tests/faults/ledgers tries every day."""

import pytest

from ..faults.ledgers.reading import (
    assert_right_or_told,
    make,
)

SEEDS = range(1_000, 2_000)


@pytest.mark.timeout(3000)
def test_a_thousand_damaged_ledgers_are_right_or_told(tmp_path):
    """No traceback, no endless loop, no other sum without a word."""
    content = make(tmp_path / "whole.db")
    for seed in SEEDS:
        path = tmp_path / f"{seed}.db"
        assert_right_or_told(content, seed, path)
        for each in tmp_path.glob(f"{seed}.db*"):
            each.unlink()
