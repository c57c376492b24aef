"""A server of the Model Context Protocol, for AI clients; needs the extra `mcp`.

`modelgates mcp` runs it over stdio. Its tools read: generations from the API, figures from a
ledger. Answers are small and typed; units stand in the names, amounts are strings of exact decimal
digits, what is not known is null and named. Every text that others wrote, be it the API, a provider
or an application, is within an object `{"untrusted_text": …}`: data, never instructions.

| module    | subject                                                  |
|-----------|----------------------------------------------------------|
| `server`  | `serve`: the tools by their names, over stdio            |
| `records` | what is answered of a generation                         |
| `ledgers` | what is answered of a ledger                             |
| `results` | texts of others, amounts, and errors in words of our own |

The package `mcp`, the official SDK, is another; imports here are absolute.
"""
