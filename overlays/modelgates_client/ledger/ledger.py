"""`Ledger`: records in an SQLite file, and the queue of ids that have no record yet."""

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from types import TracebackType
from typing import Any, Final, Literal, Self

from modelgates_client.bulk.outcomes import Outcome
from modelgates_client.ledger import id_queue, reading, schema, verification, writing
from modelgates_client.ledger.capture_file import (
    CapturedId,
    has_capture_file,
    import_lines,
    is_fully_imported,
)
from modelgates_client.ledger.database import Database
from modelgates_client.ledger.derived import Derived
from modelgates_client.ledger.errors import LedgerError, outdated_error
from modelgates_client.ledger.labels import Labels
from modelgates_client.ledger.text_encoding import decode_id, encode_id
from modelgates_client.ledger.values import GivenUp, LedgerCounts, StoredRecord, UnresolvedId
from modelgates_client.ledger.verification import Flaw
from modelgates_client.transport.deadline import monotonic_s

_LOCK_TIMEOUT_S: Final = 30.0
_ENQUEUE_BATCH: Final = 10_000  # ids that are queued in one transaction
_POLL_S: Final = 0.5  # between checks of the leases of other holders
_ID_BATCH: Final = 1000  # ids that are read in one query
_BODY_BATCH: Final = 32  # bodies that are read in one query

#: Kinds of unresolved ids.
Kind = Literal["waiting", "unknown", "forgotten"]
_READERS: Final = {
    "waiting": reading.unresolved,
    "unknown": reading.with_unknown_cost,
    "forgotten": reading.forgotten,
}


class Ledger:
    """Records in an SQLite file, and the queue of ids that have no record yet.

    Several processes may have a ledger open at the same time, and several threads may share one
    object. When `add` and `enqueue` return, their data is on disk. After a `LedgerError` a call can
    be retried, unless the error says to open the ledger again.

    It is a context manager. New files have mode 0600: only their owner may read them.

    Attributes:
        path: The path, as the caller gave it.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        read_only: bool = False,
        timeout_s: float = _LOCK_TIMEOUT_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open a ledger. Unless `read_only`, create it if it does not exist, else upgrade it.

        Ids that were captured for it (`modelgates_client.capture`) are imported.

        Columns for new fields of the spec are added to `rows` in place: see `fill_rows`. If its
        columns have changed otherwise, all rows are rebuilt from the bodies, which takes some
        minutes for a million records. With `read_only` the rows are not changed: see `check_rows`.

        Args:
            path: The path of the file.
            read_only: Whether to change nothing, not even the version of the tables.
            timeout_s: Seconds to wait for another process that keeps the file locked.
            clock: Returns seconds since 1970-01-01 UTC.

        Raises:
            LedgerError: It cannot be opened.
        """
        self._clock = clock
        self._derived = Derived()
        self._has_leases = False
        self._database = Database(path, read_only=read_only, timeout_s=timeout_s)
        self.path: Final = self._database.path
        try:
            if read_only:
                schema.check_version(self._database, schema.STEPS)
                return
            schema.upgrade(self._database, schema.STEPS)
            self._database.enable_wal()
            self._derived.update(self._database)
            with self._database.writing() as connection:
                self._holder = id_queue.new_holder(connection)
            self.import_captured()
        except BaseException:
            self._database.close()
            raise

    def enqueue(self, ids: Iterable[str]) -> int:
        """Queue the ids that are new to the ledger.

        They are written in batches of ten thousand while `ids` is read: if that is interrupted,
        earlier batches stay queued. Any string is an id.

        Returns:
            The number of new ids.

        Raises:
            LedgerError: It failed.
            TypeError: An id is not a string.
        """
        iterator = iter(ids)
        new = 0
        while batch := [encode_id(each) for each in islice(iterator, _ENQUEUE_BATCH)]:
            with self._database.writing() as connection:
                new += id_queue.enqueue(connection, batch, self._now())
        return new

    def import_captured(self) -> int:
        """Queue the ids that were captured since the last import, with their labels.

        An id keeps the labels that it has.

        Returns:
            The number of new ids.

        Raises:
            LedgerError: It failed; ids that were imported before stay imported.
        """
        if not has_capture_file(self.path):
            return 0
        new = 0

        def import_ids(connection: sqlite3.Connection, captured: list[CapturedId]) -> None:
            nonlocal new
            new += id_queue.import_captured(connection, captured)

        import_lines(self._database, import_ids)
        return new

    def has_all_captured(self) -> bool:
        """Whether all captured ids are imported.

        Raises:
            LedgerError: The capture file cannot be read.
        """
        return is_fully_imported(self._database)

    def labels(self, generation_id: str) -> Labels:
        """Return the labels of an id, which may be empty.

        Raises:
            LedgerError: It failed.
        """
        with self._database.reading() as connection:
            return reading.labels(connection, encode_id(generation_id))

    def lease(self, limit: int, *, failed: bool = False, wait: bool = True) -> list[str]:
        """Lease ids that have no final record, and that no other holder has leased.

        The lease lasts 30 s from the last `lease`, `add` or `renew` of this object; then others may
        lease the ids. Ids that were requested since this object was opened, by any holder, are left
        out, so that a loop until no ids are left ends.

        If other holders have leased all remaining ids, it waits until they release some, renew
        their leases, or their leases expire, which takes at most 30 s. So when it returns no ids,
        all remaining ids are leased by holders that are alive.

        Args:
            limit: The maximum number of ids.
            failed: Whether to lease failed ids as well, after the others.
            wait: Whether to wait for ids that other holders have leased.

        Raises:
            LedgerError: It failed.
            ValueError: `limit` is negative.
        """
        if limit < 0:
            raise ValueError(f"limit must be a number of ids, not {limit}")
        states = _states(failed=failed)
        leased, holders = self._lease(limit, states)
        end_s = monotonic_s() + id_queue.LEASE_S + _POLL_S
        silent: dict[int, int] = holders  # that have not renewed since the wait began
        while wait and limit and not leased and silent and monotonic_s() < end_s:
            time.sleep(_POLL_S)
            leased, holders = self._lease(limit, states)
            silent = {each: until for each, until in silent.items() if holders.get(each) == until}
        return leased

    def _lease(self, limit: int, states: Sequence[str]) -> tuple[list[str], dict[int, int]]:
        """Lease free ids; if there are none, return the other holders and when their leases end."""
        holders: dict[int, int] = {}
        with self._database.writing() as connection:
            now = self._now()
            leased = id_queue.lease(connection, self._holder, limit, states, now)
            if not leased:
                holders = id_queue.other_holders(connection, self._holder, states, now)
        self._has_leases = True
        return [decode_id(encoded_id) for encoded_id in leased], holders

    def has_waiting(self) -> bool:
        """Whether `lease` would return ids now.

        Raises:
            LedgerError: It failed.
        """
        with self._database.reading() as connection:
            return id_queue.has_waiting(connection, self._holder)

    def count_leased_elsewhere(self, *, failed: bool = False) -> int:
        """Return the number of ids without a final record that other holders have leased.

        Ids that this object requested since it was opened are not counted.

        Args:
            failed: Whether failed ids count as well.

        Raises:
            LedgerError: It failed.
        """
        with self._database.reading() as connection:
            return id_queue.count_leased_elsewhere(connection, self._holder, _states(failed=failed))

    def renew(self) -> None:
        """Renew the leases of this object for another 30 s.

        Raises:
            LedgerError: It failed.
        """
        if self._has_leases:
            with self._database.writing() as connection:
                id_queue.renew(connection, self._holder, self._now())

    def start_new_pass(self) -> None:
        """Let `lease` return ids again that were requested since this object was opened.

        Raises:
            LedgerError: It failed.
        """
        with self._database.writing() as connection:
            holder = id_queue.renumber_holder(connection, self._holder, self._now())
        self._holder = holder
        self._has_leases = True

    def release(self) -> None:
        """Release the leases of this object, so that others can lease the ids at once.

        Raises:
            LedgerError: It failed; the leases expire.
        """
        if self._has_leases:
            with self._database.writing() as connection:
                id_queue.release(connection, self._holder)
            self._has_leases = False

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Store the outcomes of ids in one transaction, which is written whole or not at all.

        The ids need not be queued. Pass batches of some hundreds: all outcomes are held in memory.

        A record replaces one with another body, which moves to the history; a record that is not
        final never replaces one that is. An id without a final record stays in the queue. Adding
        the same record again does not change it.

        Raises:
            LedgerError: It failed.
            TypeError: An item is not an outcome.
        """
        now = self._now()
        prepared = [writing.prepare(outcome, now, self._derived.row) for outcome in outcomes]
        if not prepared:
            return
        with self._database.writing() as connection:
            self._derived.check_columns(self._database, connection)
            newest = id_queue.newest_holder(connection)
            context = writing.WriteContext(now, self._holder, newest)
            with self._derived.putting(connection) as put_row:
                writing.write(connection, prepared, context, put_row)
            if self._has_leases:
                id_queue.renew(connection, self._holder, self._now())

    def forget(self, ids: Iterable[str]) -> int:
        """Forget ids without a record: they are no longer requested, and counted separately.

        Their state is kept, and a record that arrives after all is stored. Ids that have a record,
        or that the ledger does not have, are not changed.

        Returns:
            The number of forgotten ids.

        Raises:
            LedgerError: It failed.
            TypeError: An id is not a string.
        """
        encoded_ids = [encode_id(each) for each in ids]
        with self._database.writing() as connection:
            return id_queue.forget(connection, encoded_ids, self._now())

    def forget_all(
        self, *, pending: bool = True, failed: bool = True, older_than_s: float = 0.0
    ) -> int:
        """Forget all ids without a record, as `forget` does.

        Args:
            pending: Whether to forget pending ids.
            failed: Whether to forget failed ids.
            older_than_s: The minimum age in seconds: since the time in the id, if it has the form
                `gen-<seconds>-…`, else since it was queued.

        Returns:
            The number of forgotten ids.

        Raises:
            LedgerError: It failed.
        """
        chosen = (("pending", pending), ("failed", failed))
        states = [state for state, is_chosen in chosen if is_chosen]
        if not states:
            return 0
        with self._database.writing() as connection:
            now = self._now()
            before = now - round(older_than_s * 1e6)
            return id_queue.forget_all(connection, states, before, now)

    def give_up(self, older_than_s: float) -> GivenUp:
        """Stop requesting old ids that no further request is expected to help.

        Ids that the server has reported to have no record are forgotten, and failed ids if they
        failed before this object was opened. A record that is not final is kept if a request at
        that age has not changed this; its state is then `never-final`. Ids that are leased, were
        never requested, or got no response stay queued.

        Args:
            older_than_s: The minimum age in seconds, as for `forget_all`.

        Raises:
            LedgerError: It failed.
        """
        with self._database.writing() as connection:
            now = self._now()
            before = now - round(older_than_s * 1e6)
            return id_queue.give_up(connection, self._holder, before, now)

    def recall(self, ids: Iterable[str] | None = None) -> int:
        """Queue ids again that were forgotten or given up; None: all of them.

        Returns:
            The number of these ids.

        Raises:
            LedgerError: It failed.
            TypeError: An id is not a string.
        """
        encoded_ids = None if ids is None else [encode_id(each) for each in ids]
        with self._database.writing() as connection:
            if encoded_ids is None:
                return id_queue.recall_all(connection)
            return id_queue.recall(connection, encoded_ids)

    def counts(self) -> LedgerCounts:
        """Return the number of ids in each state, as of one moment.

        Raises:
            LedgerError: It failed.
        """
        with self._database.reading() as connection:
            return reading.counts(connection)

    def record(self, generation_id: str) -> StoredRecord | None:
        """Return the record of an id; None if there is none.

        Raises:
            LedgerError: It failed.
        """
        with self._database.reading() as connection:
            return reading.record(connection, encode_id(generation_id))

    def history(self, generation_id: str) -> list[StoredRecord]:
        """Return the other versions of an id's record, in the order in which they were archived.

        Raises:
            LedgerError: It failed.
        """
        with self._database.reading() as connection:
            return reading.history(connection, encode_id(generation_id))

    def unresolved(self, kind: Kind = "waiting") -> Iterator[UnresolvedId]:
        """Yield unresolved ids, in the order in which they were added to the ledger.

        Other processes may go on writing; memory is bounded.

        Args:
            kind: `waiting`: ids in the queue; `unknown`: ids whose record does not state its cost;
                or `forgotten`, which includes those of the state `never-final`.

        Raises:
            LedgerError: It failed.
        """
        if kind == "unknown":
            self.check_rows()
        read_batch = _READERS[kind]
        key = 0
        while True:
            with self._database.reading() as connection:
                batch = read_batch(connection, key, _ID_BATCH)
            if not batch:
                return
            for key, unresolved in batch:  # noqa: B007 - the next batch starts after the last key
                yield unresolved

    def unresolved_id(self, generation_id: str) -> UnresolvedId | None:
        """Return why an id is queued or was forgotten; None if it is neither.

        Raises:
            LedgerError: It failed.
        """
        with self._database.reading() as connection:
            return reading.unresolved_id(connection, encode_id(generation_id))

    def bodies(self) -> Iterator[tuple[str, bytes]]:
        """Yield the id and the body of every record, in the order in which ids were added.

        Other processes may go on writing; memory is bounded.

        Raises:
            LedgerError: It failed.
        """
        key = 0
        while True:
            with self._database.reading() as connection:
                batch = reading.stored_bodies(connection, key, _BODY_BATCH)
            if not batch:
                return
            key = batch[-1].key
            yield from [(decode_id(each.encoded_id), each.body) for each in batch]

    def flaws(self) -> Iterator[Flaw]:
        """Verify the database, bodies, rows, labels and control totals; yield all damage.

        It reads the whole file. Other processes may go on writing; memory is bounded.

        Raises:
            LedgerError: The file, or the rest of it, cannot be read.
        """
        return verification.flaws(self._database, self._derived)

    def repair(self, flaws: Iterable[Flaw]) -> None:
        """Rebuild all rows from the bodies, and queue the ids of lost records.

        A record whose body has changed counts as provisional until it is fetched again.

        Raises:
            LedgerError: It failed.
        """
        with self._database.writing() as connection:
            for flaw in flaws:
                if flaw.is_record_lost and flaw.key is not None:
                    id_queue.requeue(connection, flaw.key, self._now())
            self._derived.discard(connection)
        self._derived.update(self._database)

    def fill_rows(self) -> int:
        """Fill columns that were added to the rows for new fields of the spec.

        Until then such a column is null in rows that were stored before it was added, unless their
        records have changed since. Other processes may go on reading and writing.

        Returns:
            The number of rows that were derived again; 0 if all columns are filled.

        Raises:
            LedgerError: It failed; the next call continues where this one stopped.
        """
        return self._derived.fill(self._database)

    def rows(self, columns: Iterable[str] | None = None) -> Any:
        """Return the rows, one for each id, as of one moment, as a `pyarrow.Table`.

        Amounts are exact decimals of US dollars, times are aware; unknown values are null.

        >>> pandas_frame = ledger.rows().to_pandas(types_mapper=pandas.ArrowDtype)  # doctest: +SKIP
        >>> polars_frame = polars.from_arrow(ledger.rows())  # doctest: +SKIP
        >>> relation = duckdb.from_arrow(ledger.rows())  # doctest: +SKIP

        Args:
            columns: The names of the columns; fewer are faster. None: all.

        Raises:
            ConfigurationError: There is no such column, or the extra `arrow` is not installed.
            LedgerError: They cannot be read.
        """
        from modelgates_client.ledger.arrow import read_table, select_columns  # noqa: PLC0415 - an extra

        selected = select_columns(columns)
        self.check_rows()
        with self._database.reading() as connection:
            return read_table(connection, selected)

    def check_rows(self) -> list[str]:
        """Check that the rows are complete and can be read by this version of the package.

        Columns for fields of the spec that the file does not have yet read as null.

        Returns:
            SQL statements that let another connection read these columns.

        Raises:
            LedgerError: They are not; opening the ledger for writing rebuilds them.
        """
        with self._database.reading() as connection:
            return self._derived.check(self._database, connection)

    def close(self) -> None:
        """Release the leases and close the file. Calling it again has no effect."""
        with contextlib.suppress(LedgerError):  # leases that cannot be released expire
            self.release()
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _now(self) -> int:
        return int(self._clock() * 1e6)


def bring_up_to_date(path: str | os.PathLike[str]) -> None:
    """Import the ids that were captured for a ledger, before it is read.

    Raises:
        LedgerError: There are some, and the ledger cannot be written to.
    """
    if not has_capture_file(path):
        return
    try:
        with Ledger(path):
            return
    except LedgerError as error:
        with Ledger(path, read_only=True) as ledger:
            if not ledger.has_all_captured():
                raise outdated_error(
                    ledger.path, "some ids that were captured for it are not imported"
                ) from error


def _states(*, failed: bool) -> tuple[str, ...]:
    """Return the queue states to lease, in order of preference."""
    return ("pending", "failed") if failed else ("pending",)
