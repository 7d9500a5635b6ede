"""Post-deploy tests on a service of their own: started as the environment's, then questioned."""

from __future__ import annotations

from pathlib import Path

from msgspec import structs

from interlock.data.request import RequestSchema
from interlock.pipeline.probes.client import Client
from interlock.pipeline.probes.golden_answers import Golden
from interlock.pipeline.probes.post_deploy import Expected, post_deploy
from interlock.pipeline.probes.project_tests import project_tests
from interlock.pipeline.probes.scratch import scratch
from interlock.release.bundle import Bundle
from interlock.serve.contract import AnswerContract
from interlock.serve.loaded.golden import read_golden
from interlock.serve.plan import ServePlan
from interlock.serve.workers.process import start
from interlock.verdict import GateResult


def question_deployed(
    plan: ServePlan, bundle: Bundle, schema: RequestSchema, project_dir: Path
) -> GateResult:
    """Start the service, ask it the built-in questions and the project's own, and stop it."""
    golden = Golden(
        rows=read_golden(bundle.read("golden.json")),
        schema=schema,
        classes=AnswerContract.from_row(bundle.json("answer.json")).spec.classes,
    )
    expected = Expected(digest=bundle.digest, golden=golden)
    with scratch("interlock-deployed-") as place:
        plan = structs.replace(plan, log=str(place / "log"))
        with start(plan) as service:
            own = project_tests(project_dir, service.url)
            with Client(service.url) as client:
                return post_deploy(client, expected, own)
