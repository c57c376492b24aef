"""Which lookup is next: the oldest promise first, within bounds, in order where that is asked."""

from hypothesis import given
from hypothesis import strategies as st

from modelgates_client.bulk import schedule
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
    plan = Schedule(5, ordered=False)
    first, second = lookup(0), lookup(1)
    plan.add(first)
    assert plan.next(0.0) is first
    plan.park(first, 3.0)
    plan.add(second)
    assert plan.next_due() == 3.0
    assert plan.next(4.0) is first
    assert plan.next(4.0) is second
    assert plan.next(4.0) is None
    assert plan.next_due() is None


def test_what_was_refused_is_next():
    """It keeps its turn."""
    plan = Schedule(5, ordered=False)
    one, other = lookup(0), lookup(1)
    plan.add(one)
    plan.add(other)
    assert plan.next(0.0) is one
    plan.put_back(one)
    assert plan.next(0.0) is one


def test_what_nobody_takes_stops_the_sending():
    """The reader decides on the speed."""
    plan = Schedule(2, ordered=False)
    for number in range(2):
        plan.add(lookup(number))
        plan.finish(completed(plan.next(0.0)))
    plan.add(lookup(2))
    assert plan.next(0.0) is None
    plan.ready.popleft()
    assert plan.next(0.0) is not None


@given(
    concurrency=st.integers(1, 5),
    ordered=st.booleans(),
    moves=st.lists(st.tuples(st.sampled_from("anpbft"), st.integers(0, 9)), max_size=200),
)
def test_nothing_is_lost_and_the_bounds_hold(concurrency, ordered, moves):
    """Whatever happens in whichever order: each lookup is in one place, and comes out once."""
    before, schedule.MAX_OPEN = schedule.MAX_OPEN, 12
    try:
        plan = Schedule(concurrency, ordered=ordered)
        now, added, flying, taken = 0.0, 0, [], []
        for move, number in moves:
            now += number / 10
            if move == "a" and plan.wanted:
                plan.add(lookup(added))
                added += 1
            elif move == "n" and len(flying) < concurrency and (one := plan.next(now)):
                flying.append(one)
            elif move == "t" and plan.ready:
                taken.append(plan.ready.popleft().number)
            elif flying and move in "pbf":
                one = flying.pop(number % len(flying))
                if move == "p":
                    plan.park(one, now + number)
                elif move == "b":
                    plan.put_back(one)
                else:
                    plan.finish(completed(one))
            assert added - len(taken) <= 12 + 2 * concurrency
            assert len(plan.ready) <= 12 + 2 * concurrency
        taken += drained(plan, flying, now)
    finally:
        schedule.MAX_OPEN = before
    assert (taken if ordered else sorted(taken)) == [*range(added)]


def drained(plan, flying, now):
    """Finish and take what is left; return the numbers."""
    taken = []
    while not plan.is_idle or plan.ready:
        now += 10
        one = flying.pop() if flying else plan.next(now)
        if one is not None:
            plan.finish(completed(one))
        if plan.ready:
            taken.append(plan.ready.popleft().number)
    return taken


def test_a_held_clock_stands_still():
    """What it is held for is not taken off."""
    now = [100.0]
    clock = PausableClock(lambda: now[0])
    now[0] = 107.0
    clock.hold(5.0)
    clock.hold(-3.0)
    assert clock() == 102.0
