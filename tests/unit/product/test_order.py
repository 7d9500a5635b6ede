"""The order of features: after all that they need; circles are found and named."""

from hypothesis import given
from hypothesis import strategies as st

from interlock.product.order import order_of

NAMES = "abcdef"
graphs = st.dictionaries(
    st.sampled_from(NAMES),
    st.lists(st.sampled_from(NAMES + "xy"), max_size=3, unique=True).map(tuple),
)
acyclic = st.fixed_dictionaries(
    {
        name: st.lists(st.sampled_from(NAMES[:i] + "x"), max_size=3, unique=True).map(tuple)
        for i, name in enumerate(NAMES)
    }
).flatmap(
    lambda needs: st.permutations(list(needs)).map(lambda order: {n: needs[n] for n in order})
)


@given(acyclic)
def test_without_circles_each_comes_after_all_it_needs(needs):
    order, circles = order_of(needs, {"x"})
    assert circles == ()
    assert sorted(order) == sorted(needs)
    for name, arguments in needs.items():
        assert all(order.index(a) < order.index(name) for a in arguments if a in needs)


@given(graphs)
def test_a_circle_is_a_circle_and_what_is_outside_of_one_is_not_in_it(needs):
    order, circles = order_of(needs, set())
    for name in order:
        assert all(a in order[: order.index(name)] for a in needs[name] if a in needs)
    named = [name for circle in circles for name in circle]
    assert not set(named) & set(order)
    assert len(named) == len(set(named))
    for circle in circles:
        for name, following in zip(circle, (*circle[1:], circle[0]), strict=True):
            assert following in needs[name]
    stuck = set(needs) - set(order)
    assert bool(stuck) == bool(circles)


def test_the_declared_order_is_kept_where_it_can_be():
    assert order_of({"c": (), "a": (), "b": ("a",)}, set())[0] == ("c", "a", "b")
    assert order_of({"b": ("a",), "c": (), "a": ()}, set())[0] == ("c", "a", "b")


def test_a_given_name_is_needed_by_nobody():
    assert order_of({"a": ("b",), "b": ("a",)}, {"b"}) == (("a", "b"), ())


def test_what_only_waits_for_a_circle_is_not_called_part_of_it():
    needs = {"z": ("a",), "a": ("b",), "b": ("a", "x"), "self": ("self",), "fine": ("x",)}
    order, circles = order_of(needs, {"x"})
    assert order == ("fine",)
    assert circles == (("a", "b"), ("self",))
