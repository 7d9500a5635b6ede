"""Whose place a newcomer gets: of those who wait, the longest; of those who are asked, none."""

from hypothesis import given
from hypothesis import strategies as st

from interlock.serve.http.room import Room

NEVER = float("inf")


class Client:
    looked = 0

    def __init__(self, since=NEVER):
        self.since = since

    def waits_since(self):
        self.looked += 1
        return self.since


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["newcomer", "asked", "answered", "left", "later"]), st.integers(0, 99)
    ),
    max_size=80,
)


@given(STEPS, st.integers(1, 6))
def test_it_is_always_the_one_that_has_waited_longest_and_never_one_under_way(steps, most):
    """Against all that are there, at every step; only where none is left may one have to wait."""
    room, places, now = Room(), [], 0.0
    for step, number in steps:
        if step == "later":
            now += 1.0
            if len(places) < most:
                room.forget()
        elif step == "newcomer":
            if len(places) >= most:
                waiting = [client.since for client in places if client.since < NEVER]
                found = room.whose(places, now)
                if found is None:
                    assert not waiting or min(waiting) == now
                    continue
                assert found.since == min(waiting)
                places.remove(found)
            places.append(Client(now))
        elif places:
            client = places[number % len(places)]
            if step == "left":
                places.remove(client)
                client.since = NEVER
            else:
                client.since = NEVER if step == "asked" else now


def test_newcomers_cost_little_whatever_the_others_do():
    """A thousand in one instant, where all are silent, all are asked, or all but one are."""
    for silent in (1_000, 0, 1):
        places = [Client(float(n)) for n in range(silent)]
        places += [Client() for _ in range(1_000 - silent)]
        room, given_ = Room(), []
        for _ in range(1_000):
            found = room.whose(places, 5_000.0)
            if found is not None:
                given_.append(found)
                places.remove(found)
                places.append(Client(5_000.0))
        assert [client.since for client in given_[:silent]] == [float(n) for n in range(silent)]
        assert sum(client.looked for client in places) <= 3_000


def test_those_who_have_gone_are_not_kept_in_mind():
    room, places = Room(), [Client(1.0), Client(2.0)]
    room.whose(places, 3.0)
    assert len(room._waiting) == 1
    room.forget()
    assert len(room._waiting) == 0
