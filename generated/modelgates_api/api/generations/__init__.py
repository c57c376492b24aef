# Generated from openapi.yaml by `nox -s regenerate`; do not edit.
"""Contains endpoint functions for accessing the API"""
