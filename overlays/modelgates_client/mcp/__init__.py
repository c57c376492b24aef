"""A server of the Model Context Protocol, for AI clients; needs the extra `mcp`.

`modelgates mcp` runs it over stdio. Its tools only read: generations from the API, and figures from
a ledger. Results are small and typed. Names contain units, amounts are strings of exact decimal
digits, and unknown values are null and listed. Any text from the API, a provider or an application
is wrapped in an object `{"untrusted_text": …}`: it is data, not instructions.

| module    | subject                                                  |
|-----------|----------------------------------------------------------|
| `server`  | `serve`: the tools, over stdio                           |
| `records` | results of the tools that read generations               |
| `ledgers` | results of the tools that read a ledger                  |
| `results` | untrusted text, amounts and error messages               |

The official SDK is also called `mcp`; imports here are absolute.
"""
