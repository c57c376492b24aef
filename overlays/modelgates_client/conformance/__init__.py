"""Responses held against the spec: what deviates, how bad that is, and how often.

| module     | subject                                                  |
|------------|----------------------------------------------------------|
| `checking` | one response: its deviations, and what reading them does |
| `recorded` | a recorded response, in each form that it may be kept in |
| `tally`    | many responses: findings, counted and ordered            |
"""
