"""Fixtures for tests of resources, which call them through the clients."""

from ..client.conftest import (
    client,
    either,
    error_of_get,
    no_backoff,
    no_environment,
    pytest_generate_tests,
    server,
)

__all__ = [
    "client",
    "either",
    "error_of_get",
    "no_backoff",
    "no_environment",
    "pytest_generate_tests",
    "server",
]
