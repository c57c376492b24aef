"""A report on a terminal, by rich; of the extra `cli`.

| module    | subject                                                   |
|-----------|-----------------------------------------------------------|
| `text`    | the report, part by part                                  |
| `tables`  | tables that lose no digit, however narrow the terminal is |
| `charts`  | cost over time, and latency, in columns of characters     |
| `drawing` | bars and columns of characters                            |
"""
