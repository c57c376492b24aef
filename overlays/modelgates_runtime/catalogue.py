"""`Catalogue`, the operations of a generated package, each loaded when it is asked for."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from modelgates_runtime.operation import Operation


class Catalogue(Mapping[str, Operation[Any]]):
    """The operations of a package, by their ids."""

    def __init__(self, package: str, modules: Mapping[str, str]) -> None:
        """Find the operations in modules, which are named below a package."""
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
