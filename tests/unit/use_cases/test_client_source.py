"""The generated client: what it sends, how it asks again, and that no name becomes code."""

import ast
import asyncio
import importlib
import json
import subprocess
import sys
import typing
from dataclasses import MISSING, fields
from datetime import UTC, date, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from interlock.data.request import Field, RequestSchema
from interlock.errors import OperatorError
from interlock.serve.contract import AnswerContract, Contract
from interlock.train.answer import AnswerSpec
from interlock.use_cases import client_source
from interlock.use_cases.client import write_client
from interlock.use_cases.client_source import client_files

FIELDS = (
    Field(name="garage", kind="float", optional=True),
    Field(name="valued_on", kind="date", asked_at=True, zone="UTC", model_input=False),
    Field(name="area", kind="float", gt=0, unit="m²", description="living area"),
    Field(name="stories", kind="category", categories=("one", "two")),
)
HOSTILE = (
    "'); import os; os.abort() #",
    '"""\nimport os\nos.abort()\n"""',
    "x\nraise SystemExit(1)",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "\\",
    "$(touch owned)",
    "`touch owned`",
    "'; touch owned; '",
)


def contract(product="valuation", fields=FIELDS, *, name="House", label="1.4.0", **more):
    classes = more.get("classes", ())
    spec = AnswerSpec(task="binary" if classes else "regression", link="identity", classes=classes)
    return Contract(
        product=product,
        label=label,
        digest="5" * 64,
        request=RequestSchema(name=name, fields=fields),
        answer=AnswerContract(spec=spec, target="price", unit=more.get("unit", "USD")),
        example=more.get("example", {"area": 120.0}),
        max_rows=10,
        max_body_bytes=1_000,
    )


@pytest.fixture
def package(tmp_path, monkeypatch):
    write_client(contract(), tmp_path / "out")
    monkeypatch.syspath_prepend(str(tmp_path / "out" / "src"))
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    for name in [name for name in sys.modules if name.startswith("valuation_client")]:
        monkeypatch.delitem(sys.modules, name)
    return importlib.import_module("valuation_client")


def house(package, **changes):
    return package.House(
        **{"valued_on": date(2024, 5, 31), "area": 120.0, "stories": "one"} | changes
    )


ANSWER = {
    "prediction": 5.5,
    "interval": {"low": 4.0, "high": 6.0, "level": 0.8},
    "unit": "USD",
    "covered": True,
    "release": "1.4.0",
    "digest": "5" * 64,
    "arm": "champion",
    "id": "a1",
    "of a later version": 1,
}
FAILED = {"error": {"code": "S120", "message": "busy", "mistakes": []}}
WRONG = {"error": {"code": "S110", "message": "1 mistake", "mistakes": [{"what": "is missing"}]}}


def served(*statuses, seen):
    """A service that answers with these statuses, one after the other; None breaks off."""
    given = iter(statuses)

    def handle(request):
        seen.append(request)
        status = next(given)
        if status is None:
            raise httpx.ConnectError("no connection")
        body = {200: ANSWER, 422: WRONG}.get(status, FAILED)
        if status == 200 and request.content.startswith(b"["):
            body = [ANSWER] * len(json.loads(request.content))
        return httpx.Response(status, json=body)

    return httpx.MockTransport(handle)


def test_a_request_has_the_schemas_fields_types_and_words(package):
    assert {f.name for f in fields(package.House)} == {"valued_on", "area", "stories", "garage"}
    hints = typing.get_type_hints(package.House)
    assert hints["stories"] == typing.Literal["one", "two"]
    assert hints["garage"] == float | None
    required = {f.name for f in fields(package.House) if f.default is MISSING}
    assert required == {"valued_on", "area", "stories"}
    text = client_files(contract())["src/valuation_client/messages.py"]
    assert r"'living area; a number > 0; in m\xb2'" in text
    assert house(package).to_row() == {
        "valued_on": "2024-05-31",
        "area": 120.0,
        "stories": "one",
    }


def sold(package, **changes):
    return package.Outcome(
        **{
            "prediction_id": "a1",
            "name": "price",
            "value": 5.0,
            "event_time": datetime(2024, 6, 1, tzinfo=UTC),
        }
        | changes
    )


def logged(request):
    assert request.url.path == "/v1/outcomes"
    return httpx.Response(200, json={"logged": len(json.loads(request.content))})


def test_a_number_that_json_does_not_hold_is_named(package):
    with pytest.raises(ValueError, match="garage is nan; a value that is missing is None"):
        house(package, garage=float("nan")).to_row()


def test_an_explanation_is_asked_for_by_both_clients(package):
    seen = []

    def handle(request):
        seen.append(str(request.url))
        row = ANSWER | {"explanation": {"base": 1.0}}
        return httpx.Response(200, json=[row] if request.content.startswith(b"[") else row)

    async def ask():
        transport = httpx.MockTransport(handle)
        async with package.AsyncClient("http://a", transport=transport) as client:
            (answer,) = await client.predict_many([house(package)], explain=True)
            return answer.explanation, (await client.predict(house(package))).explanation

    with package.Client("http://a", transport=httpx.MockTransport(handle)) as client:
        assert client.predict(house(package), explain=True).explanation == {"base": 1.0}
    assert asyncio.run(ask()) == ({"base": 1.0}, {"base": 1.0})
    asked = "http://a/v1/predict?explain=true"
    assert seen == [asked, asked, "http://a/v1/predict"]


def test_the_readme_shows_a_request_that_can_be_sent(package):
    example = {"valued_on": "2024-05-31", "area": 120.0, "stories": "one", "garage": None}
    readme = client_files(contract(example=example))["README.md"]
    code = readme.partition("```python\n")[2].partition("with Client")[0]
    namespace = {}
    exec(compile(code, "README.md", "exec"), namespace)
    assert namespace["request"] == house(package)


@pytest.mark.parametrize(
    ("classes", "beside"), [((), "interval"), ((False, True), "probabilities")]
)
def test_the_readme_shows_what_the_answer_has(classes, beside):
    readme = client_files(contract(classes=classes))["README.md"]
    assert f"print(answer.prediction, answer.{beside}, answer.covered" in readme


def test_outcomes_are_told_by_both_clients(package):
    seen = []

    def handle(request):
        seen.append(json.loads(request.content))
        return logged(request)

    more = sold(package, observed_at=datetime(2024, 6, 2, tzinfo=UTC), source="deeds", revision=1)
    with package.Client("http://a", transport=httpx.MockTransport(handle)) as client:
        assert client.tell([sold(package), more]) == 2

    async def tell():
        async with package.AsyncClient("http://a", transport=httpx.MockTransport(handle)) as client:
            return await client.tell([sold(package)])

    assert asyncio.run(tell()) == 1
    first = {
        "prediction_id": "a1",
        "name": "price",
        "value": 5.0,
        "event_time": "2024-06-01T00:00:00+00:00",
        "source": "",
        "revision": 0,
    }
    said = {"source": "deeds", "revision": 1, "observed_at": "2024-06-02T00:00:00+00:00"}
    assert seen == [[first, first | said], [first]]


def test_a_refusal_says_every_mistake(package):
    mistakes = [
        {"row": 0, "field": "area", "what": "is missing", "expected": "a number > 0"},
        {"field": "stories", "what": "is not one of the categories", "got": '"four"'},
        {"what": "is not an object"},
    ]
    refused = package.Refused(422, "S110", "the request has 3 mistakes", mistakes)
    assert str(refused) == (
        "422 S110: the request has 3 mistakes\n"
        "  row 0, area: is missing; expected a number > 0\n"
        '  stories: is not one of the categories; got "four"\n'
        "  is not an object"
    )
    assert str(package.Refused(413, "S112", "the body is too large", [])) == (
        "413 S112: the body is too large"
    )


@pytest.mark.parametrize("before", [(), (503,), (None, 503, None)])
def test_it_asks_again_where_the_service_sheds_load_or_is_gone(package, before):
    seen = []
    with package.Client(
        "http://a", token="t" * 32, transport=served(*before, 200, seen=seen)
    ) as client:
        answer = client.predict(house(package))
    assert (answer.prediction, answer.interval.high, answer.degraded) == (5.5, 6.0, False)
    assert len(seen) == len(before) + 1
    assert seen[0].headers["authorization"] == "Bearer " + "t" * 32


def test_a_list_is_answered_in_asyncio_too(package):
    async def ask(transport):
        async with package.AsyncClient("http://a", transport=transport, retries=1) as client:
            return await client.predict_many([house(package)] * 2)

    assert len(asyncio.run(ask(served(503, 200, seen=[])))) == 2
    with pytest.raises(httpx.ConnectError):
        asyncio.run(ask(served(None, None, seen=[])))


def test_what_is_wrong_is_not_asked_again(package):
    seen = []
    client = package.Client("http://a", transport=served(422, 500, 503, seen=seen), retries=0)
    with pytest.raises(package.Refused) as refused:
        client.predict(house(package))
    assert (refused.value.status, refused.value.mistakes) == (422, ({"what": "is missing"},))
    for status in (500, 503):
        with pytest.raises(package.ServiceFailed) as failed:
            client.predict(house(package))
        assert failed.value.status == status
    assert len(seen) == 3


def bound_names(text):
    """What a module's text imports and calls at its top."""
    tree = ast.parse(text)
    calls = [node for node in tree.body if isinstance(node, ast.Expr | ast.Raise)]
    return {alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names}, [
        ast.unparse(node) for node in calls[1:]
    ]


@given(st.sampled_from(HOSTILE) | st.text(min_size=1, max_size=30))
def test_no_name_becomes_code(text):
    hostile = contract(
        product=text,
        name=text,
        label=text,
        unit=text,
        example={text: text},
        classes=(text, text + "2"),
        fields=(
            Field(name=text, kind="float", unit=text, description=text),
            Field(name=text + " ", kind="category", categories=(text, "b")),
        ),
    )
    for path, written in client_files(hostile).items():
        assert all(part.isascii() and ".." not in part for part in path.split("/"))
        if path.endswith(".py"):
            imported, ran = bound_names(written)
            assert imported <= {"asyncio", "math", "random", "time", "httpx"}
            assert ran == []
    messages = next(t for p, t in client_files(hostile).items() if p.endswith("messages.py"))
    namespace = {"__name__": __name__}
    exec(compile(messages, "messages.py", "exec"), namespace)
    assert (namespace["PRODUCT"], list(namespace["_SENT"].values())) == (text, [text, text + " "])


@pytest.mark.parametrize("name", ["Outcome", "Refused", "Sequence", "AsyncClient", "RELEASE"])
def test_a_request_may_be_named_as_something_of_the_clients(name):
    written = client_files(contract(name=name))
    assert f"class {name}_:" in written["src/valuation_client/messages.py"]


@pytest.mark.parametrize("text", HOSTILE)
def test_the_shell_runs_no_example(text, tmp_path):
    script = client_files(contract(example={text: text}))["curl.sh"]
    (tmp_path / "curl").write_text(
        '#!/bin/sh\nfor a in "$@"; do last=$a; done\nprintf %s "$last"\n'
    )
    (tmp_path / "curl").chmod(0o755)
    ran = subprocess.run(
        ["/bin/sh", "-c", script],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        check=True,
    )
    assert json.loads(ran.stdout) == {text: text}
    assert not (tmp_path / "owned").exists()


def test_a_template_can_print_nothing_that_nobody_made_safe():
    environment = client_source._environment()
    with pytest.raises(TypeError, match="neither code nor a literal"):
        environment.from_string("{{ name }}").render(name="import os")
    with pytest.raises((UndefinedError, TypeError)):
        environment.from_string("{{ nothing }}").render()


def test_nothing_is_written_over(tmp_path):
    (tmp_path / "mine").touch()
    with pytest.raises(OperatorError, match="E134") as caught:
        write_client(contract(), tmp_path)
    assert caught.value.mistakes[0].got == "1 entry"
