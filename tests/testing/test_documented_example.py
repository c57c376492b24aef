"""The README's example of a test with the stub is run, as it stands."""

import re
from pathlib import Path

import pytest

pytest_plugins = ("pytester",)

README = Path(__file__).parents[2] / "README.md"
HEADING = "## In your own tests"


@pytest.fixture
def example():
    """The one Python block below the heading."""
    _, heading, rest = README.read_text(encoding="utf-8").partition(f"\n{HEADING}\n")
    assert heading, f"README.md has no section {HEADING!r}"
    (code,) = re.findall(r"```python\n(.*?)```", rest.partition("\n## ")[0], re.DOTALL)
    return code


@pytest.mark.slow("a pytest run of a user's own, in a process")
def test_the_example_passes(example, pytester):
    """In a directory of its own, with warnings as errors; both of its tests run."""
    pytester.makepyfile(test_example=example)
    result = pytester.runpytest_subprocess("-W", "error", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=2)


def test_the_example_shows_what_it_should(example):
    """A record that is not there at once, and a rate limit."""
    assert ".not_ready(" in example
    assert ".rate_limit(" in example
