"""The page's example of a test with the stub is run, as it stands."""

import pytest

from ..documents import ROOT, Page

pytest_plugins = ("pytester",)

EXAMPLE = Page(ROOT / "docs" / "testing.md").file("test_costs.py")


@pytest.mark.slow("a pytest run of a user's own, in a process")
def test_the_example_passes(pytester):
    """In a directory of its own, with warnings as errors; both of its tests run."""
    pytester.makepyfile(test_example=EXAMPLE)
    result = pytester.runpytest_subprocess("-W", "error", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=2)


def test_the_example_shows_what_it_should():
    """A record that is not there at once, and a rate limit."""
    assert ".not_ready(" in EXAMPLE
    assert ".rate_limit(" in EXAMPLE
