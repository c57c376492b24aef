"""`modelgates mcp`: a server of the Model Context Protocol over stdio, for AI clients."""

from importlib.util import find_spec
from typing import Final

import click
from attrs import frozen

from modelgates_client.cli.app import command, configuration
from modelgates_client.cli.keys import find_key
from modelgates_client.cli.messages import Messages
from modelgates_client.cli.options import option
from modelgates_client.cli.statuses import Status
from modelgates_client.client.async_client import AsyncModelGates
from modelgates_client.errors import ConfigurationError

#: What the extra `mcp` brings, as modules are named.
_EXTRA: Final = ("adbc_driver_sqlite", "duckdb", "mcp", "pydantic")


@frozen(kw_only=True)
class McpOptions:
    """The arguments and options of `mcp`."""

    ledger: str | None = option("--ledger", type=click.Path(), help="The ledger to report on.")


@command(
    McpOptions,
    summary="Serve AI clients over stdio, using the Model Context Protocol.",
    extras="mcp",
    details="""
    Clients can look up generations and have their cost explained. With a ledger, they can also
    report its costs, check budgets, and list ids without a record. All tools are read-only. The API
    key is read from the environment variable MODELGATES_API_KEY.
    """,
)
def mcp(options: McpOptions, messages: Messages) -> Status:
    """Serve until the client closes the connection.

    Args:
        options: The options of the command.
        messages: Where to report warnings.

    Raises:
        ConfigurationError: There is no key, or an extra is missing.
    """
    if any(find_spec(name) is None for name in _EXTRA):
        raise ConfigurationError("the command needs an extra: pip install 'modelgates-client[mcp]'")
    from modelgates_client.mcp.server import serve  # noqa: PLC0415 - of an extra

    secret = find_key(None, messages, from_stdin=False)
    serve(AsyncModelGates(api_key=secret.reveal()), options.ledger, configuration().budgets)
    return Status.OK
