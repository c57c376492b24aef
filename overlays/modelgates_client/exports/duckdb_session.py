"""Confined DuckDB sessions: no network, no extensions, only named files, bounded memory."""

import os
import tempfile
from collections.abc import Generator, Iterable
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

from modelgates_client.errors import ConfigurationError
from modelgates_client.exports.errors import SourceError
from modelgates_client.exports.sql import literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

EXTRA: Final = "this needs an extra: pip install 'modelgates-client[report]'"

_MEMORY: Final = "384MiB"  # for DuckDB's buffers; Python and SQLite need more
_THREADS: Final = 4  # each has buffers of its own


@contextmanager
def open_confined(
    name: str, files: Iterable[str], folders: Iterable[str] = ()
) -> Generator["DuckDBPyConnection"]:
    """Yield a connection to a database in memory, which can access only these files and folders.

    Data that does not fit into memory goes to a temporary folder, which is removed at the end.
    Times are shown in UTC. The settings are locked.

    Args:
        name: The name of the source, for messages.
        files: The absolute paths of the files.
        folders: The absolute paths of folders whose files it may access.

    Raises:
        ConfigurationError: DuckDB is not installed.
        SourceError: A file cannot be read or written, or there is not enough memory.
    """
    try:
        import duckdb  # noqa: PLC0415 - an extra, and slow to load
    except ModuleNotFoundError:
        raise ConfigurationError(EXTRA) from None
    with _temporary_folder() as folder:
        config = {
            "allow_community_extensions": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "memory_limit": _MEMORY,
            "temp_directory": folder,
            "threads": str(min(os.cpu_count() or 1, _THREADS)),
        }
        with duckdb.connect(config=dict(config)) as connection, translate_errors(name):
            for setting in (
                "TimeZone = 'UTC'",
                # It turns joins into filters that Arrow streams cannot always process.
                "disabled_optimizers = 'join_filter_pushdown'",
                f"allowed_paths = [{', '.join(map(literal, files))}]",
                f"allowed_directories = [{', '.join(map(literal, folders))}]",
                "enable_external_access = false",
                "lock_configuration = true",
            ):
                connection.execute(f"SET {setting}")
            yield connection


@contextmanager
def _temporary_folder() -> Generator[str]:
    """Yield a folder that is removed at the end.

    Raises:
        ConfigurationError: It cannot be created.
    """
    with ExitStack() as stack:
        try:
            folder = tempfile.TemporaryDirectory(prefix="modelgates-", ignore_cleanup_errors=True)
        except OSError as error:
            raise ConfigurationError(
                f"there is no writable temporary folder ({error.strerror or error}); name one in "
                "the environment variable TMPDIR"
            ) from None
        yield stack.enter_context(folder)


@contextmanager
def translate_errors(name: str, *, binding: bool = False) -> Generator[None]:
    """Raise DuckDB's errors as `SourceError`; errors that only a bug can cause pass.

    Args:
        name: The name of the source, for messages.
        binding: Whether files can cause binder errors, by the types of their columns.

    Raises:
        SourceError: A file cannot be read or written, or there is not enough memory.
    """
    import duckdb  # noqa: PLC0415 - see above

    translated: tuple[type[Exception], ...] = (
        duckdb.ConversionException,
        duckdb.InvalidInputException,
        duckdb.IOException,
        duckdb.OutOfRangeException,
        duckdb.SerializationException,
        duckdb.TransactionException,
    )
    if binding:
        translated += (duckdb.BinderException, duckdb.NotImplementedException)
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise SourceError(
            name, f"it needs more than {_MEMORY} of memory", "choose fewer rows or columns"
        ) from error
    except translated as error:
        raise SourceError(
            name,
            f"DuckDB says {str(error).splitlines()[0]!r}",
            "check that the file is complete, readable and made by this package, and that the disk "
            "is not full",
        ) from error
