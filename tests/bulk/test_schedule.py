"""The order of lookups: those due first, within bounds, and in the order of the ids on request."""

from hypothesis import given, strategies as st

from modelgates_client.bulk import schedule as schedule_module
from modelgates_client.bulk.lookups import Lookup, PausableClock
from modelgates_client.bulk.options import Completed, PreparedCall
from modelgates_client.bulk.schedule import Schedule


def lookup(number):
    """Return a lookup without steps."""
    return Lookup(number, f"gen-{number}", PreparedCall(None, iter(())), PausableClock(), 0.0)


def completed(lookup):
    """Return the completion of a lookup."""
    return Completed(lookup.number, lookup.item, LookupError())


def test_a_due_lookup_precedes_a_new_one():
    """A record that is waited for is older than an id not requested yet."""
    schedule = Schedule(5, ordered=False)
    first, second = lookup(0), lookup(1)
    schedule.add(first)
    assert schedule.next(0.0) is first
    schedule.park(first, 3.0)
    schedule.add(second)
    assert schedule.next_due() == 3.0
    assert schedule.next(4.0) is first
    assert schedule.next(4.0) is second
    assert schedule.next(4.0) is None
    assert schedule.next_due() is None


def test_a_refused_lookup_keeps_its_turn():
    """It is sent again before any other."""
    schedule = Schedule(5, ordered=False)
    first, second = lookup(0), lookup(1)
    schedule.add(first)
    schedule.add(second)
    assert schedule.next(0.0) is first
    schedule.put_back(first)
    assert schedule.next(0.0) is first


def test_a_full_result_queue_stops_sending():
    """The consumer determines the speed."""
    schedule = Schedule(2, ordered=False)
    for number in range(2):
        schedule.add(lookup(number))
        schedule.finish(completed(schedule.next(0.0)))
    schedule.add(lookup(2))
    assert schedule.next(0.0) is None
    schedule.ready.popleft()
    assert schedule.next(0.0) is not None


@given(
    concurrency=st.integers(1, 5),
    ordered=st.booleans(),
    moves=st.lists(st.tuples(st.sampled_from("anpbft"), st.integers(0, 9)), max_size=200),
)
def test_no_lookup_is_lost_and_the_bounds_hold(concurrency, ordered, moves):
    """After any moves, each lookup is in one place and is yielded once."""
    before, schedule_module.MAX_OPEN = schedule_module.MAX_OPEN, 12
    try:
        schedule = Schedule(concurrency, ordered=ordered)
        now, added, in_flight, taken = 0.0, 0, [], []
        for move, number in moves:
            now += number / 10
            if move == "a" and schedule.free_slots:
                schedule.add(lookup(added))
                added += 1
            elif move == "n" and len(in_flight) < concurrency and (one := schedule.next(now)):
                in_flight.append(one)
            elif move == "t" and schedule.ready:
                taken.append(schedule.ready.popleft().number)
            elif in_flight and move in "pbf":
                one = in_flight.pop(number % len(in_flight))
                if move == "p":
                    schedule.park(one, now + number)
                elif move == "b":
                    schedule.put_back(one)
                else:
                    schedule.finish(completed(one))
            assert added - len(taken) <= 12 + 2 * concurrency
            assert len(schedule.ready) <= 12 + 2 * concurrency
        taken += drain(schedule, in_flight, now)
    finally:
        schedule_module.MAX_OPEN = before
    assert (taken if ordered else sorted(taken)) == [*range(added)]


def drain(schedule, in_flight, now):
    """Finish and take the remaining lookups; return their numbers."""
    taken = []
    while not schedule.is_idle or schedule.ready:
        now += 10
        one = in_flight.pop() if in_flight else schedule.next(now)
        if one is not None:
            schedule.finish(completed(one))
        if schedule.ready:
            taken.append(schedule.ready.popleft().number)
    return taken


def test_a_paused_clock_stands_still():
    """The paused time does not count."""
    now = [100.0]
    clock = PausableClock(lambda: now[0])
    now[0] = 107.0
    clock.exclude(5.0)
    clock.exclude(-3.0)
    assert clock() == 102.0
