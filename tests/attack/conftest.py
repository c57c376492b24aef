"""How much each attack does: little in a run of all tests, as much as told by `nox -s attack`."""

import pytest

SIZES = {
    "bodies": (300, "mutated bodies that the decoder gets"),
    "fuzz-seconds": (0.0, "seconds for which each property test gets mutated input"),
    "decoder-seconds": (0.0, "seconds for which those of the decoder get it, together"),
    "specs": (1, "specs of hostile texts that are generated from"),
    "ids": (1_000, "ids that are fetched from a failing server"),
}


def pytest_addoption(parser):
    """Add an option for each; they exist if this folder is named on the command line."""
    for name, (size, what) in SIZES.items():
        parser.addoption(f"--{name}", type=type(size), default=size, help=what)


@pytest.fixture
def size(request):
    """Return how much to do, by the name of the option."""
    return lambda name: request.config.getoption(f"--{name}", SIZES[name][0])
