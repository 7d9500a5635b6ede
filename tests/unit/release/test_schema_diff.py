"""Schema changes: what a consumer would notice is breaking, to the field."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.data.request import Field, RequestSchema
from interlock.release.schema_diff import schema_diff


def row(**changes):
    field = Field(**{"name": "x", "kind": "float", **changes})
    return RequestSchema(name="R", fields=(field,)).to_row()


EMPTY = RequestSchema(name="R", fields=()).to_row()
CATEGORY = {"kind": "category", "categories": ("a", "b")}

CASES = [
    (row(), EMPTY, ["breaking: x: the field is gone"]),
    (EMPTY, row(), ["breaking: x: a new required field"]),
    (EMPTY, row(optional=True), ["compatible: x: a new optional field"]),
    (row(kind="str"), row(kind="int"), ["breaking: x: the kind str became int"]),
    (row(), row(kind="int"), ["breaking: x: the kind float became int"]),
    (row(kind="int"), row(), ["compatible: x: the kind int became float"]),
    (row(**CATEGORY), row(kind="str"), ["compatible: x: the kind category became str"]),
    (row(kind="str"), row(**CATEGORY), ["breaking: x: the kind str became category"]),
    (row(kind="date"), row(kind="datetime"), ["breaking: x: the kind date became datetime"]),
    (row(optional=True), row(), ["breaking: x: optional became required"]),
    (row(), row(optional=True), ["compatible: x: required became optional"]),
    (row(), row(ge=0), ["breaking: x: the lower bound is narrower: none became ≥ 0"]),
    (row(ge=0), row(gt=0), ["breaking: x: the lower bound is narrower: ≥ 0 became > 0"]),
    (row(gt=0), row(ge=0), ["compatible: x: the lower bound is wider: > 0 became ≥ 0"]),
    (row(ge=0), row(ge=-1), ["compatible: x: the lower bound is wider: ≥ 0 became ≥ -1"]),
    (row(), row(le=9), ["breaking: x: the upper bound is narrower: none became ≤ 9"]),
    (row(le=9), row(lt=9), ["breaking: x: the upper bound is narrower: ≤ 9 became < 9"]),
    (row(lt=9), row(le=9), ["compatible: x: the upper bound is wider: < 9 became ≤ 9"]),
    (row(le=9), row(le=8), ["breaking: x: the upper bound is narrower: ≤ 9 became ≤ 8"]),
    (row(le=9), row(), ["compatible: x: the upper bound is wider: ≤ 9 became none"]),
    (row(**CATEGORY), row(kind="category", categories=("a",)),
     ["breaking: x: categories are gone: b"]),
    (row(**CATEGORY), row(kind="category", categories=("b", "a", "c")),
     ["compatible: x: new categories: c"]),
    (row(unit="ft²"), row(unit="m²"), ["breaking: x: the unit ft² became m²"]),
    (row(zone="UTC"), row(zone="Asia/Tokyo"), ["breaking: x: the zone UTC became Asia/Tokyo"]),
    (row(asked_at=True), row(), ["breaking: x: the asked_at True became none"]),
    (row(description="old"), row(description="new"), []),
    (row(model_input=True), row(model_input=False), []),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), CASES)
def test_each_change_is_named_and_judged(old, new, expected):
    assert [str(change) for change in schema_diff(old, new)] == expected


bounds = st.one_of(st.none(), st.integers(-3, 3).map(float))


@given(
    st.tuples(bounds, bounds, bounds, bounds),
    st.tuples(bounds, bounds, bounds, bounds),
    st.sampled_from([k / 2 for k in range(-8, 9)]),
)
def test_a_compatible_range_accepts_every_value_that_the_old_one_did(old, new, value):
    def accepts(limits):
        ge, gt, le, lt = limits
        return (
            (ge is None or value >= ge)
            and (gt is None or value > gt)
            and (le is None or value <= le)
            and (lt is None or value < lt)
        )

    names = ("ge", "gt", "le", "lt")
    rows = [row(**dict(zip(names, limits, strict=True))) for limits in (old, new)]
    changes = schema_diff(*rows)
    if accepts(old) and not accepts(new):
        assert any(change.breaking for change in changes)


def test_the_order_of_fields_does_not_matter():
    fields = [Field(name="a", kind="int"), Field(name="b", kind="str")]
    old = RequestSchema(name="R", fields=tuple(fields)).to_row()
    new = RequestSchema(name="S", fields=tuple(reversed(fields))).to_row()
    assert schema_diff(old, new) == []
