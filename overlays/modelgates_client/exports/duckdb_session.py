"""DuckDB, confined: no network, no extensions, no files but those named, bounded memory."""

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

_MEMORY: Final = "384MiB"  # of DuckDB's buffers; what Python and SQLite take comes besides
_THREADS: Final = 4  # each takes buffers of its own


@contextmanager
def confined(
    name: str, files: Iterable[str], folders: Iterable[str] = ()
) -> Generator["DuckDBPyConnection"]:
    """Yield a connection to a database in memory, which can reach these files and no others.

    What does not fit into memory goes to a folder of its own, which is removed in the end. Times
    are shown in UTC. No setting can be changed any more.

    Args:
        name: What is read, for messages.
        files: The paths of the files, absolute.
        folders: The paths of folders whose files it can reach, too, absolute.

    Raises:
        ConfigurationError: DuckDB is not installed.
        SourceError: A file cannot be read or written, or there is not enough memory.
    """
    try:
        import duckdb  # noqa: PLC0415 - an extra, and slow to load
    except ModuleNotFoundError:
        raise ConfigurationError(EXTRA) from None
    with _temporary() as folder:
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
                # It makes filters of joins that what comes by way of PyArrow cannot always take.
                "disabled_optimizers = 'join_filter_pushdown'",
                f"allowed_paths = [{', '.join(map(literal, files))}]",
                f"allowed_directories = [{', '.join(map(literal, folders))}]",
                "enable_external_access = false",
                "lock_configuration = true",
            ):
                connection.execute(f"SET {setting}")
            yield connection


@contextmanager
def _temporary() -> Generator[str]:
    """Yield a folder that is removed in the end.

    Raises:
        ConfigurationError: There is no place for one.
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
    """Say what DuckDB's errors mean; those that only a bug can cause stay as they are.

    Args:
        name: What is read, for messages.
        binding: Whether files can be why a statement has no meaning: by the types of columns.

    Raises:
        SourceError: A file cannot be read or written, or there is not enough memory.
    """
    import duckdb  # noqa: PLC0415 - see above

    outside: tuple[type[Exception], ...] = (
        duckdb.ConversionException,
        duckdb.InvalidInputException,
        duckdb.IOException,
        duckdb.OutOfRangeException,
        duckdb.SerializationException,
        duckdb.TransactionException,
    )
    if binding:
        outside += (duckdb.BinderException, duckdb.NotImplementedException)
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise SourceError(
            name, f"it takes more than {_MEMORY} of memory", "choose fewer rows or columns"
        ) from error
    except outside as error:
        raise SourceError(
            name,
            f"DuckDB says {str(error).splitlines()[0]!r}",
            "make sure that it is a whole file of ours, readable, and that the disk is not full",
        ) from error
