# Generated from openapi.yaml by `nox -s regenerate`; do not edit.
"""Every tag of the spec as an attribute of a client, imported on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgates_runtime import resource as _resource

if TYPE_CHECKING:
    from .generations import AsyncGenerationsResource, GenerationsResource


class Resources:
    """The operations of the spec, by tag, for a sync client."""

    @_resource.tag
    def generations(self: _resource.ResourceClient) -> GenerationsResource:
        """The operations of `generations`."""
        from .generations import GenerationsResource

        return GenerationsResource(self)


class AsyncResources:
    """The operations of the spec, by tag, for an async client."""

    @_resource.tag
    def generations(self: _resource.AsyncResourceClient) -> AsyncGenerationsResource:
        """The operations of `generations`."""
        from .generations import AsyncGenerationsResource

        return AsyncGenerationsResource(self)
