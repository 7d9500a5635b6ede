"""One worker's view of a challenger: what counts, when it is enough, and that it is kept."""

import sys
from itertools import pairwise

import pytest

from interlock.serve.rollout.evidence import Act, Counts, Evidence
from interlock.serve.rollout.watch import ENOUGH, Watch, begun, enough_alone
from interlock.stats.onset import Onset

ACT = Act(generation=3, revision=1, digest="d", release="1.1.0")


def watched(codes, **options):
    watch = Watch(**options)
    for code in codes:
        watch.note(code)
    return watch


def test_the_fourth_failure_from_the_start_is_enough_for_one_that_is_alone():
    watch = watched(["S125"] * 3)
    assert not watch.set_aside
    watch.note("S121")
    assert watch.why == "4 of 4 answers failed (1 × S121, 3 × S125)"
    watch.note("")
    assert watch.counts.asked == 4, "it is asked no more"


@pytest.mark.parametrize(("workers", "failures"), [(1, 4), (2, 5), (4, 5), (26, 5), (256, 6)])
def test_of_several_each_needs_a_little_more(workers, failures):
    codes = ["S125"] * failures
    assert not watched(codes[1:], enough=enough_alone(workers)).set_aside
    assert watched(codes, enough=enough_alone(workers)).set_aside


@pytest.mark.parametrize("workers", [1, 2, 3, 7, 256])
def test_the_chances_of_all_who_judge_make_up_one(workers):
    of_pool = 0 if workers == 1 else 1 / (2 * ENOUGH)
    assert of_pool + workers / enough_alone(workers) == pytest.approx(1 / ENOUGH)


def test_who_is_started_again_goes_on_from_what_was_on_file():
    codes = (["", "S125", ""] * 3 + ["S125"] * 4)[:11]
    whole = watched(codes)
    for cut in range(len(codes)):
        first = watched(codes[:cut])
        again = watched(codes[cut:], known=first.evidence(ACT))
        assert (again.why, again.counts) == (whole.why, whole.counts)
        assert again.evidence(ACT).onset.sums == pytest.approx(whole.evidence(ACT).onset.sums)


def test_what_was_set_aside_stays_so():
    known = watched(["S125"] * 4).evidence(ACT)
    assert Watch(known=known).why == "4 of 4 answers failed (4 × S125)"


def test_what_is_on_file_counts_for_the_very_act_and_the_very_question_alone():
    known = watched(["S125"]).evidence(ACT)
    assert begun(known, ACT) is known
    other = Act(generation=3, revision=2, digest="d", release="1.1.0")
    for said, act in (
        (None, ACT),
        (known, other),
        (Evidence(act=ACT, onset=Onset(tolerated=0.02)), ACT),
    ):
        assert begun(said, act) == Evidence(act=act, onset=Onset(tolerated=0.01))


def test_what_all_saw_is_heard_and_told():
    watch = watched([""] * 5)
    assert watch.told() == {
        "asked": 5,
        "failed": 0,
        "all_workers": {"asked": 5, "failed": 0},
        "set_aside": None,
    }
    onset = Onset(tolerated=0.01).after(9, 1)
    watch.hear(Evidence(act=ACT, onset=onset, codes={"S125": 1}))
    assert watch.told()["all_workers"] == {"asked": 9, "failed": 1}
    watch.hear(Evidence(act=ACT, onset=onset, codes={"S125": 1}, set_aside="of all workers, why"))
    assert (watch.told()["set_aside"], watch.set_aside) == ("of all workers, why", True)
    watch.note("")
    assert watch.counts == Counts(asked=5)


def test_another_thread_never_reads_a_failure_without_its_answer():
    """Who reads between any two lines of noting finds counts that can be, and that only grow."""
    watch, found = Watch(), []

    def each_line(frame, event, argument):
        if frame.f_code is not Watch.note.__code__:
            return None
        found.append(watch.counts)
        return each_line

    before = sys.gettrace()
    for code in ("", "S125", "", "", "S121", ""):
        sys.settrace(each_line)
        try:
            watch.note(code)
        finally:
            sys.settrace(before)
    assert len(found) > 20
    for earlier, later in pairwise(found):
        assert later.failed <= later.asked
        if earlier.asked and later != earlier:
            assert later.since(earlier).asked == later.asked - earlier.asked == 1
