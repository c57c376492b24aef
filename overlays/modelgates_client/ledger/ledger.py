"""`Ledger`: records kept in an SQLite file, with the queue of ids that have none yet."""

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from types import TracebackType
from typing import Any, Final, Literal, Self

from modelgates_client.bulk.outcomes import Outcome
from modelgates_client.ledger import forgetting, id_queue, reading, schema, verification, writing
from modelgates_client.ledger.capture_file import CapturedId, is_all_taken, is_waiting, take_in
from modelgates_client.ledger.database import Database
from modelgates_client.ledger.derived import Derived
from modelgates_client.ledger.errors import LedgerError, outdated
from modelgates_client.ledger.labels import Labels
from modelgates_client.ledger.prepared_outcomes import prepare
from modelgates_client.ledger.text_encoding import given_id, stored_id
from modelgates_client.ledger.values import LedgerCounts, StoredRecord, UnresolvedId
from modelgates_client.ledger.verification import Flaw
from modelgates_client.transport.deadline import monotonic_s

_BUSY_S: Final = 30.0  # seconds that another process may keep the file locked
_QUEUED: Final = 10_000  # ids that are queued in one transaction
_LOOK_S: Final = 0.5  # between two looks at what others hold
_LISTED: Final = 1000  # ids that are read at one time
_READ: Final = 32  # bodies that are read at one time

#: Kinds of ids of which something is not known.
Kind = Literal["waiting", "unknown", "forgotten"]
_READERS: Final = {
    "waiting": reading.unresolved,
    "unknown": reading.of_unknown_cost,
    "forgotten": reading.forgotten,
}


class Ledger:
    """Records kept in an SQLite file, with the queue of ids that have none yet.

    Several processes may have a ledger open at the same time, and several threads may share one
    object. What `add` and `enqueue` return from is on disk. After a `LedgerError` the object can be
    used for another try, unless the error says to open it anew.

    It is a context manager. A file that is created has mode 0600: only its owner may read it.

    Attributes:
        path: The file, as the caller named it.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        read_only: bool = False,
        timeout_s: float = _BUSY_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open a ledger; for writing, create it or bring it up to date first.

        Ids that were captured for it (`modelgates_client.capture`) are taken in.

        If the columns of `rows` have changed since, they are made anew from the bodies first: some
        minutes for a million records. With `read_only` they are left as they are: `check_rows`.

        Args:
            path: The file.
            read_only: Whether nothing is to be changed, not even the version of the tables.
            timeout_s: Seconds to wait for another process that keeps the file locked.
            clock: Tells seconds since 1970-01-01 UTC.

        Raises:
            LedgerError: It cannot be opened.
        """
        self._clock = clock
        self._derived = Derived()
        self._leasing = False
        self._database = Database(path, read_only=read_only, timeout_s=timeout_s)
        self.path: Final = self._database.path
        try:
            if read_only:
                schema.check_version(self._database, schema.STEPS)
                return
            schema.upgrade(self._database, schema.STEPS)
            self._database.keep_log()
            self._derived.rebuild(self._database)
            with self._database.writing() as connection:
                self._holder = id_queue.new_holder(connection)
            self.take_captured()
        except BaseException:
            self._database.close()
            raise

    def enqueue(self, ids: Iterable[str]) -> int:
        """Queue the ids that are not known yet; again changes nothing.

        They are written ten thousand at a time, while `ids` goes on: broken off, those before are
        queued. Any text is an id.

        Returns:
            How many were new.

        Raises:
            LedgerError: It failed.
            TypeError: An id is no string.
        """
        source = iter(ids)
        new = 0
        while batch := [stored_id(each) for each in islice(source, _QUEUED)]:
            with self._database.writing() as connection:
                new += id_queue.enqueue(connection, batch, self._now())
        return new

    def take_captured(self) -> int:
        """Queue the ids that were captured since the last time, with their labels.

        Labels that an id has stay.

        Returns:
            How many ids were new.

        Raises:
            LedgerError: It failed; what was taken in is taken in.
        """
        if not is_waiting(self.path):
            return 0
        new = 0

        def take(connection: sqlite3.Connection, taken: list[CapturedId]) -> None:
            nonlocal new
            new += id_queue.take_in(connection, taken)

        take_in(self._database, take)
        return new

    def has_all_captured(self) -> bool:
        """Whether all ids that were captured for it are in it.

        Raises:
            LedgerError: The file of captured ids cannot be read.
        """
        return is_all_taken(self._database)

    def labels(self, generation_id: str) -> Labels:
        """Return the labels of an id, if it has any.

        Raises:
            LedgerError: It failed.
        """
        with self._database.reading() as connection:
            return reading.labels(connection, stored_id(generation_id))

    def lease(self, most: int, *, failed: bool = False, wait: bool = True) -> list[str]:
        """Take ids that wait for a record, and that nobody else works on.

        They are leased to this object for 30 s from the last `lease`, `add` or `renew` of it on;
        then others may take them. An id that anybody asked for since this object was opened is not
        among them, so that taking until nothing is left comes to an end.

        While others hold all that is left, it waits until they give some of it back, show that they
        live, or have died: their leases end within 30 s, and so does the wait. So none are left
        when it returns none, but what others, who live, are working on.

        Args:
            most: How many at most.
            failed: Whether ids that had failed are wanted, too, behind the others.
            wait: Whether to wait for what others hold.

        Raises:
            LedgerError: It failed.
            ValueError: `most` is negative.
        """
        if most < 0:
            raise ValueError(f"most is a number of ids, not {most}")
        states = _states(failed=failed)
        leased, held = self._lease(most, states)
        ends_s = monotonic_s() + id_queue.LEASE_S + _LOOK_S
        silent: dict[int, int] = held  # since the wait began
        while wait and most and not leased and silent and monotonic_s() < ends_s:
            time.sleep(_LOOK_S)
            leased, held = self._lease(most, states)
            silent = {who: until for who, until in silent.items() if held.get(who) == until}
        return leased

    def _lease(self, most: int, states: Sequence[str]) -> tuple[list[str], dict[int, int]]:
        """Lease what is free; else tell who holds what is left, and until when."""
        held: dict[int, int] = {}
        with self._database.writing() as connection:
            now = self._now()
            leased = id_queue.lease(connection, self._holder, most, states, now)
            if not leased:
                held = id_queue.held(connection, self._holder, states, now)
        self._leasing = True
        return [given_id(stored) for stored in leased], held

    def has_waiting(self) -> bool:
        """Whether there are ids that `lease` would find now.

        Raises:
            LedgerError: It failed.
        """
        with self._database.reading() as connection:
            return id_queue.has_waiting(connection, self._holder)

    def others(self, *, failed: bool = False) -> int:
        """Return how many ids wait for a record that others work on, or did until they died.

        Those that could be leased are not counted, nor those that this object would not get.

        Args:
            failed: Whether ids that had failed count, too.

        Raises:
            LedgerError: It failed.
        """
        with self._database.reading() as connection:
            return id_queue.others(connection, self._holder, _states(failed=failed))

    def renew(self) -> None:
        """Let the leases of this object last for another 30 s.

        Raises:
            LedgerError: It failed.
        """
        if self._leasing:
            with self._database.writing() as connection:
                id_queue.renew(connection, self._holder, self._now())

    def begin_again(self) -> None:
        """Let `lease` give out again what was asked for since this object was opened.

        Raises:
            LedgerError: It failed.
        """
        with self._database.writing() as connection:
            holder = id_queue.renewed_holder(connection, self._holder, self._now())
        self._holder = holder
        self._leasing = True

    def release(self) -> None:
        """Give the leases of this object back, so that their ids can be leased at once.

        Raises:
            LedgerError: It failed; they end by themselves.
        """
        if self._leasing:
            with self._database.writing() as connection:
                id_queue.release(connection, self._holder)
            self._leasing = False

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Keep what became of ids, in one transaction: all is on disk on return, or nothing is.

        The ids need not be queued. Give batches, of some hundreds: all outcomes are held in memory.

        A record replaces one with another body, which goes to the history; one that is not final
        never replaces one that is. Without a final record an id stays in the queue. The same again
        changes nothing of the records.

        Raises:
            LedgerError: It failed.
            TypeError: Something is no outcome.
        """
        now = self._now()
        arrivals = [prepare(outcome, now, self._derived.row) for outcome in outcomes]
        if not arrivals:
            return
        with self._database.writing() as connection:
            self._derived.check_columns(self._database, connection)
            newest = id_queue.newest_holder(connection)
            moment = writing.Moment(now, self._holder, newest)
            with self._derived.putting(connection) as put:
                writing.write(connection, arrivals, moment, put)
            if self._leasing:
                id_queue.renew(connection, self._holder, self._now())

    def forget(self, ids: Iterable[str]) -> int:
        """Let ids go that have no record: they are not asked for any more, and counted apart.

        What was known of them is kept, and a record that comes all the same counts. Those that have
        one, or are not known, stay as they are.

        Returns:
            How many were forgotten.

        Raises:
            LedgerError: It failed.
            TypeError: An id is no string.
        """
        stored = [stored_id(each) for each in ids]
        with self._database.writing() as connection:
            return forgetting.forget(connection, stored, self._now())

    def forget_all(
        self, *, pending: bool = True, failed: bool = True, older_than_s: float = 0.0
    ) -> int:
        """Let all ids go that have no record, likewise.

        Args:
            pending: Whether those are meant that nobody knows a record of yet.
            failed: Whether those are meant of which another try is not expected to help.
            older_than_s: The age from which on they are meant, in seconds: by the time in the id,
                where it has the form `gen-<seconds>-…`, else since it was queued.

        Returns:
            How many were forgotten.

        Raises:
            LedgerError: It failed.
        """
        return self._forget_all(pending=pending, failed=failed, older_than_s=older_than_s)

    def give_up(self, older_than_s: float) -> int:
        """Forget ids of that age of which the server has said that there is no record.

        Those that failed are forgotten if that was before this object was opened. Those that others
        work on are left alone, as are those that were never asked for, or not answered.

        Args:
            older_than_s: The age, as for `forget_all`.

        Returns:
            How many were forgotten.

        Raises:
            LedgerError: It failed.
        """
        return self._forget_all(older_than_s=older_than_s, in_vain_for=self._holder)

    def _forget_all(
        self,
        *,
        pending: bool = True,
        failed: bool = True,
        older_than_s: float,
        in_vain_for: int | None = None,
    ) -> int:
        states = [name for name, is_meant in (("pending", pending), ("failed", failed)) if is_meant]
        if not states:
            return 0
        with self._database.writing() as connection:
            now = self._now()
            before = now - round(older_than_s * 1e6)
            return forgetting.forget_all(connection, states, before, now, in_vain_for=in_vain_for)

    def recall(self, ids: Iterable[str] | None = None) -> int:
        """Queue ids again that were forgotten, or all of them; return how many there were.

        Raises:
            LedgerError: It failed.
            TypeError: An id is no string.
        """
        stored = None if ids is None else [stored_id(each) for each in ids]
        with self._database.writing() as connection:
            if stored is None:
                return forgetting.recall_all(connection)
            return forgetting.recall(connection, stored)

    def counts(self) -> LedgerCounts:
        """Return how many ids are in which state, as of one moment.

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
            return reading.record(connection, stored_id(generation_id))

    def history(self, generation_id: str) -> list[StoredRecord]:
        """Return what came for an id besides its record, in the order in which it was put aside.

        Raises:
            LedgerError: It failed.
        """
        with self._database.reading() as connection:
            return reading.history(connection, stored_id(generation_id))

    def unresolved(self, kind: Kind = "waiting") -> Iterator[UnresolvedId]:
        """Yield ids of which something is not known, in the order in which they became known.

        Others may go on writing; memory is bounded.

        Args:
            kind: `waiting` for a record; `unknown`: those whose record does not say what it cost;
                or `forgotten`.

        Raises:
            LedgerError: It failed.
        """
        if kind == "unknown":
            self.check_rows()
        read = _READERS[kind]
        key = 0
        while True:
            with self._database.reading() as connection:
                found = read(connection, key, _LISTED)
            if not found:
                return
            for key, each in found:  # noqa: B007 - the last key is where to go on
                yield each

    def waiting(self, generation_id: str) -> UnresolvedId | None:
        """Return why an id waits for a record, or did until it was forgotten; None: it does not.

        Raises:
            LedgerError: It failed.
        """
        with self._database.reading() as connection:
            return reading.one_unresolved(connection, stored_id(generation_id))

    def bodies(self) -> Iterator[tuple[str, bytes]]:
        """Yield the id and the body of every record, in the order in which ids became known.

        Others may go on writing; memory is bounded.

        Raises:
            LedgerError: It failed.
        """
        key = 0
        while True:
            with self._database.reading() as connection:
                found = [
                    (each.key, given_id(each.stored), each.body)
                    for each in reading.kept(connection, key, _READ)
                ]
            if not found:
                return
            for key, generation_id, body in found:  # noqa: B007 - the last key is where to go on
                yield generation_id, body

    def flaws(self) -> Iterator[Flaw]:
        """Yield what is not as it was written: in the database, in bodies, rows, control totals.

        Reads all of it. Others may go on writing, memory is bounded.

        Raises:
            LedgerError: It cannot be read, or no further.
        """
        return verification.flaws(self._database, self._derived)

    def mend(self, flaws: Iterable[Flaw]) -> None:
        """Mend what can be mended: make all rows anew from the bodies, and queue lost records.

        A record whose body is not the one that came counts as one that may still change, until it
        was asked for again.

        Raises:
            LedgerError: It failed.
        """
        with self._database.writing() as connection:
            for flaw in flaws:
                if flaw.asks_again and flaw.key is not None:
                    id_queue.ask_again(connection, flaw.key, self._now())
            self._derived.discard(connection)
        self._derived.rebuild(self._database)

    def rows(self, columns: Iterable[str] | None = None) -> Any:
        """Return the rows as they are at one moment, one for each id, as a `pyarrow.Table`.

        Amounts are exact decimals of US dollars, times aware; what is not known is null.

        >>> pandas_frame = ledger.rows().to_pandas(types_mapper=pandas.ArrowDtype)  # doctest: +SKIP
        >>> polars_frame = polars.from_arrow(ledger.rows())  # doctest: +SKIP
        >>> relation = duckdb.from_arrow(ledger.rows())  # doctest: +SKIP

        Args:
            columns: The names of columns, the fewer the faster; None: all.

        Raises:
            ConfigurationError: There is no such column, or the extra `arrow` is not installed.
            LedgerError: They cannot be read.
        """
        from modelgates_client.ledger.arrow import chosen, table_of  # noqa: PLC0415 - of an extra

        found = chosen(columns)
        self.check_rows()
        with self._database.reading() as connection:
            return table_of(connection, found)

    def check_rows(self) -> None:
        """Make sure that the table `rows` is there, whole and with the columns of this version.

        Raises:
            LedgerError: It is not; opening the ledger for writing mends that.
        """
        with self._database.reading() as connection:
            self._derived.check(self._database, connection)

    def close(self) -> None:
        """Give the leases back and close the file; again is once."""
        with contextlib.suppress(LedgerError):  # leases that cannot be given back end by themselves
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
    """Take in the ids that were captured for a ledger, before it is read.

    Raises:
        LedgerError: There are some, and it cannot be written to.
    """
    if not is_waiting(path):
        return
    try:
        with Ledger(path):
            return
    except LedgerError as error:
        with Ledger(path, read_only=True) as ledger:
            if not ledger.has_all_captured():
                raise outdated(ledger.path, "it lacks ids that were captured for it") from error


def _states(*, failed: bool) -> tuple[str, ...]:
    """Return the states of what is asked for, the first ones first."""
    return ("pending", "failed") if failed else ("pending",)
