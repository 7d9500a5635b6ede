"""Same sources, declaration and moment: the same bundle, to the bit, however it ran."""

import os


def built(project, as_of, run=None, **environ):
    """The bundle that a delivery seals; it ends there."""
    run = run or project.run
    ran = run("deliver", "--as-of", as_of, INTERLOCK_FAILPOINT="bundle", **environ)
    assert ran.code == -9, ran.err
    (bundle,) = (project.state / "artifacts" / "bundles").iterdir()
    return bundle.name


def test_another_folder_with_spaces(make_project, pristine, tmp_path, days):
    project = make_project(tmp_path / "a folder of  our own ü")
    ran = project.deliver("--as-of", days[0])
    assert ran.code == 0, ran.err
    assert project.live() == pristine.live()


def test_another_hash_seed_and_one_core(project, pristine, days):
    first = min(os.sched_getaffinity(0))
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {first})
        digest = built(project, days[0], project.call, PYTHONHASHSEED="4711", TZ="Asia/Tokyo")
    finally:
        os.sched_setaffinity(0, before)
    assert digest == pristine.live()


def test_another_order_of_rows(make_project, pristine, sales, tmp_path, days):
    project = make_project(tmp_path / "houses", data=sales.sort_by([("sale_id", "descending")]))
    assert built(project, days[0]) == pristine.live()


def test_a_changed_row_is_another_bundle(make_project, pristine, sales, tmp_path, days):
    project = make_project(tmp_path / "houses", data=sales.slice(1))
    assert built(project, days[0]) != pristine.live()
