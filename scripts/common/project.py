"""The files of a project: what is given, what is written by hand over it, what comes out."""

from dataclasses import dataclass
from pathlib import Path

PACKAGE = "modelgates_api"


@dataclass(frozen=True)
class Project:
    """A checkout, or anything laid out like one.

    Attributes:
        root: The directory that holds `openapi.yaml`.
    """

    root: Path

    @property
    def spec(self) -> Path:
        """The vendored spec."""
        return self.root / "openapi.yaml"

    @property
    def lock(self) -> Path:
        """Where the spec came from, and what turned it into code."""
        return self.root / "openapi.lock.json"

    @property
    def config(self) -> Path:
        """The generator's configuration."""
        return self.root / "codegen-config.yaml"

    @property
    def overlay(self) -> Path:
        """The overlay over the spec."""
        return self.root / "overlays" / "spec.overlay.yaml"

    @property
    def accepted(self) -> Path:
        """The differences between the vendored spec and a new one that are accepted."""
        return self.root / "overlays" / "accepted-differences.yaml"

    @property
    def templates(self) -> Path:
        """The overlay over the generator."""
        return self.root / "overlays" / "templates"

    @property
    def client(self) -> Path:
        """The package that people import, by hand."""
        return self.root / "overlays" / "modelgates_client"

    @property
    def runtime(self) -> Path:
        """The package that generated code stands on."""
        return self.root / "overlays" / "modelgates_runtime"

    @property
    def requirements(self) -> Path:
        """The exact versions and hashes of the tools."""
        return self.root / "scripts" / "requirements" / "codegen.txt"

    @property
    def generated(self) -> Path:
        """What comes out; nothing else may be in it."""
        return self.root / "generated"

    def inputs(self) -> list[Path]:
        """Return the files, besides the spec and `scripts`, that the output depends on."""
        templates = self.templates.rglob("*.jinja")
        return sorted([self.config, self.overlay, self.requirements, *templates])
