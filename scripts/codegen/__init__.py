"""From the vendored spec to the generated package, in steps that each can be read alone.

`overlay` corrects the document, and `updates` tells what has become of its corrections;
`normalizing` gives it its normal form; `properties` and `rendering` make of that what the templates
of openapi-python-client read; `generator` runs it.
"""
