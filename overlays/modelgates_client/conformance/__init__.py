"""Checking responses against the spec: what deviates, how severe it is, and how often.

| module     | subject                                            |
|------------|----------------------------------------------------|
| `checking` | one response: its deviations and their effects     |
| `recorded` | one recorded response, in any of the line formats  |
| `tally`    | many responses: findings, counted and sorted       |
"""
