"""A sample application, end to end; `tests/heavy/test_capture.py` adds kills."""

import pytest

from .loss_check import check_no_loss


@pytest.mark.slow("two processes that import the OpenAI SDK")
def test_every_charged_completion_is_in_the_ledger(tmp_path):
    """100 calls by two processes: streams that break, errors, late records."""
    assert check_no_loss(tmp_path / "costs.db", 100, 2) == (95, 0)
