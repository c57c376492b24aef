"""Shared fixtures: the clients, and the async client with each of its engines."""

import sys

import httptools
import pytest

from .clients import FLAVOURS


@pytest.fixture(params=FLAVOURS)
def flavour(request, monkeypatch):
    """The name of a client in `clients.py`; selects the engine of `async`."""
    assert httptools.__version__  # without it, `fast` would be the same as `async`
    if request.param == "async":
        monkeypatch.setitem(sys.modules, "httptools", None)
    return request.param
