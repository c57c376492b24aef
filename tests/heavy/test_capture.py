"""The proof of capture: nothing that was charged is missing, whatever happens."""

import pytest

from ..capture.loss_check import prove


@pytest.mark.slow("a thousand calls, and what a killed process had leased for 30 s")
@pytest.mark.parametrize("seed", [1, 2])
def test_a_thousand_calls_and_a_kill(tmp_path, seed):
    """Four processes, one of them killed at a random moment and started again.

    10 % of the answers are broken off, 5 % are errors, 5 % of the records are late. Each id that
    was given out is in the ledger once, but what was in flight to the process when it was killed;
    totals are what the stub charged, to the last digit.
    """
    found, lost = prove(tmp_path / "costs.db", 1000, 4, seed=seed)
    assert found + lost >= 950
