"""Whatever is wrong is said exactly, ends with its exit code, and leaves alone what is live."""

import shutil
import socket
import subprocess

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest


def column(table, name, values):
    place = table.column_names.index(name)
    return table.set_column(place, name, pa.array(values))


def write(project, table):
    pq.write_table(table, project.folder / "data" / "sales.parquet")


def missing_file(project, sales):
    (project.folder / "data" / "sales.parquet").unlink()


def empty_file(project, sales):
    (project.folder / "data" / "sales.parquet").write_bytes(b"")


def cut_off_file(project, sales):
    path = project.folder / "data" / "sales.parquet"
    path.write_bytes(path.read_bytes()[:-100])


def no_rows(project, sales):
    write(project, sales.slice(0, 0))


def csv_of_a_head_alone(project, sales):
    (project.folder / "data" / "sales.csv").write_text(",".join(sales.column_names) + "\n")
    project.change("sales.parquet", "sales.csv")


def unknown_column(project, sales):
    project.change('valued_on="sold_on"', 'valued_on="sold_onn"')


def unknown_field_of_a_feature(project, sales):
    project.change("year_built: int) -> int", "year_build: int) -> int")


def target_among_the_fields(project, sales):
    project.change("    easting_m: float\n", "    easting_m: float\n    price: int\n")


def name_that_climbs(project, sales):
    project.change('"houses",', '"../../x",')


def candidate_name_that_climbs(project, sales):
    project.change('"ridge":', '"../../x":')


def naive_timestamp(project, sales):
    moments = sales["sold_on"].cast(pa.timestamp("us"))
    write(project, sales.set_column(sales.column_names.index("sold_on"), "sold_on", moments))


def prices_that_are_texts(project, sales):
    write(project, column(sales, "price", ["a lot"] * len(sales)))


def syntax_error(project, sales):
    project.change("import interlock as il", "import interlock as il\nclass")


def import_error(project, sales):
    project.change("import interlock as il", "import interlock as il, no_such_module")


def import_that_exits(project, sales):
    project.change("import interlock as il", "import interlock as il\nraise SystemExit(0)")


def no_zone(project, sales):
    project.change('zone="America/New_York"', 'zone="America/Newyork"')


def wrong_setting(project, sales):
    (project.folder / "pyproject.toml").write_text("[tool.interlock]\nprodducts = []\n")


def impure_feature(project, sales):
    project.change("    return valued_on.year - year_built",
                   "    import random\n    return int(random.random() * 9)")  # fmt: skip


MISTAKES = [
    (missing_file, "D101", "a source's file is not there"),
    (empty_file, "D102", "a source cannot be read"),
    (cut_off_file, "D102", "a source cannot be read"),
    (no_rows, "D102", "got: no rows"),
    (csv_of_a_head_alone, "D102", "got: no rows"),
    (unknown_column, "C174", "got: sold_onn"),
    (unknown_field_of_a_feature, "F106", "did you mean 'year_built'?"),
    (target_among_the_fields, "C120", "the target is among the request's fields"),
    (name_that_climbs, "C170", "'../../x'"),
    (candidate_name_that_climbs, "C131", "'../../x'"),
    (naive_timestamp, "D105", "sold_on"),
    (prices_that_are_texts, "D104", "column 'price' has the wrong type"),
    (syntax_error, "C153", "product.py:10"),
    (import_error, "C153", "no_such_module"),
    (import_that_exits, "C153", "SystemExit"),
    (no_zone, "C103", "America/Newyork"),
    (wrong_setting, "C151", "prodducts"),
    (impure_feature, "F102", "random"),
]


@pytest.mark.parametrize(("spoil", "code", "text"), MISTAKES)
def test_a_mistake_of_the_author(delivered, sales, days, codes, spoil, code, text):
    live = delivered.live()
    spoil(delivered, sales)
    ran = delivered.run("deliver", "--as-of", days[1])
    assert ran.code == 2, ran.err
    assert code in codes(ran.err), ran.err
    assert text in ran.err
    assert f"hint: interlock explain {code}" in ran.err
    assert "Traceback" not in ran.err
    assert delivered.live() == live
    assert delivered.run("explain", code).code == 0


def negative_prices(project, sales):
    prices = sales["price"].to_numpy().copy()
    prices[::4] *= -1
    write(project, column(sales, "price", prices))


def prices_of_a_csv_as_texts(project, sales):
    prices = [str(p) if i % 3 else "a lot" for i, p in enumerate(sales["price"].to_pylist())]
    pa.csv.write_csv(column(sales, "price", prices), project.folder / "data" / "sales.csv")
    project.change("sales.parquet", "sales.csv")


def times_that_are_texts(project, sales):
    write(project, column(sales, "sold_on", ["soon"] * len(sales)))


def repeated_keys(project, sales):
    write(project, column(sales, "sale_id", sales["sale_id"].to_numpy() // 2))


def copied_rows(project, sales):
    write(project, pa.concat_tables([sales, sales.slice(0, 2_000)]))


def feature_that_raises(project, sales):
    project.change("return valued_on.year - year_built",
                   "return (valued_on.year - year_built) // (year_built % 10)")  # fmt: skip


def too_few_rows(project, sales):
    write(project, sales.slice(0, 600))


@pytest.mark.parametrize(
    ("spoil", "check", "text"),
    [
        (negative_prices, "quarantined rows", "price: must be ≥ 5000"),
        (prices_of_a_csv_as_texts, "quarantined rows", "price: must be a whole number"),
        (times_that_are_texts, "quarantined rows", "sold_on: must be a date or a time with a zone"),
        (repeated_keys, "duplicate rows", "repeated key"),
        (copied_rows, "duplicate rows", "repeated key"),
        (feature_that_raises, "feature failures", "age_years"),
        (too_few_rows, "minimum rows", ""),
    ],
)
def test_bad_rows_are_counted_and_stop_at_the_data_gate(delivered, sales, days, spoil, check, text):
    live = delivered.live()
    spoil(delivered, sales)
    ran = delivered.deliver("--as-of", days[1])
    assert ran.code == 3, ran.err
    assert [m["code"] for m in ran.json["mistakes"]] == ["D160"]
    found = {c["name"]: c for c in ran.json["gates"][0]["checks"]}
    assert found[check]["verdict"] == "failed", found
    assert text in str(found[check])
    assert text in (delivered.state / "deliveries/houses/2/report.html").read_text()
    assert delivered.live() == live


def test_a_few_bad_rows_are_put_aside_and_delivered(project, sales, days):
    prices = sales["price"].to_numpy().copy()
    prices[np.flatnonzero(prices[:3_000] >= 5_000)[:10]] = -1
    table = column(sales, "price", prices)
    write(project, pa.concat_tables([table, table.slice(500, 5)]))
    ran = project.deliver("--as-of", days[0])
    assert ran.code == 0, ran.err
    checks = {c["name"]: c for c in ran.json["gates"][0]["checks"]}
    counts = checks["quarantined rows"]["evidence"]["counts"]
    assert counts["price: must be ≥ 5000"] == 10 + 17
    assert checks["duplicate rows"]["evidence"]["counts"] == {"repeated key": 5}


UNEXPORTABLE = """
from sklearn.base import BaseEstimator, RegressorMixin


class Homemade(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        self.mean_ = float(y.mean())
        return self

    def predict(self, X):
        return [self.mean_] * len(X)

"""


def test_no_candidate_that_exports(delivered, days):
    live = delivered.live()
    lines = (delivered.folder / "product.py").read_text().splitlines()
    kept = [line for line in lines if not line.lstrip().startswith('"boosting"')]
    (delivered.folder / "product.py").write_text("\n".join(kept))
    delivered.change("import interlock as il\n", "import interlock as il\n" + UNEXPORTABLE)
    delivered.change('"ridge": il.Candidate(Ridge(), target="log"),',
                     '"own": il.Candidate(Homemade()),')  # fmt: skip
    ran = delivered.deliver("--as-of", days[1])
    assert ran.code == 3, ran.err
    assert ran.json["mistakes"][0]["code"] == "T140"  # before all rows are spent on it
    assert "Homemade will not export" in str(ran.json["gates"])
    report = (delivered.state / "deliveries/houses/2/report.html").read_text()
    assert "Homemade will not export" in report
    assert delivered.live() == live


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["deliver", "--product", "../../x"], "C156", "there is no product '../../x'"),
        (["deliver", "--to", "../../x"], "E106", "../../x"),
        (["deliver", "--as-of", "yesterday"], "C106", "yesterday"),
        (["rollback", "--to", "../../x"], "E130", "../../x"),
        (["rollback"], "E102", "there is no release to go back to"),
        (["show", "../../x"], "E130", "../../x"),
        (["verify", "../../x"], "E130", "../../x"),
        (["serve", "--environment", "../x"], "E106", "../x"),
        (["explain", "../../../etc/passwd"], "C160", "etc/passwd"),
        (["deliver", "--no-such-option"], "C161", "--no-such-option"),
        (["no-such-command"], "C161", "no-such-command"),
        (["predict", "--input", "no.parquet", "--output", "x.parquet"], "S1", "no.parquet"),
        (["status", "-C", "/no/such/folder"], "C1", "/no/such/folder"),
    ],
)
def test_names_that_climb_or_are_not_there(delivered, codes, arguments, code, text):
    live = delivered.live()
    ran = delivered.run(*arguments)
    assert ran.code == 2, (ran.code, ran.err, ran.out)
    assert codes(ran.err)[0].startswith(code), ran.err
    assert text in ran.err
    assert delivered.live() == live


def test_a_port_in_use(delivered):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = delivered.run("serve", "--port", str(port))
    assert ran.code == 2, ran.err
    assert ran.err.count("error[S101]: the port is in use") == 1
    assert f"127.0.0.1:{port}" in ran.err


@pytest.mark.parametrize("limit", [10_000, 200_000])
def test_a_disk_that_is_full(delivered, days, limit):
    """Files may grow to a limit that is below what some stage needs: writing fails as when full."""
    live = delivered.live()

    ran = delivered.run("deliver", "--as-of", days[1], file_limit=limit)
    assert ran.code == 1, (ran.code, ran.err)
    assert "error[L1" in ran.err, ran.err
    assert "full" in ran.err, ran.err
    assert "Traceback" not in ran.err
    assert delivered.live() == live
    assert delivered.run("status").code == 0
    assert delivered.run("verify").code == 0
    again = delivered.deliver("--as-of", days[1])
    assert again.code == 0, again.err
    assert delivered.live() == again.json["digest"] != live


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 3 MB, where this user may make one."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", place], capture_output=True, check=False
    )
    yield place if made.returncode == 0 else None
    if made.returncode == 0:
        subprocess.run(["umount", "-l", place], check=True)


def test_a_small_disk(pristine, small_disk, days):
    if small_disk is None:
        return  # the limit on the size of files stands for it
    shutil.copytree(pristine.folder, small_disk / "houses")
    project = pristine.at(small_disk / "houses")
    live = project.live()
    free = shutil.disk_usage(small_disk).free
    (small_disk / "ballast").write_bytes(np.random.default_rng(0).bytes(max(0, free - 150_000)))
    ran = project.run("deliver", "--as-of", days[1])
    assert ran.code == 1, ran.err
    assert "error[L1" in ran.err
    assert project.live() == live
    assert project.run("verify").code == 0, "what is live verifies on a full disk too"
    (small_disk / "ballast").unlink()
    again = project.deliver("--as-of", days[1])
    assert again.code == 0, again.err
    assert project.live() == again.json["digest"]
