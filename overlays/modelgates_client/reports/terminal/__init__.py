"""A report as text for a terminal; it uses rich, of the extra `cli`.

| module    | subject                                                         |
|-----------|-----------------------------------------------------------------|
| `text`    | the report, part by part                                        |
| `tables`  | tables that never cut digits, however narrow the terminal is    |
| `charts`  | bars and charts in characters                                   |
"""
