# Generated from openapi.yaml by `nox -s regenerate`; do not edit.
"""Types that the generated code shares."""

from modelgates_runtime.types import File, FileTypes, RequestFiles, Response

__all__ = ["File", "FileTypes", "RequestFiles", "Response"]
