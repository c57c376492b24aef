"""From the vendored spec to the generated package, in steps that each can be read alone.

`overlay`, `discriminators` and `enum_names` prepare the document; `generator` runs
openapi-python-client, with its `corrections` between parsing and rendering.
"""
