"""What a stage depends on stands in its key: other products, sources and outcomes run anew."""

import dataclasses

import pytest

from interlock.errors import AuthorError
from interlock.pipeline.rows import snapshots


def test_two_products_never_share_an_output(bench):
    here, there = bench.context(name="houses"), bench.context(name="flats")
    assert not here.run("bundle", {"a": 1}, lambda: {"digest": "x"}).cached
    assert not there.run("bundle", {"a": 1}, lambda: {"digest": "y"}).cached


def test_an_output_that_is_not_to_be_kept_is_made_again(bench):
    context = bench.context()
    shut = {"opens": False}
    for _ in range(2):
        found = context.run("gate", {}, lambda: shut, keep=lambda output: output["opens"])
        assert not found.cached
    shut["opens"] = True
    assert not context.run("gate", {}, lambda: shut, keep=lambda output: output["opens"]).cached
    assert context.run("gate", {}, lambda: shut, keep=lambda output: output["opens"]).cached


def test_which_source_the_examples_are_is_part_of_the_code(bench):
    bound = bench.context().bound
    source = bound.examples_source
    other = dataclasses.replace(source, name="verified")
    examples = dataclasses.replace(bound.product.examples, source=other)
    changed = dataclasses.replace(
        bound, product=dataclasses.replace(bound.product, examples=examples)
    )
    assert changed.code_digest != bound.code_digest


def test_a_source_that_changes_while_it_is_read_is_refused(bench, monkeypatch):
    context = bench.context()
    taking = snapshots.take

    def meanwhile(source, **arguments):
        bench.write(price=[20_000 + i for i in range(10)])
        return taking(source, **arguments)

    monkeypatch.setattr(snapshots, "take", meanwhile)
    with pytest.raises(AuthorError) as refused:
        snapshots.take_snapshots(context)
    assert refused.value.code == "D113"
