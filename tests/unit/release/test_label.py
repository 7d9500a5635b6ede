"""Labels: derived from what changed, never chosen."""

from dataclasses import replace

import pytest

from interlock.errors import IntegrityError
from interlock.release.label import Label, ReleaseFacts, next_label

REQUEST = {"name": "House", "fields": [{"name": "area", "kind": "int", "unit": "ft²"}]}
FACTS = ReleaseFacts(
    request=REQUEST,
    task="binary",
    classes=("late", "on time"),
    unit="USD",
    making={"features": "1", "candidates": "2"},
    data={"snapshot": "3"},
)
MORE = {"fields": [*REQUEST["fields"], {"name": "pool", "kind": "bool", "optional": True}]}


def test_the_first_release_is_1_0_0():
    found = next_label(None, None, FACTS)
    assert (str(found.label), found.because) == ("1.0.0", ("the first release",))


@pytest.mark.parametrize(
    ("new", "label", "because"),
    [
        (replace(FACTS, data={"snapshot": "4"}), "1.4.3", ("snapshot changed",)),
        (FACTS, "1.4.3", ("nothing that was declared changed",)),
        (replace(FACTS, making={"features": "9", "candidates": "2"}, data={"snapshot": "4"}),
         "1.5.0", ("features changed",)),
        (replace(FACTS, making={"candidates": "2", "encoder": "5", "features": "1"}),
         "1.5.0", ("encoder changed",)),
        (replace(FACTS, request=MORE), "1.5.0", ("request: pool: a new optional field",)),
        (replace(FACTS, request={"fields": []}, making={}), "2.0.0",
         ("request: area: the field is gone",)),
        (replace(FACTS, task="regression"), "2.0.0",
         ("answer: the task binary became regression",)),
        (replace(FACTS, unit="EUR"), "2.0.0", ("answer: the unit USD became EUR",)),
        (replace(FACTS, classes=("late",)), "2.0.0",
         ("answer: the classes ['late', 'on time'] became ['late']",)),
    ],
)  # fmt: skip
def test_the_next_label_says_what_changed(new, label, because):
    found = next_label(Label.parse("1.4.2"), FACTS, new)
    assert (str(found.label), found.because) == (label, because)


def test_facts_survive_the_ledger():
    assert ReleaseFacts.from_row(FACTS.to_row()) == FACTS


@pytest.mark.parametrize("text", ["", "1", "1.2", "1.2.3.4", "v1.2.3", "01.2.3", "1.2.-3", "1.2.٣",
                                  "1.2.3\n", "../1.2.3"])  # fmt: skip
def test_a_label_is_three_numbers(text):
    with pytest.raises(IntegrityError) as caught:
        Label.parse(text)
    assert caught.value.code == "R140"


def test_labels_are_ordered_as_numbers():
    assert Label.parse("1.10.0") > Label.parse("1.9.9")
