"""Stage: the service gate. Start the packaged service from the bundle alone, and question it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import pyarrow as pa

from interlock.features.oracle import can_recompute
from interlock.gates.gate import run
from interlock.gates.service.contracts import ConsumerContracts
from interlock.gates.service.form import LONGEST_SECONDS, Form
from interlock.gates.service.gate import service_gate
from interlock.gates.service.measurement import ServiceMeasurement
from interlock.pipeline.context import Context, Outcome
from interlock.pipeline.probes.allotted import Allotted, Overdue
from interlock.pipeline.probes.found import Found, measurement
from interlock.pipeline.probes.parity import spread_rows
from interlock.pipeline.probes.scratch import scratch
from interlock.pipeline.probes.service import Probed, Questions, probe_contracts, probe_service
from interlock.pipeline.questions import Asked, contract_store, questions, wanted_loads
from interlock.pipeline.recomputing import recompute_rows
from interlock.pipeline.rows.examples import load_examples
from interlock.pipeline.rows.snapshots import load_snapshots
from interlock.product.contracts import contract_files
from interlock.product.training_set import packed_features, source_rows
from interlock.store.arrays import array_from_bytes
from interlock.verdict import Exemption, GateResult

_RECOMPUTED_ROWS = 40
QUICK = Asked()


def judge_service(
    context: Context,
    snapshots: Outcome,
    examples: Outcome,
    trained: Outcome,
    digest: str,
    asked: Asked = QUICK,
) -> Outcome:
    """The service gate; the output holds its result and what was measured."""
    checks = service_gate(context.bound.product.service_gate, asked.form)
    contracts = contract_files(context.bound.project_dir, context.bound.product.name)
    inputs = {
        "bundle": digest,
        "contracts": [[contract.path.name, contract.digest] for contract in contracts],
        "table": examples.output["table"],
        "checks": [check.to_row() for check in checks],
        "form": asked.form,
        "unavailable": asked.unavailable,
        "log_full": asked.log_full,
        "online": asked.stores.settings.url if asked.stores else None,
    }

    def compute() -> dict[str, Any]:
        begun = (context, snapshots, examples, trained)
        allotted = Allotted(
            LONGEST_SECONDS[asked.form], lambda part: context.narrator.doing("service", part)
        )
        with closing(allotted), scratch("interlock-online-") as place:
            ask = partial(questions, *begun, digest, place, contracts, asked, wanted_loads(checks))
            probed, recomputed = _probed(begun, digest, ask, allotted)
        measured = replace(
            probed.measurement if probed else _nothing(asked, has_contracts=bool(contracts)),
            **recomputed,
            part_seconds=dict(allotted.parts),
            overdue=allotted.overdue,
        )
        return {
            "result": run("service", checks, measured).to_row(),
            "measured": asdict(measured),
            "differences": [asdict(d) for d in probed.differences] if probed else [],
            "problems": list(probed.problems) if probed else [],
            "seconds": dict(allotted.parts),
        }

    return context.run("service gate", inputs, compute, keep=_opened)


def _probed(
    begun: tuple[Context, Outcome, Outcome, Outcome],
    digest: str,
    ask: Callable[[], Questions],
    allotted: Allotted,
) -> tuple[Probed | None, dict[str, Any]]:
    """What the service answered and what the oracle found, as far as the time sufficed."""
    probed: Probed | None = None
    recomputed: dict[str, Any] = {}
    context = begun[0]
    with suppress(Overdue):
        due = allotted.part("online store", ask)
        recomputed = allotted.part("history recomputed", partial(_recomputed, *begun))
        probed = probe_service(
            context.artifacts.tree(digest), due, allotted, noted=context.narrator.noted
        )
    return probed, recomputed


def _opened(output: Mapping[str, Any]) -> bool:
    """A gate that stayed shut is asked again the next time: the machine may be quieter."""
    return GateResult.from_row(output["result"]).opens


def _nothing(asked: Asked, *, has_contracts: bool) -> ServiceMeasurement:
    """The measurement of a service that was never asked."""
    return measurement(
        Found(), form=asked.form, tolerance=0.0, has_contracts=has_contracts, parts={}, overdue=""
    )


def judge_contracts(context: Context, snapshots: Outcome, digest: str) -> Outcome:
    """Whether a release that was judged before keeps the contracts that there are now."""
    contracts = contract_files(context.bound.project_dir, context.bound.product.name)
    inputs = {
        "bundle": digest,
        "contracts": [[contract.path.name, contract.digest] for contract in contracts],
    }

    def compute() -> dict[str, Any]:
        allotted = Allotted(LONGEST_SECONDS[Form.QUICK])
        with closing(allotted), scratch("interlock-contracts-") as place:
            store = partial(contract_store, context, snapshots, contracts, place / "online")
            found = probe_contracts(context.artifacts.tree(digest), contracts, store, allotted)
        return {"result": run("service", [ConsumerContracts()], found).to_row()}

    return context.run("consumer contracts", inputs, compute, keep=_opened)


def _recomputed(
    context: Context, snapshots: Outcome, examples: Outcome, trained: Outcome
) -> dict[str, Any]:
    """A sample of the test rows' history values, over again by the oracle."""
    bound = context.bound
    histories = [h for h in bound.features.histories if can_recompute(h)]
    if not histories:
        none = Exemption.CUSTOM_SQL if bound.features.histories else Exemption.NO_HISTORY
        return {"unrecomputed": none}
    rows = load_examples(context, examples.output)
    test = array_from_bytes(context.artifacts.get(trained.output["rows"]["test"]))
    sample = rows.table.take(pa.array(test[spread_rows(len(test), _RECOMPUTED_ROWS)]))
    history = source_rows(bound, packed_features(bound), load_snapshots(context, snapshots.output))
    found = [recompute_rows(h, history[h.name], sample) for h in histories]
    return {
        "oracle_values": sum(values for values, _ in found),
        "oracle_mismatches": sum(wrong for _, wrong in found),
    }
