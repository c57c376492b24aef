"""`Catalogue`, the operations of a generated package, each imported on first use."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from modelgates_runtime.operation import Operation


class Catalogue(Mapping[str, Operation[Any]]):
    """The operations of a package by id."""

    def __init__(self, package: str, modules: Mapping[str, str]) -> None:
        """Create a catalogue.

        Args:
            package: The name of the package.
            modules: The module of each operation, by its id, relative to the package.
        """
        self._package = package
        self._modules = modules

    def __getitem__(self, name: str) -> Operation[Any]:
        module = import_module(f"{self._package}.{self._modules[name]}")
        operation: Operation[Any] = module.OPERATION
        return operation

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)
