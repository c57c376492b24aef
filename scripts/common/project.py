"""The paths of a project: its inputs, its hand-written overlays and its output."""

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
        """The origin of the spec, and the tools and inputs of the generated code."""
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
        """The accepted differences between the vendored spec and a new one."""
        return self.root / "overlays" / "accepted-differences.yaml"

    @property
    def templates(self) -> Path:
        """The overlay over the generator."""
        return self.root / "overlays" / "templates"

    @property
    def client(self) -> Path:
        """The hand-written package that users import."""
        return self.root / "overlays" / "modelgates_client"

    @property
    def runtime(self) -> Path:
        """The package that generated code is built on."""
        return self.root / "overlays" / "modelgates_runtime"

    @property
    def requirements(self) -> Path:
        """The exact versions and hashes of the tools."""
        return self.root / "scripts" / "requirements" / "codegen.txt"

    @property
    def generated(self) -> Path:
        """The output directory; it may have no other files."""
        return self.root / "generated"

    @property
    def scratch(self) -> Path:
        """The directory for new files; it exists only if a tool was killed while replacing some."""
        return self.root / ".install"

    def inputs(self) -> list[Path]:
        """Return the files that the output depends on, apart from the spec and `scripts`."""
        templates = self.templates.rglob("*.jinja")
        return sorted([self.config, self.overlay, self.requirements, *templates])
