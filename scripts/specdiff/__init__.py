"""Compares two versions of the spec, from the side of a client that reads responses.

Data flows down: documents are read and compared, and the differences assessed and reported.

| module            | subject                                                          |
|-------------------|------------------------------------------------------------------|
| `document`        | a document, its nodes by JSON pointer, and how to compare keys   |
| `schemas`         | schemas of the normal form, prepared for comparison              |
| `changes`         | one change, the places it affects, and the set of changes        |
| `rules`           | the level of each kind of change, and the reason                 |
| `change_recorder` | turns the findings of a comparison into changes                  |
| `reading`         | how the client of one spec reads the responses of another        |
| `similarity`      | which schemas are equivalent; pairs their alternatives           |
| `comparison`      | compares two schemas, place by place, with all their keywords    |
| `operations`      | compares operations: parameters, bodies, responses               |
| `authentication`  | compares servers and security                                    |
| `unknown`         | keywords by pointer, and those that this tool does not know      |
| `residual`        | remaining differences, so that the report is complete            |
| `specs`           | runs all comparisons                                             |
| `agreement`       | checks the comparison against the results of the backtest        |
| `findings`        | other findings: contradicted places, obsolete overlay actions    |
| `evidence`        | recorded responses checked against the new document              |
| `overlay_fixes`   | overlay actions that make a document allow what was sent         |
| `suspicions`      | likely mistakes in the document                                  |
| `accepted`        | the accepted differences, each with its reason                   |
| `surface`         | the public names of two generated packages, compared             |
| `release`         | the next version, and the entries its changelog needs            |
| `assessment`      | puts the report together                                         |
| `report`          | the report on a new spec                                         |
| `formats`         | the report as text, JSON, Markdown, annotations                  |
"""
