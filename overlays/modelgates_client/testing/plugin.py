"""The fixtures, for pytest: it loads this wherever the package is installed, so it costs nothing.

What the stub needs is imported when a test asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgates_client.testing import StubAPI


@pytest.fixture
def modelgates_stub() -> Iterator[StubAPI]:
    """A stub of the ModelGates API for this test, without records; see `StubAPI`.

    It fails the test, when that is over, if the API would not have accepted what was asked:
    another path, method or key, no id. A test that means it calls `violations.clear()`.
    """
    try:
        from modelgates_client.testing import StubAPI  # noqa: PLC0415 - see above
    except ModuleNotFoundError as error:
        if error.name != "pytest_httpserver":
            raise
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    with StubAPI() as stub:
        yield stub
    try:
        stub.check()
    except AssertionError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.fixture
def modelgates_environment(modelgates_stub: StubAPI, monkeypatch: pytest.MonkeyPatch) -> StubAPI:
    """The stub, set as the server and the key of clients that are made during this test.

    It sets `MODELGATES_BASE_URL` and `MODELGATES_API_KEY`.
    """
    monkeypatch.setenv("MODELGATES_BASE_URL", modelgates_stub.base_url)
    monkeypatch.setenv("MODELGATES_API_KEY", modelgates_stub.api_key)
    return modelgates_stub
