"""Compares two versions of the spec, from the side of a client that reads responses.

Data flows down: documents are read, compared, and what was found is judged and told.

| module            | subject                                                          |
|-------------------|------------------------------------------------------------------|
| `document`        | a document and its places, by JSON pointer                       |
| `members`         | the parts of two objects: which are in one alone, which in both  |
| `schemas`         | what a schema of the normal form says to those who compare it    |
| `effects`         | what a change does to programs: absorbed, surfaced, broken       |
| `changes`         | one change, where it is felt, and the collection of them         |
| `rules`           | how bad each kind of change is, and why                          |
| `change_recorder` | from what a comparison finds to a change                         |
| `reading`         | what the client of one schema makes of the values of another     |
| `statuses`        | by which documented status the client reads an answer            |
| `media`           | as which media type it reads a body                              |
| `choices`         | which of several alternatives mean the same                      |
| `similarity`      | which schemas allow the same, in whatever words                  |
| `keywords`        | compares what shapes list, and their bounds                      |
| `comparison`      | compares two schemas, place by place                             |
| `operations`      | compares operations: parameters, bodies, answers                 |
| `authentication`  | compares servers and security                                    |
| `unknown`         | keywords by pointer, and those that nobody here understands      |
| `residual`        | differences that nobody has looked at: what makes it complete    |
| `specs`           | all comparisons together                                         |
| `agreement`       | the verdict held against what the backtest saw                   |
| `findings`        | what is found besides changes: refuted places, overtaken actions |
| `evidence`        | recorded answers held against the new document                   |
| `overlay_fixes`   | the overlay's actions that make a document allow what was sent   |
| `suspicions`      | what looks like a slip of the document                           |
| `accepted`        | the differences that are accepted, each with its reason          |
| `surface`         | what a generated package offers, and what another takes away     |
| `release`         | the next version, and what its changelog must say                |
| `assessment`      | puts the report together                                         |
| `report`          | everything that is said of a new spec                            |
| `formats`         | the report as text, JSON, Markdown, annotations                  |
| `lines`           | the line of a file at which a pointer stands                     |
"""
