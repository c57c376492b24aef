"""A sample application, end to end; `tests/heavy/test_capture.py` has it with kills."""

import pytest

from .loss_check import prove


@pytest.mark.slow("two processes that import the OpenAI SDK")
def test_everything_that_the_stub_charges_is_in_the_ledger(tmp_path):
    """100 calls by two processes: streams that break, errors, late records."""
    assert prove(tmp_path / "costs.db", 100, 2) == (95, 0)
