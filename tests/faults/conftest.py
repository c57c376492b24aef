"""What tests of faults share: the clients, and beneath the awaited one each of its engines."""

import sys

import httptools
import pytest

from .clients import FLAVOURS


@pytest.fixture(params=FLAVOURS)
def flavour(request, monkeypatch):
    """Each client in turn, by its name in `clients.py`."""
    assert httptools.__version__  # else `fast` would be another `async`
    if request.param == "async":
        monkeypatch.setitem(sys.modules, "httptools", None)
    return request.param
