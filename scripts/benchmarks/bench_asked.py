"""What benchmarks ask for by hand, as the package says it: nothing here repeats the spec."""

from importlib import import_module


def path_of_records() -> str:
    """Return the path of the operation that returns a record, below the server's URL.

    To be called where nothing is measured: it loads the package.
    """
    path: str = import_module("modelgates_api.api.generations.get_generation").OPERATION.path
    return path
