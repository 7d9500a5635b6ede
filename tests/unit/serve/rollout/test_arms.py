"""Champion and challenger behind one door: who answers, and who is said to."""

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import pytest
from msgspec import structs
from service_runs import wait_for

from interlock.serve.errors import ServiceError
from interlock.serve.http.tick import Tick
from interlock.serve.ids import PredictionIds
from interlock.serve.loaded.explainer import MAX_EXPLAINED
from interlock.serve.loaded.load import load
from interlock.serve.loaded.pick import picker
from interlock.serve.log.record import read_record
from interlock.serve.own_thread import OwnThread
from interlock.serve.predictor import Predictor
from interlock.serve.rollout.arms import BOTH, Arms, Divided, Trial
from interlock.serve.rollout.traffic import CHALLENGER, CHAMPION, Split, arm_of

HALF = Split("a rollout", 5_000)


def about_years(release):
    """The release with a unit made of a request field, as every declared product has it."""
    answer = replace(release.contract.answer, entity=("year_built",))
    names = (*release.fields, *release.names)
    return replace(
        release,
        contract=replace(release.contract, answer=answer),
        entity=picker(names, answer.entity),
    )


@pytest.fixture
def releases(support, directory, ridge_directory):
    """Champion and challenger, with no log: their replies are looked at."""
    ids, found = PredictionIds(), []
    for place, arm in ((directory, CHAMPION), (ridge_directory, CHALLENGER)):
        plan = structs.replace(support.plan_for(place), arm=arm)
        release = about_years(load(place, plan, digest=place.name, label=f"1.0.{len(found)}"))
        found.append(Predictor(release, None, plan, ids, now=lambda: support.CLOCK))
    return found


@pytest.fixture
def arms(releases):
    return Arms(*releases, HALF, deadline=60)  # no answer is late


@pytest.fixture
def house(support):
    """A request whose unit is assigned to an arm."""

    def make(arm, number=0, **changes):
        found = (y for y in range(1800, 2024) if arm_of((y,), HALF) == arm)
        year = [year for _, year in zip(range(number + 1), found, strict=False)][-1]
        return support.request_body(year_built=year, **changes)

    return make


def ask(answerer, body, explain=False):
    thread = OwnThread("explain")
    return asyncio.run(answerer.ask(body, explain=explain, thread=thread))


def told(reply):
    """(arm, release) of each answer; (assigned, arm, instead, row) of each record."""
    answers = json.loads(reply.body)
    answers = answers if isinstance(answers, list) else [answers]
    records = [read_record(record) for record in reply.records]
    assert [r.id for r in records] == [a["id"] for a in answers]
    return (
        [(a["arm"], a["release"]) for a in answers],
        [(r.assigned, r.arm, r.instead, r.row) for r in records],
    )


def break_with(monkeypatch, predictor, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(predictor.release.scorer, "raw_few", fail)
    monkeypatch.setattr(predictor.release.scorer, "raw_one", fail)


def test_without_a_rollout_there_is_the_champion(releases, house):
    alone = Arms(releases[0])
    assert alone.answerer(b"whatever") is releases[0]
    assert alone.pinned(CHAMPION) is releases[0]
    assert alone.whole


def test_a_request_goes_to_the_arm_of_its_unit(arms, releases, house):
    assert arms.answerer(house(CHAMPION)) is releases[0]
    trial = arms.answerer(house(CHALLENGER))
    assert isinstance(trial, Trial)
    answers, records = told(trial.prepare(house(CHALLENGER)))
    assert answers == [(CHALLENGER, "1.0.1")]
    assert records == [(CHALLENGER, CHALLENGER, "", None)]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"[1]", b"\xff", b'{"year_built": 1900}', b"[" * 50_000]
)
def test_a_body_without_units_is_the_champions_to_refuse(arms, releases, body):
    assert arms.answerer(body) is releases[0]
    assert releases[0].prepare(body).status in (400, 422)


def test_a_unit_may_have_a_feature_in_it(support, directory, releases):
    plan = support.plan_for(directory)
    release = load(directory, plan, digest=directory.name)  # its unit: year and area per story
    champion = Predictor(release, None, plan, PredictionIds(), now=lambda: support.CLOCK)
    arms = Arms(champion, releases[1], HALF)
    for area in range(50, 90):
        body = support.request_body(area=float(area), stories="two")
        trial = arms.answerer(body) is arms.trial
        assert trial == (arm_of((1990, area / 2), HALF) == CHALLENGER)
    assert arms.answerer(support.request_body(stories="three")) is champion


def test_rows_of_a_list_go_to_their_arms_and_come_back_in_order(arms, house):
    wanted = [CHALLENGER, CHAMPION, CHAMPION, CHALLENGER, CHAMPION]
    bodies = [house(arm, n, garage=n * 10.0) for n, arm in enumerate(wanted)]
    answerer = arms.answerer(b" [" + b" , ".join(bodies) + b"]")
    assert isinstance(answerer, Divided)
    reply = ask(answerer, b"[" + b",".join(bodies) + b"]")
    answers, records = told(reply)
    assert [arm for arm, _ in answers] == wanted
    assert records == [(arm, arm, "", place) for place, arm in enumerate(wanted)]
    assert (reply.status, reply.arm, reply.id) == (200, BOTH, json.loads(reply.body)[0]["id"])
    alone = [arms.answerer(body).prepare(body) for body in bodies]
    assert [json.loads(r.body)["prediction"] for r in alone] == [
        a["prediction"] for a in json.loads(reply.body)
    ]
    requests = [json.loads(read_record(r).request)["garage"] for r in reply.records]
    assert requests == [0.0, 10.0, 20.0, 30.0, 40.0]


FAULTS = [
    (ZeroDivisionError("nobody foresaw this"), "S125"),
    (SystemExit(3), "S125"),
    (ServiceError("S141", "the model's process is being started again"), "S141"),
]


@pytest.mark.parametrize(("error", "code"), FAULTS)
def test_the_champion_answers_for_a_challenger_that_fails(
    arms, releases, house, monkeypatch, error, code
):
    break_with(monkeypatch, releases[1], error)
    body = house(CHALLENGER)
    replies = [
        arms.trial.prepare(body),
        *arms.trial.prepare_all([body, body]),
        ask(arms.trial, body),
    ]
    for reply in replies:
        answers, records = told(reply)
        assert answers == [(CHAMPION, "1.0.0")]
        assert records == [(CHALLENGER, CHAMPION, code, None)]
        assert (reply.status, reply.instead, reply.release) == (200, code, "1.0.0")
    value = json.loads(replies[0].body)["prediction"]
    assert value == json.loads(releases[0].prepare(body).body)["prediction"]


def test_so_for_one_that_answers_nan(arms, releases, house, monkeypatch):
    monkeypatch.setattr(releases[1].release.scorer, "raw_one", lambda row: [float("nan")])
    reply = arms.trial.prepare(house(CHALLENGER))
    assert told(reply) == ([(CHAMPION, "1.0.0")], [(CHALLENGER, CHAMPION, "S124", None)])


def test_so_for_the_rows_of_a_list(arms, releases, house, monkeypatch):
    break_with(monkeypatch, releases[1], ZeroDivisionError())
    body = b"[" + b",".join([house(CHAMPION), house(CHALLENGER)]) + b"]"
    reply = ask(arms.answerer(body), body)
    answers, records = told(reply)
    assert answers == [(CHAMPION, "1.0.0")] * 2
    assert records == [(CHAMPION, CHAMPION, "", 0), (CHALLENGER, CHAMPION, "S125", 1)]
    assert reply.instead == "S125"


def test_so_for_an_explanation(arms, releases, house, monkeypatch):
    reply = ask(arms.trial, house(CHALLENGER), explain=True)
    assert reply.status == 409, "neither of the two explains"
    assert reply.instead == ""


def test_a_challenger_that_is_not_loaded_is_assigned_all_the_same(releases, house):
    arms = Arms(releases[0], None, HALF)
    assert not arms.whole
    body = house(CHALLENGER)
    for reply in (arms.trial.prepare(body), *arms.trial.prepare_all([body]), ask(arms.trial, body)):
        assert told(reply)[1] == [(CHALLENGER, CHAMPION, "S127", None)]


def test_a_bad_request_is_nobodys_failure(arms, house):
    bad = house(CHALLENGER, area=13.0)  # the feature 'rooms' refuses it
    reply = arms.trial.prepare(bad)
    (record,) = map(read_record, reply.records)
    assert (reply.status, reply.instead) == (422, "")
    assert (record.assigned, record.arm, record.instead) == (CHALLENGER, CHAMPION, "")


def test_a_bad_row_refuses_the_list_by_its_own_number(arms, house):
    rows = [house(CHALLENGER), house(CHAMPION), house(CHALLENGER, 1, stories="three")]
    body = b"[" + b",".join(rows) + b"]"
    reply = ask(arms.answerer(body), body)
    assert (reply.status, reply.instead, len(reply.records)) == (422, "", 1)
    assert [m["row"] for m in json.loads(reply.body)["error"]["mistakes"]] == [2]


def test_a_list_that_is_too_long_for_one_is_too_long_for_two(arms, releases, house):
    n_rows = releases[0].release.contract.max_rows + 1
    pair = [house(CHALLENGER), house(CHAMPION)]
    body = b"[" + b",".join(pair[n % 2] for n in range(n_rows)) + b"]"
    assert arms.answerer(body) is releases[0]
    assert releases[0].prepare(body).status == 413


def test_so_is_one_to_explain(arms, releases, house, monkeypatch):
    asked = []

    def answered(body):
        asked.append(body)
        return releases[0].refused(ServiceError("S113", "too many rows"), body)

    monkeypatch.setattr(releases[0], "answered", answered)
    pair = [house(CHALLENGER), house(CHAMPION)]
    body = b"[" + b",".join(pair[n % 2] for n in range(MAX_EXPLAINED + 1)) + b"]"
    monkeypatch.setattr(arms.trial, "tried", None)
    assert ask(arms.answerer(body), body, explain=True).status == 413
    assert asked == [body]


def test_an_arm_that_is_not_there_cannot_be_chosen(arms, releases):
    assert arms.pinned(CHALLENGER) is arms.trial
    for who, arm, there in (
        (Arms(releases[0]), CHALLENGER, "champion"),
        (arms, "both", "champion or challenger"),
    ):
        with pytest.raises(ServiceError, match=f"there is no such arm; there is {there}$"):
            who.pinned(arm)


@pytest.mark.parametrize("how", ["prepare", "prepare_all"])
def test_one_that_hangs_in_process_is_set_aside_while_it_is_waited_for(
    releases, house, monkeypatch, how
):
    """By another thread, which looks twice a second; the one that asks can do nothing."""
    arms, asked, go_on = Arms(*releases, HALF, hanging=2.0), threading.Event(), threading.Event()
    answered = getattr(releases[1], how)

    def hang(given, **options):
        asked.set()
        go_on.wait(60)
        return answered(given, **options)

    monkeypatch.setattr(releases[1], how, hang)
    for _ in range(10):
        arms.confer()
    body = house(CHALLENGER)
    with ThreadPoolExecutor(1) as executor:
        given = body if how == "prepare" else [body] * 2
        reply = executor.submit(getattr(arms.trial, how), given)
        assert asked.wait(60)
        found = []
        for _ in range(6):
            arms.confer()
            found.append(arms.told()["set_aside"])
        go_on.set()
        reply.result(60)
    why = "it hung: no answer within 2 s"
    assert found == [None] * 4 + [why] * 2
    assert told(arms.answerer(body).prepare(body))[1] == [(CHALLENGER, CHAMPION, "S163", None)]
    assert arms.told()["set_aside"] == why


def wait_for_it(arms, seconds):
    """From now on its challenger, which is asked in a thread, has so long for an answer."""
    arms.trial._apart._deadline = seconds
    return arms


@pytest.fixture
def hand(monkeypatch):
    """The clock by which an answer is late, moved by hand."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr("interlock.serve.own_thread.monotonic", lambda: clock.now)
    return clock


def test_one_that_hangs_is_not_waited_for(releases, house, monkeypatch, hand):
    its = releases[1].release
    releases[1].release = replace(its, contract=replace(its.contract, isolated=True))
    arms, go_on, asked = Arms(*releases, HALF, deadline=0.05), threading.Event(), []

    def hang(row):
        asked.append(1)
        go_on.wait(60)
        return [1.0]

    monkeypatch.setattr(releases[1].release.scorer, "raw_one", hang)
    body = house(CHALLENGER)
    try:
        while not asked:  # its thread had not begun in time
            assert told(ask(arms.trial, body))[1] == [(CHALLENGER, CHAMPION, "S141", None)]
        hand.now += 1
        for _ in range(2):
            assert told(ask(arms.trial, body))[1] == [(CHALLENGER, CHAMPION, "S141", None)]
        assert len(asked) == 1, "while it hangs nobody asks it"
    finally:
        go_on.set()
    assert arms.waits


def test_one_that_never_comes_back_from_its_thread_is_set_aside(releases, house, monkeypatch):
    """Its model's process is ended where that hangs; its own code nobody can end."""
    its = releases[1].release
    releases[1].release = replace(its, contract=replace(its.contract, isolated=True))
    arms = Arms(*releases, HALF, deadline=0.05, hanging=2.0)
    go_on, began = threading.Event(), threading.Event()
    monkeypatch.setattr(releases[1], "prepare", lambda *_, **__: began.set() or go_on.wait(60))
    body, found = house(CHALLENGER), []
    try:
        while not began.is_set():  # its thread had not begun in time
            assert told(ask(arms.trial, body))[1] == [(CHALLENGER, CHAMPION, "S141", None)]
        for _ in range(6):
            arms.confer()
            found.append(arms.told()["set_aside"])
        assert found == [None] * 4 + ["it hung: no answer within 2 s"] * 2
        assert told(ask(arms.trial, body))[1] == [(CHALLENGER, CHAMPION, "S163", None)]
    finally:
        go_on.set()


def test_those_that_waited_behind_it_do_not_hide_that_it_is_late(
    releases, house, monkeypatch, hand
):
    its = releases[1].release
    releases[1].release = replace(its, contract=replace(its.contract, isolated=True))
    arms, go_on, began = Arms(*releases, HALF, deadline=0.05), threading.Event(), threading.Event()
    monkeypatch.setattr(
        releases[1].release.scorer,
        "raw_one",
        lambda row: began.set() or (go_on.wait(60) and [1.0]),
    )
    body = house(CHALLENGER)

    async def three():
        thread = OwnThread("explain")
        asked = (arms.trial.ask(body, explain=False, thread=thread) for _ in range(3))
        await asyncio.gather(*asked)

    try:
        while not began.is_set():
            asyncio.run(three())
        hand.now += 1
        monkeypatch.setattr(releases[1], "prepare", None)  # nor is it asked: that would be S125
        wait_for_it(arms, 60)
        assert told(ask(arms.trial, body))[1] == [(CHALLENGER, CHAMPION, "S141", None)]
    finally:
        go_on.set()


def test_one_that_hangs_is_late_though_the_caller_has_gone(
    isolated, releases, house, monkeypatch, hand
):
    arms, go_on, began = wait_for_it(isolated, 60), threading.Event(), threading.Event()

    def hang(row):
        began.set()
        go_on.wait(60)
        return [1.0]

    monkeypatch.setattr(releases[1].release.scorer, "raw_one", hang)
    body = house(CHALLENGER)

    async def gone_then_another():
        thread = OwnThread("explain")
        first = asyncio.create_task(arms.trial.ask(body, explain=False, thread=thread))
        await asyncio.to_thread(began.wait, 60)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        hand.now += 61
        return await arms.trial.ask(body, explain=False, thread=thread)

    try:
        assert told(asyncio.run(gone_then_another()))[1] == [(CHALLENGER, CHAMPION, "S141", None)]
    finally:
        go_on.set()


def test_once_its_late_answer_is_there_it_is_asked_again(isolated, releases, house, monkeypatch):
    wait_for_it(isolated, 0.05)
    raw_one, go_on = releases[1].release.scorer.raw_one, threading.Event()
    monkeypatch.setattr(
        releases[1].release.scorer, "raw_one", lambda row: go_on.wait(60) and raw_one(row)
    )
    body = house(CHALLENGER)
    try:
        assert told(ask(isolated.trial, body))[1] == [(CHALLENGER, CHAMPION, "S141", None)]
    finally:
        go_on.set()
    wait_for_it(isolated, 60)
    wait_for(lambda: told(ask(isolated.trial, body))[0] == [(CHALLENGER, "1.0.1")])


@pytest.fixture
def isolated(releases):
    """The arms, of which the challenger is asked in a thread of its own."""
    its = releases[1].release
    releases[1].release = replace(its, contract=replace(its.contract, isolated=True))
    return Arms(*releases, HALF)


def failing(monkeypatch, releases, fails):
    """The challenger fails where ``fails`` says so; what it was asked is counted."""
    raw_one, asked = releases[1].release.scorer.raw_one, []

    def score(row):
        asked.append(row)
        if fails():
            raise ZeroDivisionError
        return raw_one(row)

    monkeypatch.setattr(releases[1].release.scorer, "raw_one", score)
    return asked


def noted(arms):
    told = arms.told()
    return told["asked"], told["failed"], told["set_aside"]


def test_one_that_keeps_failing_is_set_aside_and_not_asked_again(releases, house, monkeypatch):
    arms = Arms(*releases, HALF)
    asked = failing(monkeypatch, releases, lambda: True)
    body = house(CHALLENGER)
    codes = [told(arms.trial.prepare(body))[1][0][2] for _ in range(6)]
    assert codes == ["S125"] * 4 + ["S163"] * 2
    assert len(asked) == 4
    assert arms.told() == {
        "asked": 4,
        "failed": 4,
        "all_workers": {"asked": 4, "failed": 4},
        "set_aside": "4 of 4 answers failed (4 × S125)",
    }
    pair = b"[" + body + b"," + house(CHAMPION) + b"]"
    assert [r[2] for r in told(ask(arms.answerer(pair), pair))[1]] == ["S163", ""]
    assert {r[2] for reply in arms.trial.prepare_all([body] * 2) for r in told(reply)[1]} == {
        "S163"
    }
    assert len(asked) == 4


def test_so_of_lists_of_turns_and_of_explanations(arms, releases, house, monkeypatch):
    for how in ("list", "turn"):
        fresh = Arms(*releases, HALF)
        break_with(monkeypatch, releases[1], ZeroDivisionError())
        body = house(CHALLENGER)
        pair = b"[" + body + b"," + house(CHAMPION) + b"]"
        for _ in range(4):
            if how == "list":
                ask(fresh.answerer(pair), pair)
            else:
                fresh.trial.prepare_all([body])
        assert fresh.told()["failed"] == 4, how
        assert fresh.trial.watch.set_aside


def test_one_that_fails_seldom_is_not(arms, releases, house, monkeypatch):
    asked = []
    failing(monkeypatch, releases, lambda: not asked.append(1) and len(asked) % 150 == 0)
    for _ in range(1_000):
        arms.trial.prepare(house(CHALLENGER))
    assert noted(arms) == (1_000, 6, None)


@pytest.mark.parametrize("code", ["S122", "S127"])
def test_what_is_not_its_own_failure_does_not_count(arms, releases, house, monkeypatch, code):
    break_with(monkeypatch, releases[1], ServiceError(code, "the store is away"))
    for _ in range(20):
        arms.trial.prepare(house(CHALLENGER))
    assert noted(arms) == (0, 0, None)


def test_nor_what_the_champion_refuses_as_well(arms, house):
    for _ in range(20):
        assert arms.trial.prepare(house(CHALLENGER, area=13.0)).status == 422
    assert arms.told()["asked"] == 0


def test_nor_what_comes_while_it_hangs(isolated, releases, house, monkeypatch):
    wait_for_it(isolated, 0.05)
    go_on = threading.Event()
    monkeypatch.setattr(releases[1].release.scorer, "raw_one", lambda row: go_on.wait(60) and [1.0])
    try:

        async def ten():
            thread = OwnThread("explain")
            body = house(CHALLENGER)
            asked = (isolated.trial.ask(body, explain=False, thread=thread) for _ in range(10))
            await asyncio.gather(*asked)

        asyncio.run(ten())
        for _ in range(10):
            ask(isolated.trial, house(CHALLENGER))
        assert noted(isolated) == (1, 1, None)
    finally:
        go_on.set()


def test_an_answer_that_takes_too_long_is_given_and_counts_as_failed(releases, house):
    arms = Arms(*releases, HALF, deadline=-1.0)
    assert told(arms.trial.prepare(house(CHALLENGER)))[0] == [(CHALLENGER, "1.0.1")]
    arms.trial.prepare_all([house(CHALLENGER)] * 3)
    assert noted(arms) == (4, 2, None)


def test_requests_of_one_turn_are_grouped_by_arm(arms, releases, house):
    """One call of each model for all that came together."""
    sizes = {CHAMPION: [], CHALLENGER: []}
    for predictor, arm in zip(releases, sizes, strict=True):
        prepare_all = predictor.prepare_all
        predictor.prepare_all = lambda bodies, a=arm, p=prepare_all: (
            sizes[a].append(len(bodies)) or p(bodies)
        )
    order = [CHAMPION, CHALLENGER, CHALLENGER, CHAMPION, CHALLENGER]
    bodies = [house(arm, n) for n, arm in enumerate(order)]

    def promised(tick, answerer, body):
        future = asyncio.get_running_loop().create_future()
        tick.answer(answerer, body, future.set_result)
        return future

    async def together():
        tick = Tick(lambda records: None)
        return await asyncio.gather(*(promised(tick, arms.answerer(body), body) for body in bodies))

    replies = asyncio.run(together())
    assert [json.loads(reply.body)["arm"] for reply in replies] == order
    assert sizes == {CHAMPION: [2], CHALLENGER: [3]}
