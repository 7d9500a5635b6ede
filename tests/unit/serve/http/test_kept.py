"""Bytes that wait: never more than the bound, and nobody gives way who keeps little."""

from hypothesis import given
from hypothesis import strategies as st

from interlock.serve.http.kept import KeptBodies

MOST, CLIENTS = 1_000, 10


class Client:
    def __init__(self):
        self.keeps, self.gave_way = 0, 0

    def give_way(self):
        self.keeps, self.gave_way = 0, self.gave_way + 1


@given(steps=st.lists(st.tuples(st.integers(0, CLIENTS - 1), st.integers(0, 1_200)), max_size=60))
def test_the_bound_holds_whatever_comes_and_who_keeps_a_fair_part_is_left_alone(steps):
    kept, clients = KeptBodies(MOST), [Client() for _ in range(CLIENTS)]
    for number, n_bytes in steps:
        client = clients[number]
        before = [one.gave_way for one in clients]
        keeps = [one.keeps for one in clients]
        keeps[number] = client.keeps = n_bytes
        kept.hold(client, n_bytes)
        assert kept.total == sum(one.keeps for one in clients) <= MOST
        assert len(kept) == sum(one.keeps > 0 for one in clients)
        gave_way = [n for n, one in enumerate(clients) if one.gave_way > before[n]]
        if sum(keeps) <= MOST:
            assert gave_way == []
        else:
            assert min(keeps[n] for n in gave_way) > MOST / CLIENTS
            assert min(keeps[n] for n in gave_way) >= max(one.keeps for one in clients)


def test_who_lets_go_while_it_is_asked_to_is_counted_once():
    class Eager(Client):
        def give_way(self):
            super().give_way()
            kept.hold(self, 0)

    kept, one = KeptBodies(10), Eager()
    kept.hold(one, 20)
    assert (kept.total, len(kept), one.gave_way) == (0, 0, 1)
