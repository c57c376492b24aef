"""`modelgates mcp`: a server of the Model Context Protocol over stdio, for AI clients."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Final, TypedDict

from modelgates_client.cli._keys import find_key
from modelgates_client.cli._messages import Messages
from modelgates_client.cli._statuses import Status
from modelgates_client.client.async_client import AsyncModelGates
from modelgates_client.errors import ConfigurationError
from modelgates_client.reports.budgets import Budget

#: What the extra `mcp` brings, as modules are named.
_EXTRA: Final = ("adbc_driver_sqlite", "duckdb", "mcp", "pydantic")


class McpOptions(TypedDict):
    """The options of `mcp`, as click names them."""

    ledger: str | None


def mcp(options: McpOptions, messages: Messages, budgets: Sequence[Budget] = ()) -> Status:
    """Serve until the client hangs up.

    Args:
        options: What was asked for.
        messages: Where to say what is not for the client.
        budgets: Those of the configuration file.

    Raises:
        ConfigurationError: There is no key, or an extra is missing.
    """
    if any(find_spec(name) is None for name in _EXTRA):
        raise ConfigurationError("the command needs an extra: pip install 'modelgates-client[mcp]'")
    from modelgates_client.mcp.server import serve  # noqa: PLC0415 - of an extra

    secret = find_key(None, messages, from_stdin=False)
    serve(AsyncModelGates(api_key=secret.reveal()), options["ledger"], budgets)
    return Status.WELL
