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
