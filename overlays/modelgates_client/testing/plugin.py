"""The pytest fixtures.

pytest loads this module wherever the package is installed, so it imports the stub only when a test
uses it.
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

    At the end of the test, it fails the test if the API would not have accepted a request: a wrong
    path, method or key, or a missing id. A test that sends such requests on purpose calls
    `violations.clear()`.
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
    """The stub, as the server and the key of clients that are created during this test.

    It sets `MODELGATES_BASE_URL` and `MODELGATES_API_KEY`.
    """
    monkeypatch.setenv("MODELGATES_BASE_URL", modelgates_stub.base_url)
    monkeypatch.setenv("MODELGATES_API_KEY", modelgates_stub.api_key)
    return modelgates_stub
