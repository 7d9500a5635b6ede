"""The exact lines people see."""

from dataclasses import replace
from pathlib import Path

import pytest

from interlock.cli import (
    render,
    render_delivery,
    render_features,
    render_show,
    render_status,
    render_train,
)
from interlock.clock import DAY, parse_instant
from interlock.evaluate.compare import Estimate
from interlock.pipeline.delivery.interrupted import SENTENCE
from interlock.pipeline.symmetry import EDITED, HISTORY, Defect, Staleness, SymmetryFindings
from interlock.release.attest import Attestation
from interlock.report.content import Candidate, CandidateKind, Ranked
from interlock.serve.batch.predict import BatchResult
from interlock.serve.rollout.evidence import Counts, Seen
from interlock.store.rows import DeploymentRow, ReleaseRow, RolloutRow
from interlock.use_cases.features import CatalogueRow, FeaturesReport
from interlock.use_cases.history import HistoryReport
from interlock.use_cases.refresh import RefreshReport
from interlock.use_cases.serve import Serving
from interlock.use_cases.show import ShowReport
from interlock.use_cases.status import EnvironmentStatus, ProductStatus, StatusReport
from interlock.use_cases.symmetry import SymmetryReport
from interlock.use_cases.train import Run, TrainReport
from interlock.use_cases.verify import Verified, VerifyReport
from interlock.verdict import Interval

AS_OF = parse_instant("1997-06-30T00:00:00Z")


@pytest.fixture
def live() -> DeploymentRow:
    return DeploymentRow(
        product="rents",
        environment="prod",
        generation=3,
        bundle="b" * 64,
        label="1.3.0",
        previous_bundle="a" * 64,
        previous_label="1.2.0",
        previous_delivery="d",
        act="rollback",
        pinned=True,
        reason="too \x1b[5mdear",
        delivery="d",
        since=AS_OF,
    )


def test_a_delivery_ends_with_its_verdict(blocked):
    assert render_delivery.delivered_lines(blocked) == [
        "report: /state/report.html",
        "next: interlock deliver  (after mending it)",
        "✖ blocked: the model gate stays shut; no release made, prod still runs 1.3.0",
    ]


def test_a_report_that_could_not_be_made_is_said_with_its_code(blocked):
    undrawn = replace(
        blocked, undrawn=("the report: KeyError: 'x'",), missing=frozenset({"report.html"})
    )
    assert render_delivery.delivered_lines(undrawn)[:2] == [
        "! report [X140]: without the report: KeyError: 'x'",
        "next: interlock deliver  (after mending it)",
    ]
    assert render_delivery.delivered_row(undrawn)["report"] is None


def test_runs_side_by_side():
    estimate = Estimate(value=0.0598, interval=Interval(low=0.0523, high=0.0692), n=278, units=278)
    report = TrainReport(
        product="rents",
        as_of=AS_OF,
        metric="mdape",
        lower_is_better=True,
        unit="%",
        winner="boosting",
        parts={"train": 2_418, "test": 278},
        runs=(
            Run(
                candidate=Candidate(
                    name="boosting",
                    kind=CandidateKind.CANDIDATE,
                    metrics={"mdape": estimate},
                    seconds=0.3,
                ),
                tune=0.0551,
                notes=("kept 3 categories",),
            ),
            Run(
                candidate=Candidate(
                    name="broken", kind=CandidateKind.CANDIDATE, failure="ValueError: no"
                ),
                tune=None,
                notes=(),
            ),
        ),
    )
    assert render_train.train_lines(report) == [
        "rents · as of 1997-06-30 · 2,418 train, 278 test rows",
        "                       mdape on tune  mdape on test",
        "  boosting  candidate  5.51 %         5.98 % (5.23–6.92)  0.3 s  chosen",
        "  broken    candidate                                            failed: ValueError: no",
        "  boosting: kept 3 categories",
        "✔ boosting is best on the tune rows (lower is better); nothing was delivered",
    ]
    assert render_train.train_lines(replace(report, winner=None))[-1] == (
        "✖ failed: no candidate could be ranked"
    )


def test_how_the_winner_was_chosen():
    apart = Estimate(value=0.0011, interval=Interval(low=-0.0005, high=0.0028), n=278, units=278)
    why = "278 tune rows do not tell it from boosting, and it is cheaper to serve"
    best = "best on the tune rows, but ridge is as good and cheaper to serve"
    ranking = (
        Ranked(
            name="boosting", value=0.0551, difference=None, cost="1,240 steps, 84,300 bytes",
            chosen=False, because=best,
        ),
        Ranked(
            name="ridge", value=0.0562, difference=apart, cost="13 steps, 410 bytes", chosen=True,
            because=why,
        ),
    )  # fmt: skip
    report = TrainReport(
        product="rents",
        as_of=AS_OF,
        metric="mdape",
        lower_is_better=True,
        unit="%",
        winner="ridge",
        parts={"train": 2_418, "test": 278},
        runs=(),
        ranking=ranking,
    )
    assert render_train.train_lines(report)[2:] == [
        "ranking",
        "            mdape on tune  behind the best            cost to serve",
        f"  boosting  5.51 %                                    1,240 steps, 84,300 bytes  {best}",
        "  ridge     5.62 %         0.110 % (-0.050 to 0.280)  13 steps, 410 bytes        "
        f"chosen: {why}",
        f"✔ ridge is chosen: {why}; nothing was delivered",
    ]
    alone = render_train.train_lines(replace(report, winner="boosting", ranking=ranking[:1]))
    assert (
        alone[-1] == "✔ boosting is best on the tune rows (lower is better); nothing was delivered"
    )


def test_status_says_what_runs_and_how_the_last_delivery_ended(live, blocked):
    report = StatusReport(
        project="/p",
        products=(
            ProductStatus(
                product="rents",
                environments=(
                    EnvironmentStatus(environment="dev", live=None),
                    EnvironmentStatus(environment="prod", live=live),
                ),
                last_delivery=blocked.row,
            ),
            ProductStatus(
                product="sales",
                environments=(),
                last_delivery=replace(blocked.row, status="running"),
            ),
            ProductStatus(
                product="cut",
                environments=(),
                last_delivery=replace(
                    blocked.row, status="interrupted", summary={"sentence": SENTENCE}
                ),
            ),
            ProductStatus(
                product="staged",
                environments=(),
                last_delivery=replace(
                    blocked.row, goal="staging", status="interrupted", summary={}
                ),
            ),
            ProductStatus(product="new", environments=(), last_delivery=None),
        ),
    )
    assert render_status.status_lines(report, at=AS_OF + 2 * DAY) == [
        "rents",
        "  – dev   runs nothing yet",
        "  ✔ prod  runs 1.3.0        live 2 d, since 1997-06-30  "
        "before: 1.2.0, pinned by a rollback",
        "  last: ✖ delivery 7 blocked: the model gate stays shut; no release made, "
        "prod still runs 1.3.0",
        "sales",
        "  last: … delivery 7 running",
        "cut",
        "  last: ! delivery 7 interrupted: its process ended before it did "
        "(interlock deliver --resume)",
        "staged",
        "  last: ! delivery 7 interrupted (interlock deliver --resume)",
        "new",
        "  last: no delivery yet (interlock deliver)",
    ]


def test_status_says_how_often_a_challenger_failed(live):
    trial = RolloutRow(
        product="rents", environment="prod", generation=3, revision=1, bundle="c" * 64,
        label="1.4.0", delivery="d", act="start", mode="split", buckets=1_000, salt="s",
        reason="", began=AS_OF, at=AS_OF,
    )  # fmt: skip
    counts = Counts(asked=1_203, codes={"S125": 7, "S141": 1})
    for seen, said in (
        (None, []),
        (Seen(counts=counts), ["    8 of 1,203 answers failed (7 × S125, 1 × S141)"]),
        (
            Seen(counts=counts, set_aside="w1: \x1b[5m5 of 5 answers failed"),
            [
                "    8 of 1,203 answers failed (7 × S125, 1 × S141)",
                "    set aside: w1: \\x1b[5m5 of 5 answers failed",
            ],
        ),
    ):
        prod = EnvironmentStatus(environment="prod", live=live, rollout=trial, seen=seen)
        product = ProductStatus(product="rents", environments=(prod,), last_delivery=None)
        report = StatusReport(project="/p", products=(product,))
        lines = render_status.status_lines(report, at=AS_OF + DAY)
        assert lines[2] == "  ◐ prod: 1.4.0 on trial with 10% of the traffic, for 1 d"
        assert lines[3:-1] == said


def test_status_says_what_was_waived(live, blocked):
    waivers = ({"gate": "model", "by": "ada", "reason": "a quiet month"},)
    report = StatusReport(
        project="/p",
        products=(
            ProductStatus(
                product="rents",
                environments=(
                    EnvironmentStatus(
                        environment="prod", live=replace(live, pinned=False), waivers=waivers
                    ),
                ),
                last_delivery=blocked.row,
                waived=("model",),
            ),
        ),
    )
    lines = render_status.status_lines(report, at=AS_OF)
    assert lines[1].endswith("before: 1.2.0, waived: model gate")
    assert lines[-1] == "  ! delivery 7: model gate waived (interlock deliver --resume)"
    done = replace(report.products[0], last_delivery=replace(blocked.row, status="delivered"))
    assert "--resume" not in "".join(
        render_status.status_lines(replace(report, products=(done,)), at=0)
    )


def test_history_and_its_safety(live, blocked):
    report = HistoryReport(product="rents", deliveries=(blocked.row,), deployments=(live,))
    assert render_status.history_lines(report) == [
        "deliveries of rents",
        "  7  1997-06-30  as of 1997-06-30  ✖ blocked    the model gate stays shut; "
        "no release made, prod still runs 1.3.0",
        "deployments",
        "  prod 3  1997-06-30  rollback  1.3.0  before: 1.2.0  too \\x1b[5mdear",
    ]
    empty = HistoryReport(product="rents", deliveries=(), deployments=())
    assert render_status.history_lines(empty) == [
        "deliveries of rents",
        "  none yet",
        "deployments",
        "  none yet",
    ]


def test_history_tells_what_was_tried_and_why_it_ended(live):
    begun = RolloutRow(
        product="rents", environment="prod", generation=3, revision=1, bundle="c" * 64,
        label="1.4.0", delivery="d8", act="start", mode="split", buckets=1_000, salt="5" * 32,
        reason="", began=AS_OF, at=AS_OF,
    )  # fmt: skip
    why = "set aside: 4 of 4 answers failed (4 × S125)"
    ended = replace(begun, revision=2, act="stop", buckets=0, reason=why)
    report = HistoryReport(
        product="rents", deliveries=(), deployments=(live,), rollouts=(ended, begun)
    )
    assert render_status.history_lines(report)[-3:] == [
        "rollouts",
        f"  prod 3.2  1997-06-30  stop   1.4.0                           {why}",
        "  prod 3.1  1997-06-30  start  1.4.0  with 10% of the traffic",
    ]


def test_a_rollback_says_how_deliveries_go_on(live):
    assert render.rollback_lines(live) == [
        "✔ rolled back: prod runs 1.3.0, 1.2.0 no longer; it is pinned",
        "next: interlock deliver --unpin  (once the fault is mended)",
    ]


def test_the_ready_line_names_the_address():
    serving = Serving(
        url="http://127.0.0.1:8080",
        product="rents",
        environment="prod",
        label="1.3.0",
        replay=False,
    )
    assert render.ready_lines(serving) == ["ready http://127.0.0.1:8080 · rents 1.3.0 in prod"]
    past = replace(serving, label="", replay=True)
    assert render.ready_lines(past) == [
        "ready http://127.0.0.1:8080 · rents in prod, replaying the past"
    ]


def test_batch_says_why_rows_were_rejected():
    result = BatchResult(
        rows=10,
        answered=7,
        not_covered=0,
        rejected=3,
        reasons={"rooms: is missing": 3},
        path=Path("out.csv"),
    )
    assert render.predict_lines(result) == [
        "  3 × rooms: is missing",
        "✔ 7 rows predicted, 3 rejected: out.csv",
    ]
    some = replace(result, answered=5, not_covered=2)
    assert render.predict_lines(some)[-1] == (
        "✔ 5 rows predicted, 2 not covered, 3 rejected: out.csv"
    )


def test_refresh_names_the_grid_points():
    report = RefreshReport(
        product="rents", environment="prod", grids={"market": AS_OF}, written={"market": 1_200}
    )
    assert render.refresh_lines(report) == [
        "✔ refreshed market (1,200 entities) in prod: as of 1997-06-30"
    ]
    assert render.refresh_lines(replace(report, written={})) == [
        "✔ up to date market in prod: as of 1997-06-30"
    ]
    assert render.refresh_lines(replace(report, grids={})) == [
        "– nothing to refresh: rents has no history features"
    ]


def test_verify_counts_what_it_looked_at():
    one = Verified(name="rents 1.3.0", bundle="b" * 64, files=10, attestations=1)
    assert render.verify_lines(VerifyReport(checked=(one,), events=20)) == [
        "✔ verified rents 1.3.0: 10 files, 1 attestation, bbbbbbbbbbbb",
        "✔ verified the ledger: 20 events in one chain",
    ]
    (line,) = render.verify_lines(
        VerifyReport(checked=(replace(one, waived=("data", "model")),), events=0)
    )
    assert line.endswith("bbbbbbbbbbbb; waived: data gate, model gate")
    exported = replace(one, signers=("a" * 64,))
    assert render.verify_lines(VerifyReport(checked=(exported,), events=0)) == [
        f"✔ verified rents 1.3.0: 10 files, 1 attestation, bbbbbbbbbbbb, signed by {'a' * 64}",
        "! by the keys that lie beside it: whoever made the folder chose them; "
        "--key FILE or --key ID holds it to a key that you know",
    ]
    held = VerifyReport(checked=(replace(exported, known=True),), events=0)
    assert len(render.verify_lines(held)) == 1
    assert render.verify_lines(VerifyReport(checked=(), events=0)) == [
        "– nothing to verify: there is no release yet"
    ]


def test_json_writes_instants_as_text_and_no_nan(live):
    row = render.plain(live)
    assert row["since"] == "1997-06-30T00:00:00Z"
    assert row["generation"] == 3
    assert render.plain({"a": float("inf"), "b": (1, True, None)}) == {
        "a": None,
        "b": [1, True, None],
    }


def test_features_are_listed_with_what_is_known_of_them():
    plain = CatalogueRow(
        name="area_m2",
        kind="request",
        type="float",
        unit="m²",
        owner="",
        source="request Flat",
        window="",
        used=False,
    )
    report = FeaturesReport(
        product="rents",
        environment="prod",
        champion="1.3.0",
        features=(
            plain,
            replace(
                plain,
                name="usual_rent",
                kind="history",
                type="float",
                unit="",
                owner="market team",
                source="rents: mean(rent) by district",
                window="30d, every 1d",
                used=True,
                missing=0.0123,
                importance=0.012345,
                importance_low=-0.001,
                importance_high=0.03456,
                as_of=AS_OF,
            ),
        ),
    )
    assert render_features.features_lines(report) == [
        "features of rents · 1.3.0",
        "  feature                   kind     type   unit  from                              "
        "window         missing  fresh       importance",
        "  area_m2                   request  float  m²    request Flat (not a model input)",
        "  usual_rent (market team)  history  float        rents: mean(rent) by district     "
        "30d, every 1d  1.23 %   1997-06-30  0.0123 (-0.001 to 0.0346)",
    ]
    nothing_live = render_features.features_lines(replace(report, champion=""))
    assert nothing_live[0] == "features of rents"
    assert nothing_live[-1] == (
        "  nothing is live in prod: what is missing, fresh and important is not known"
    )
    assert render.plain(report)["features"][1]["as_of"] == "1997-06-30T00:00:00Z"
    assert render.plain(report)["features"][0]["as_of"] is None


def test_symmetry_tells_defects_from_staleness():
    defect = Defect(
        id="ab12", feature="usual_rent", logged=7.5, expected=8.0, grid=AS_OF, cause=HISTORY
    )
    edited = replace(defect, feature="age \x1b[5m", grid=None, cause=EDITED)
    stale = Staleness(id="ab12", history="market", late=3 * DAY, values_differ=True)
    findings = SymmetryFindings(
        rows=1_200,
        values=4_800,
        not_covered=31,
        defects=(defect, defect, edited),
        stale=(stale, replace(stale, late=DAY, values_differ=False), replace(stale, late=-DAY)),
        left_out={"degraded: answered with declared defaults": 1_000},
    )
    report = SymmetryReport(
        product="rents", environment="prod", logged=12_000, sampled=2_200, findings=findings
    )
    assert report.defective
    assert render_features.symmetry_lines(report) == [
        "rents in prod · 12,000 answers in the log, 1,200 compared, 4,800 values",
        "  31 of these not covered, as the release itself says",
        "  left out: 1,000 degraded: answered with declared defaults",
        "! staleness: 2 look-ups behind their grid point, at most by 3 d; "
        "1 would have given other values",
        "! foresight: 1 look-up ahead of their grid point, at most by 1 d; "
        "1 would have given other values",
        "✖ defect: 2 values: the source's rows give another value: a row was changed, or the store "
        "overwritten",
        "    for example usual_rent: logged 7.5, recomputed 8.0 (ab12)",
        "✖ defect: 1 value: the project's function was edited after the release",
        "    for example age \\x1b[5m: logged 7.5, recomputed 8.0 (ab12)",
        "✖ failed: what was answered is not what training would compute",
    ]


def test_symmetry_without_defects_and_without_anything_compared():
    findings = SymmetryFindings(
        rows=10, values=40, not_covered=0, defects=(), stale=(), left_out={}
    )
    report = SymmetryReport(
        product="rents", environment="prod", logged=100, sampled=10, findings=findings
    )
    assert not report.defective
    assert render_features.symmetry_lines(report) == [
        "rents in prod · 100 answers in the log, 10 compared, 40 values",
        "✔ no defect on the rows compared",
    ]
    nothing = replace(report, findings=replace(findings, rows=0, values=0))
    assert render_features.symmetry_lines(nothing)[-1] == (
        "? inconclusive: nothing was compared; --share 1 looks at all of them"
    )


def test_a_release_that_limits_itself_says_what_it_answers_for():
    report = ShowReport(
        release=ReleaseRow(
            bundle="b" * 64, product="rents", label="1.0.0", delivery="d", facts={}, created=0
        ),
        live_in=("prod",),
        inputs={},
        candidate={},
        request={},
        features={},
        files={},
        attestations=(),
        answers_for=("zone: 2 of 3 segments, those with at least 30 rows of training",),
    )
    lines = render_show.show_lines(report)
    place = lines.index("answers for")
    assert lines[place + 1] == "  zone: 2 of 3 segments, those with at least 30 rows of training"
    assert "answers for" not in render_show.show_lines(replace(report, answers_for=()))


def test_attestations_are_told_in_the_order_in_which_they_were_made():
    def attested(kind, at, **said):
        return Attestation(
            subject="b" * 64,
            name="rents",
            predicate_type=f"urn:interlock:{kind}:v1",
            predicate={"at": at, **said},
            signer="9f86" * 16,
        )

    report = ShowReport(
        release=ReleaseRow(
            bundle="b" * 64, product="rents", label="1.0.0", delivery="d", facts={}, created=0
        ),
        live_in=(),
        inputs={},
        candidate={},
        request={},
        features={},
        files={},
        attestations=(
            attested("deployment", 120_000_000, environment="prod", act="promote", generation=2),
            attested("gate", 60_000_000, gate="model", verdict="passed", checks=[]),
        ),
    )
    lines = render_show.show_lines(report)
    place = lines.index("attestations")
    assert lines[place + 1 : place + 3] == [
        "  gate: model, passed        1970-01-01 00:01 UTC  signed by 9f869f869f86",
        "  deployment: prod, promote  1970-01-01 00:02 UTC  signed by 9f869f869f86",
    ]
