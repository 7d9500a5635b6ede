"""The page at ``/docs``: fields, an example to copy, the errors. No script, nothing from elsewhere.

Every word that comes from a release is escaped; the page is served under a policy that forbids
scripts altogether.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from html import escape
from typing import Any

from interlock.data.request import Field
from interlock.serve.audit import described
from interlock.serve.contract import Contract
from interlock.serve.errors import CATALOGUE
from interlock.serve.explainer import multiplies
from interlock.serve.outcome_api import outcome_example, outcome_words
from interlock.serve.outcomes import OUTCOME

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
"""


def docs_page(contract: Contract) -> str:
    """The page as HTML. The example is addressed to the host that the reader came by."""
    title = escape(contract.product)
    release = escape(contract.label or "unlabelled")
    answer = contract.answer
    answered = escape(answer.target) + (f", in {escape(answer.unit)}" if answer.unit else "")
    decided = f": {escape(answer.decided)}" if answer.decided else ""
    rows = "\n".join(_field_row(field, contract) for field in contract.request.fields)
    apart = " Its model is scored in a process apart." if contract.isolated else ""
    ask = _curl(contract, "/v1/predict", contract.example)
    tell = _curl(contract, "/v1/outcomes", outcome_example(contract))
    outcomes = "\n".join(map(_outcome_row, OUTCOME.fields))
    errors = "\n".join(
        f"<tr><td>{r.status}</td><td><code>{r.code}</code></td><td>{escape(r.meaning)}</td></tr>"
        for r in CATALOGUE
    )
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: the API</title><style>{_STYLE}</style></head>
<body>
<main>
<h1>{title}</h1>
<p>Release {release}, <code>{contract.digest[:12]}</code>. Answers {answered}{decided}.{apart}</p>
<h2>Ask</h2>
<pre tabindex="0"><code>{escape(ask)}</code></pre>
<p>Send one object, or a list of at most {contract.max_rows} objects. The same in other forms:
<a href="/v1/schema">schema</a>, <a href="/openapi.json">OpenAPI</a>.</p>
<h2>Fields of the request</h2>
<div class="scroll" tabindex="0"><table>
<thead><tr><th scope="col">Field</th><th scope="col">Takes</th><th scope="col">Unit</th>
<th scope="col">Required</th><th scope="col">Example</th></tr></thead>
<tbody>
{rows}
</tbody></table></div>
<h2>What became of it</h2>
<p>Once the truth is known, tell it to <code>/v1/outcomes</code>: one object, or a list. An outcome
names the prediction by its <code>id</code>; {escape(outcome_words(contract))}. The same sent again
is one outcome; a higher <code>revision</code> corrects it.</p>
<pre tabindex="0"><code>{escape(tell)}</code></pre>
<div class="scroll" tabindex="0"><table>
<thead><tr><th scope="col">Field</th><th scope="col">Takes</th>
<th scope="col">Required</th></tr></thead>
<tbody>
{outcomes}
</tbody></table></div>
<h2>What it answers for</h2>
{_coverage(contract)}
<h2>Why an answer is what it is</h2>
{_explanations(contract)}
<h2>Errors</h2>
<p>An error is <code>{{"error": {{"code", "message", "mistakes"}}}}</code>; a refused request lists
every mistake with its field.</p>
<div class="scroll" tabindex="0"><table>
<thead><tr><th scope="col">Status</th><th scope="col">Code</th>
<th scope="col">Meaning</th></tr></thead>
<tbody>
{errors}
</tbody></table></div>
</main>
</body></html>
"""


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
    token = " \\\n  -H 'authorization: Bearer TOKEN'" if contract.needs_token else ""
    data = shlex.quote(json.dumps(dict(example)))
    return (
        f"curl http://HOST:PORT{path} \\\n  -H 'content-type: application/json'{token} \\\n"
        f"  -d {data}"
    )
