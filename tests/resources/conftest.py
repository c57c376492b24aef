"""What tests of the resources share: they go through the clients, as people do."""

from ..client.conftest import (
    client,
    either,
    failing,
    no_backoff,
    no_environment,
    pytest_generate_tests,
    server,
)

__all__ = [
    "client",
    "either",
    "failing",
    "no_backoff",
    "no_environment",
    "pytest_generate_tests",
    "server",
]
