"""Which lookup is next: the oldest promise first, within bounds, in order where that is asked."""

from hypothesis import given
from hypothesis import strategies as st

from modelgates_client.bulk import schedule as schedule_module
from modelgates_client.bulk.lookups import Lookup, PausableClock
from modelgates_client.bulk.options import Completed, PreparedCall
from modelgates_client.bulk.schedule import Schedule


def lookup(number):
    """Return a lookup that asks for nothing."""
    return Lookup(number, f"gen-{number}", PreparedCall(None, iter(())), PausableClock(), 0.0)


def completed(one):
    """Return its end."""
    return Completed(one.number, one.item, LookupError())


def test_what_is_due_comes_before_what_is_new():
    """A record that is waited for is older than one nobody asked for yet."""
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


def test_what_was_refused_is_next():
    """It keeps its turn."""
    schedule = Schedule(5, ordered=False)
    one, other = lookup(0), lookup(1)
    schedule.add(one)
    schedule.add(other)
    assert schedule.next(0.0) is one
    schedule.put_back(one)
    assert schedule.next(0.0) is one


def test_what_nobody_takes_stops_the_sending():
    """The reader decides on the speed."""
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
def test_nothing_is_lost_and_the_bounds_hold(concurrency, ordered, moves):
    """Whatever happens in whichever order: each lookup is in one place, and comes out once."""
    before, schedule_module.MAX_OPEN = schedule_module.MAX_OPEN, 12
    try:
        schedule = Schedule(concurrency, ordered=ordered)
        now, added, flying, taken = 0.0, 0, [], []
        for move, number in moves:
            now += number / 10
            if move == "a" and schedule.free_slots:
                schedule.add(lookup(added))
                added += 1
            elif move == "n" and len(flying) < concurrency and (one := schedule.next(now)):
                flying.append(one)
            elif move == "t" and schedule.ready:
                taken.append(schedule.ready.popleft().number)
            elif flying and move in "pbf":
                one = flying.pop(number % len(flying))
                if move == "p":
                    schedule.park(one, now + number)
                elif move == "b":
                    schedule.put_back(one)
                else:
                    schedule.finish(completed(one))
            assert added - len(taken) <= 12 + 2 * concurrency
            assert len(schedule.ready) <= 12 + 2 * concurrency
        taken += drained(schedule, flying, now)
    finally:
        schedule_module.MAX_OPEN = before
    assert (taken if ordered else sorted(taken)) == [*range(added)]


def drained(schedule, flying, now):
    """Finish and take what is left; return the numbers."""
    taken = []
    while not schedule.is_idle or schedule.ready:
        now += 10
        one = flying.pop() if flying else schedule.next(now)
        if one is not None:
            schedule.finish(completed(one))
        if schedule.ready:
            taken.append(schedule.ready.popleft().number)
    return taken


def test_a_held_clock_stands_still():
    """What it is held for is not taken off."""
    now = [100.0]
    clock = PausableClock(lambda: now[0])
    now[0] = 107.0
    clock.exclude(5.0)
    clock.exclude(-3.0)
    assert clock() == 102.0
