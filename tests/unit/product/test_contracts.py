"""The files in the project's folder ``contracts``."""

import json

import pytest

from interlock.errors import AuthorError
from interlock.product.contracts import contract_files, require_known

EXAMPLES = {
    "consumer": "shop",
    "interactions": [{"request": {"size": 1}, "response": {"status": 200}}],
}
PACT = {
    "consumer": {"name": "bank"},
    "provider": {"name": "items"},
    "interactions": [{"description": "x", "request": {}, "response": {}}],
}


def written(folder, **files):
    (folder / "contracts").mkdir()
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / "contracts" / f"{name}.json").write_text(text)
    return folder


def test_both_kinds_are_read_and_others_products_left_out(tmp_path):
    other = {**PACT, "provider": {"name": "elsewhere"}}
    folder = written(tmp_path, a=PACT, b=EXAMPLES, c=other, d={**EXAMPLES, "product": "else"})
    found = contract_files(folder, "items")
    assert [(c.path.name, c.consumer, c.is_pact) for c in found] == [
        ("a.json", "bank", True),
        ("b.json", "shop", False),
    ]


def test_a_project_may_have_none(tmp_path):
    assert contract_files(tmp_path, "items") == ()


@pytest.mark.parametrize(
    ("content", "got"),
    [
        ("{", "Expecting property name"),
        ([], "no list of interactions"),
        ({**EXAMPLES, "interactions": []}, "the list of interactions is empty"),
        ({**EXAMPLES, "consumer": " "}, "no name of the consumer"),
        ({**PACT, "provider": {}}, "no name of the provider"),
        ({**EXAMPLES, "interactions": [{"request": {}}]}, "without request and response"),
        (
            {**EXAMPLES, "interactions": [{"request": {}, "response": {}, "tolerance": 1}]},
            "an interaction with tolerance; it has description, request, response",
        ),
        (
            {**EXAMPLES, "interactions": [{"request": {}, "response": {"statu": 200}}]},
            "a response with statu; it has status, body",
        ),
        (
            {
                **EXAMPLES,
                "interactions": [
                    {"request": {}, "response": {"body": [{"size": {"$neer": 1, "$within": 1}}]}}
                ],
            },
            "a rule of $neer, $within; rules are $type, $near with $within, $between, $one_of, "
            "$matches",
        ),
        (
            {
                **EXAMPLES,
                "interactions": [{"request": {}, "response": {"body": {"id": {"$matches": "("}}}}],
            },
            "$matches is no regular expression: missing ), unterminated subpattern at position 0",
        ),
    ],
)
def test_every_bad_file_is_named(tmp_path, content, got):
    folder = written(tmp_path, good=EXAMPLES, bad=content, worse="no")
    with pytest.raises(AuthorError) as error:
        contract_files(folder, "items")
    assert [m.where for m in error.value.mistakes] == ["contracts/bad.json", "contracts/worse.json"]
    assert got in error.value.mistakes[0].got


def test_a_contract_with_a_product_that_nobody_has_is_no_contract_kept(tmp_path):
    stray = {**PACT, "provider": {"name": "itms"}}
    folder = written(tmp_path, a=PACT, b=EXAMPLES, c=stray, bad="no")
    with pytest.raises(AuthorError) as error:
        require_known(folder, ("items", "else"))
    (found,) = error.value.mistakes
    assert (found.where, found.expected) == ("contracts/c.json", "one of items, else")
    assert found.got == "'itms', by bank"
    require_known(folder, ("items", "itms"))
