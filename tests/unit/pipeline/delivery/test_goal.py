"""What a delivery is asked for: the form of the service gate follows from the environments."""

import pytest

from interlock.deploy.environment import environments, path_to
from interlock.pipeline.delivery.goal import Goal
from interlock.pipeline.delivery.revision import Revision

QUICK_PROD = {"prod": {"full_service_gate": False}}


@pytest.mark.parametrize(
    ("to", "full", "settings", "form"),
    [
        ("prod", False, {}, "full"),
        ("prod", False, QUICK_PROD, "quick"),
        ("prod", True, QUICK_PROD, "full"),
        ("prod", False, QUICK_PROD | {"staging": {"full_service_gate": True}}, "full"),
        ("prod", False, QUICK_PROD | {"dev": {"full_service_gate": True}}, "quick"),
        ("staging", False, {}, "quick"),
        ("staging", True, {}, "full"),
    ],
)
def test_the_full_form_is_asked_where_one_on_the_way_wants_it(to, full, settings, form):
    path = path_to(environments(settings), to)
    revision = Revision(commit="c", dirty=False, files="f")
    assert Goal(path=path, revision=revision, full=full).form == form


@pytest.mark.parametrize(
    ("to", "changed", "said"),
    [
        (
            "prod",
            ("product.py", "out.txt"),
            "prod will not admit what is made of uncommitted changes (product.py, out.txt): "
            "commit them, or have git ignore them",
        ),
        (
            "prod",
            ("a", "b", "c", "d"),
            "prod will not admit what is made of uncommitted changes (a, b, c …): "
            "commit them, or have git ignore them",
        ),
        (
            "prod",
            (),
            "prod will not admit what is made of uncommitted changes: "
            "commit them, or have git ignore them",
        ),
        ("staging", ("product.py",), None),
    ],
)
def test_uncommitted_changes_are_told_before_any_work(to, changed, said):
    path = path_to(environments({}), to)
    revision = Revision(commit="c", dirty=True, changed=changed)
    assert Goal(path=path, revision=revision).foreseen == said
    clean = Revision(commit="c", dirty=False)
    assert Goal(path=path, revision=clean).foreseen is None
