"""`interlock diff` between two real releases, and answers of the second explained."""

import json
import math

import pyarrow.parquet as pq
import pytest


@pytest.fixture(scope="module")
def two(pristine, days, tmp_path_factory):
    """A project whose second release is made of other code, other data and another parameter."""
    project = pristine.copy(tmp_path_factory.mktemp("two") / "houses")
    project.change(
        "return valued_on.year - year_built", "return max(0, valued_on.year - year_built)"
    )
    project.change("max_iter=40", "max_iter=60")
    project.change('sales_180d=il.count("180d")', 'sales_90d=il.count("90d")')
    ran = project.deliver("--as-of", days[1])
    assert ran.code == 0, ran.err
    assert ran.json["label"] == "1.1.0"
    return project


def names(part, mark):
    return {each["name"] for each in part if each["mark"] == mark}


def test_the_second_release_against_the_first(two, pristine):
    ran = two.run("diff", "1.0.0", "prod", "--rows", "3", "--json")
    assert ran.code == 0, ran.err
    found = ran.json
    assert (found["before"]["label"], found["after"]["label"]) == ("1.0.0", "1.1.0")
    assert found["before"]["bundle"] == pristine.live()
    assert (found["same"], found["breaking"]) == (False, [])
    changes = found["changes"]
    (code,) = changes["code"]
    assert (code["mark"], code["added"], code["removed"]) == ("~", 1, 1)
    assert "+    return max(0, valued_on.year - year_built)" in code["lines"]
    assert changes["request"] == []
    assert names(changes["features"], "+") == {"sales_90d"}
    assert names(changes["features"], "−") == {"sales_180d"}
    assert "max_iter" in names(changes["parameters"], "~")
    assert {"snapshot", "training rows", "trained until"} <= names(changes["data"], "~")
    assert {s["name"] for s in changes["shifts"]} >= {"age_years", "neighbourhood"}
    assert all(m["before"]["n"] > 100 < m["after"]["n"] for m in changes["metrics"])


def test_both_answer_the_same_rows_each_with_its_own_code(two):
    found = two.run("diff", "1.0.0", "1.1.0", "--rows", "4", "--json").json["contrast"]
    assert (found["reason"], found["unjudged"]) == ("", "")
    assert found["rows"] == found["both"] == found["unseen"] > 500
    mdape = next(m for m in found["metrics"] if m["name"] == "mdape")
    change = mdape["change"]
    assert change["value"] == pytest.approx(mdape["after"]["value"] - mdape["before"]["value"])
    assert change["interval"]["low"] < change["value"] < change["interval"]["high"]
    sizes = [abs(math.log1p(row["size"])) for row in found["disagreements"]]
    assert len(sizes) == 4
    assert sizes == sorted(sizes, reverse=True)
    first = found["disagreements"][0]
    ratio = first["after"]["value"] / first["before"]["value"] - 1
    assert first["size"] == pytest.approx(ratio)
    assert set(first["request"]) >= {"year_built", "valued_on"}


def test_people_read_it_as_lines(two):
    ran = two.run("diff", "1.0.0", "--rows", "1")
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[0].startswith("houses 1.0.0 → 1.1.0 · ")
    assert lines[1:3] == ["code", "  ~ changed packed/product.py: 1 line added, 1 removed"]
    assert "  ~ max_iter: 40 → 60" in lines
    assert "where they disagree most" in lines
    assert lines[-1] == "✔ compatible: a consumer need not change anything"


def test_an_environment_is_what_is_live_there(two):
    ran = two.run("diff", "staging", "prod")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[-1] == "= the same release: 1.1.0"


def test_rows_that_cannot_be_had_are_said_and_the_rest_is_told(two, tmp_path):
    project = two.copy(tmp_path / "houses")
    (project.folder / "data" / "sales.parquet").unlink()
    ran = project.run("diff", "1.0.0")
    assert ran.code == 0, ran.err
    assert "  ? not compared: error[" in ran.out
    assert "  ~ max_iter: 40 → 60" in ran.out


@pytest.mark.parametrize("what", ["9.9.9", "dev"])
def test_what_is_no_release_is_refused(two, what):
    ran = two.run("diff", what)
    assert ran.code == 2
    assert "error[E130]" in ran.err or "error[E131]" in ran.err


def test_a_file_is_predicted_with_its_explanations(two, sales, tmp_path):
    pq.write_table(sales.slice(5_900, 20), tmp_path / "some.parquet")
    ran = two.run(
        "predict", "--explain", "--input", tmp_path / "some.parquet",
        "--output", tmp_path / "out.parquet",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    for row in pq.read_table(tmp_path / "out.parquet").to_pylist():
        factors = [v for name, v in row.items() if name.startswith("contribution_")]
        assert len(factors) == 12
        assert row["base"] * math.prod(factors) == pytest.approx(row["prediction"], rel=1e-9)


def bundle_of(project):
    return project.state / "artifacts" / "bundles" / project.live()


def test_the_release_holds_few_rows_to_explain_with_unless_it_must_not(two, days, tmp_path):
    columns = json.loads((bundle_of(two) / "background.json").read_text())["columns"]
    assert {len(values) for values in columns.values()} == {32}
    assert len(columns) == 12
    project = two.copy(tmp_path / "houses")
    project.change('    metric="mdape",', '    metric="mdape",\n    explanations=False,')
    ran = project.deliver("--as-of", days[1])
    assert ran.code == 0, ran.err
    assert not (bundle_of(project) / "background.json").exists()
    asked = ("--explain", "--input", "data/sales.parquet", "--output", "out.parquet")
    ran = project.run("predict", *asked)
    assert ran.code == 2
    assert "error[S129]: the release carries nothing to explain its answers with" in ran.err
