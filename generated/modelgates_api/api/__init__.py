# Generated from openapi.yaml by `nox -s regenerate`; do not edit.
"""The operations of the spec: one module each, in one package per tag."""

from modelgates_runtime.catalogue import Catalogue

#: All operations by id; each is imported on first use.
OPERATIONS = Catalogue(__name__, {"get-generation": "generations.get_generation"})

#: Parts of the spec that this package does not support, with the reason.
LEFT_OUT: tuple[str, ...] = ()
