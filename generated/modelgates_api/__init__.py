# Generated from openapi.yaml by `nox -s regenerate`; do not edit.
"""A client library for accessing ModelGates API"""
