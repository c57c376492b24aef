# Generated from openapi.yaml by `nox -s regenerate`; do not edit.
"""The operations of the spec, a module each, in a folder for each tag."""

from modelgates_runtime.catalogue import Catalogue

#: Every operation as a value, by its id; each loads when it is asked for.
OPERATIONS = Catalogue(__name__, {"get-generation": "generations.get_generation"})

#: What the spec has, and this package does not send or read; with the reason.
LEFT_OUT: tuple[str, ...] = ()
