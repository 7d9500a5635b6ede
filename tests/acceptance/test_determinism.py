"""Same sources, declaration and moment: the same bundle, to the bit, however it ran."""

import os


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
        environ = {"PYTHONHASHSEED": "4711", "TZ": "Asia/Tokyo"}
        digest = project.build("--as-of", days[0], run=project.call, **environ)
    finally:
        os.sched_setaffinity(0, before)
    assert digest == pristine.live()


def test_another_order_of_rows(make_project, pristine, sales, tmp_path, days):
    project = make_project(tmp_path / "houses", data=sales.sort_by([("sale_id", "descending")]))
    assert project.build("--as-of", days[0]) == pristine.live()


def test_a_changed_row_is_another_bundle(make_project, pristine, sales, tmp_path, days):
    project = make_project(tmp_path / "houses", data=sales.slice(1))
    assert project.build("--as-of", days[0]) != pristine.live()
