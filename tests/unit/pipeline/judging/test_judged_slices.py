from interlock.pipeline.judging.judged_slices import slice_columns
from interlock.release.attest import BUILD, GATE, Attestation


def said(kind, **predicate):
    return Attestation(
        subject="a" * 64, name="p", predicate_type=kind, predicate=predicate, signer="k"
    )


def test_the_columns_are_those_that_the_releases_own_model_gate_cut_by():
    rows = [{"column": "where", "label": "hill"}, {"column": "where", "label": "town"}]
    checks = [
        {"name": "mdape", "evidence": {}},
        {"name": "slices", "evidence": {"slices": rows, "left_out": ["age"]}},
        {"name": "again", "evidence": {"slices": [{"column": "area"}, *rows]}},
    ]
    other = [{"name": "slices", "evidence": {"slices": [{"column": "other"}]}}]
    everything = [
        said(BUILD, delivery="d1"),
        said(GATE, gate="service", delivery="d1", checks=other),
        said(GATE, gate="model", delivery="d0", checks=other),
        said(GATE, gate="model", delivery="d1", checks=checks),
    ]
    assert slice_columns(everything, "d1") == ("where", "age", "area")
    assert slice_columns(everything, "d2") == ()
