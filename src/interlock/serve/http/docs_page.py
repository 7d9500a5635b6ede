"""The page at ``/docs``: fields, an example to copy, the errors. No script, nothing from elsewhere.

Every word that comes from a release is escaped; the page is served under a policy that forbids
scripts altogether.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from interlock.data.request import Field
from interlock.serve.contract import Contract
from interlock.serve.errors import CATALOGUE
from interlock.serve.http.outcome_api import outcome_example, outcome_words
from interlock.serve.http.schema import openapi
from interlock.serve.loaded.audit import described
from interlock.serve.loaded.explainer import multiplies
from interlock.serve.outcomes import OUTCOME
from interlock.wording import counted

POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; } caption { text-align: left; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0;
         border-bottom: 1px solid var(--line); }
code, pre { font: .9em/1.5 ui-monospace, monospace; }
pre { background: var(--soft); padding: 1rem; overflow-x: auto; border-radius: 6px; }
.scroll { overflow-x: auto; }
th[scope=row] + td { min-width: 9rem; }
"""


_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: the API</title><style>{style}</style></head>
<body>
<main>
<h1>{title}</h1>
{opening}
<h2>Ask</h2>
{ask}
<h2>Fields of the request</h2>
{fields}
<h2>The answer</h2>
{answer}
<h2>What became of it</h2>
{outcomes}
<h2>What it answers for</h2>
{coverage}
<h2>Why an answer is what it is</h2>
{explanations}
<h2>Errors</h2>
{errors}
<h2>All paths</h2>
{paths}
</main>
</body></html>
"""


def docs_page(contract: Contract) -> str:
    """The page as HTML; the same for every reader."""
    described = openapi(contract)
    return _PAGE.format(
        title=escape(contract.product),
        style=_STYLE,
        opening=_opening(contract),
        ask=_ask(contract),
        fields=_fields(contract),
        answer=_answer(described["components"]["schemas"]["Answer"]),
        outcomes=_outcomes(contract),
        coverage=_coverage(contract),
        explanations=_explanations(contract),
        errors=_errors(),
        paths=_paths(described["paths"]),
    )


def _opening(contract: Contract) -> str:
    """Which release answers, and what."""
    release, answer = escape(contract.label or "unlabelled"), contract.answer
    answered = escape(answer.target) + (f", in {escape(answer.unit)}" if answer.unit else "")
    decided = f": {escape(answer.decided)}" if answer.decided else ""
    apart = " Its model is scored in a process apart." if contract.isolated else ""
    return (
        f"<p>Release {release}, <code>{contract.digest[:12]}</code>. "
        f"Answers {answered}{decided}.{apart}</p>"
    )


def _ask(contract: Contract) -> str:
    """The example to copy."""
    return f"""{_curl(contract, "/v1/predict", contract.example)}
<p>Send one object, or a list of at most {counted(contract.max_rows, "object")}.
The same in other forms:
<a href="/v1/schema">schema</a>, <a href="/openapi.json">OpenAPI</a>.</p>"""


def _fields(contract: Contract) -> str:
    rows = [_field_row(field, contract) for field in contract.request.fields]
    return _table(("Field", "Takes", "Unit", "Required", "Example"), rows)


def _answer(schema: Mapping[str, Any]) -> str:
    """What comes back: names and words of the OpenAPI description."""
    rows = [
        f'<tr><th scope="row"><code>{escape(name)}</code></th>'
        f"<td>{escape(kind['description'])}</td>"
        f"<td>{'yes' if name in schema['required'] else 'no'}</td></tr>"
        for name, kind in schema["properties"].items()
    ]
    return f"""<p>One object for one, a list in the same order for a list; status 200.</p>
{_table(("Field", "What it is", "Always"), rows)}"""


def _paths(paths: Mapping[str, Mapping[str, Any]]) -> str:
    """Every path, as the OpenAPI description has it."""
    rows = [
        f"<tr><td>{method.upper()}</td><td><code>{escape(path)}</code></td>"
        f"<td>{escape(operation['summary'])}</td></tr>"
        for path, operations in paths.items()
        for method, operation in operations.items()
        if method in ("get", "post")
    ]
    return f"""<p>Below <code>/v2</code> the same predictions are tensors: the Open Inference
Protocol.</p>
{_table(("Method", "Path", "What it is"), rows)}"""


def _outcomes(contract: Contract) -> str:
    """How to tell what turned out true."""
    head = ("Field", "Takes", "Required")
    return f"""<p>Once the truth is known, tell it to <code>/v1/outcomes</code>: one object, or a
list. An outcome names the prediction by its <code>id</code>; {escape(outcome_words(contract))}.
The same sent again is one outcome; a higher <code>revision</code> corrects it.</p>
{_curl(contract, "/v1/outcomes", outcome_example(contract))}
{_table(head, [_outcome_row(field) for field in OUTCOME.fields])}"""


def _errors() -> str:
    rows = [
        f"<tr><td>{r.status}</td><td><code>{r.code}</code></td><td>{escape(r.meaning)}</td></tr>"
        for r in sorted(CATALOGUE, key=lambda refusal: (refusal.status, refusal.code))
    ]
    return f"""<p>An error is <code>{{"error": {{"code", "message", "mistakes"}}}}</code>; a refused
request lists every mistake with its field.</p>
{_table(("Status", "Code", "Meaning"), rows)}"""


def _table(head: Sequence[str], rows: Sequence[str]) -> str:
    """A table that scrolls by itself, so that the page need not."""
    columns = "".join(f'<th scope="col">{name}</th>' for name in head)
    lines = "\n".join(rows)
    return f"""<div class="scroll" tabindex="0"><table>
<thead><tr>{columns}</tr></thead>
<tbody>
{lines}
</tbody></table></div>"""


def _coverage(contract: Contract) -> str:
    """What is covered, and what an answer says where a row is not."""
    if contract.coverage is None:
        return "<p>Every request that fits the fields above: <code>covered</code> is true.</p>"
    lines = "\n".join(f"<li>{escape(line)}</li>" for line in contract.coverage.sentences)
    given = (
        "the prediction is an estimate that nothing vouches for"
        if contract.coverage.estimate
        else "<code>prediction</code> and <code>interval</code> are null"
    )
    return (
        f"<ul>\n{lines}\n</ul>\n<p>Otherwise <code>covered</code> is false, "
        f"<code>not_covered</code> says why, and {given}.</p>"
    )


def _explanations(contract: Contract) -> str:
    """How to ask for an explanation, and how to read it."""
    if not contract.max_explained:
        return "<p>This release carries nothing to explain its answers with.</p>"
    spec = contract.answer.spec
    base = "<code>base</code>, the answer over some usual rows,"
    if multiplies(spec):
        read = f"{base} times each of <code>contributions</code> gives the prediction"
    elif spec.task == "regression":
        read = f"{base} plus all <code>contributions</code> gives the prediction"
    else:
        read = f"{base} plus all <code>contributions</code> gives the probability"
    return (
        f"<p>Send to <code>/v1/predict?explain=true</code>, at most {contract.max_explained} rows: "
        f"{read}, before any post-processing.</p>"
    )


def _field_row(field: Field, contract: Contract) -> str:
    example = contract.example.get(field.name)
    shown = "" if example is None else f"<code>{escape(json.dumps(example))}</code>"
    note = f"<br>{escape(field.description)}" if field.description else ""
    return (
        f'<tr><th scope="row"><code>{escape(field.name)}</code></th>'
        f"<td>{escape(described(field))}{note}</td><td>{escape(field.unit)}</td>"
        f"<td>{'no' if field.optional else 'yes'}</td><td>{shown}</td></tr>"
    )


def _outcome_row(field: Field) -> str:
    takes = escape(f"{described(field)}; {field.description}")
    return (
        f'<tr><th scope="row"><code>{field.name}</code></th><td>{takes}</td>'
        f"<td>{'no' if field.optional else 'yes'}</td></tr>"
    )


def _curl(contract: Contract, path: str, example: Mapping[str, Any]) -> str:
    """The command that sends the example, to copy."""
    token = " \\\n  -H 'authorization: Bearer TOKEN'" if contract.needs_token else ""
    data = shlex.quote(json.dumps(dict(example), indent=2, ensure_ascii=False))
    command = (
        f"curl http://HOST:PORT{path} \\\n  -H 'content-type: application/json'{token} \\\n"
        f"  -d {data}"
    )
    return f'<pre tabindex="0"><code>{escape(command)}</code></pre>'
