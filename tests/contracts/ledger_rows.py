"""One row of each kind that a ledger keeps."""

from interlock.store.rows import (
    AttestationRow,
    DeliveryRow,
    DeploymentRow,
    ReleaseRow,
    StageRow,
)

DELIVERY = DeliveryRow(
    id="d1", product="valuation", number=0, as_of=852_076_800_000_000, status="running",
    git_commit="c" * 40, dirty=True, goal="prod", started=10,
)  # fmt: skip
DEPLOYMENT = DeploymentRow(
    product="valuation", environment="prod", generation=1, bundle="a" * 64, label="1.0.0",
    previous_bundle=None, previous_label=None, act="promote", pinned=False, reason="",
    delivery="d1", since=20,
)  # fmt: skip
RELEASE = ReleaseRow(
    bundle="a" * 64, product="valuation", label="1.0.0", delivery="d1", facts={"ü": [1]}, created=15
)
ATTESTATION = AttestationRow(
    subject="a" * 64, predicate_type="urn:interlock:gate:v1", blob="b" * 64, at=16
)
STAGE = StageRow(key="5" * 64, stage="train", output={"rmse": 0.1}, seconds=1.5, at=12)
