"""What the docs repeat from the code (defaults, codes, settings, names) is what the code says."""

import dataclasses
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import interlock as il
from interlock import settings
from interlock.cli.main import COMMANDS
from interlock.deploy.environment import environments
from interlock.evaluate.metrics import METRICS, Metric
from interlock.features.purity import ALLOWED_IMPORTS
from interlock.gates.data.gate import ALWAYS_ON, DATA_CHECKS, DEFAULT_DATA_GATE
from interlock.gates.model import gate as model_gate
from interlock.gates.model.champion import FEWEST_CHAMPION_ROWS
from interlock.gates.model.gate import DEFAULT_MODEL_GATE, MODEL_CHECKS
from interlock.gates.service.form import LONGEST_SECONDS, Form
from interlock.gates.service.gate import FULL, SERVICE_CHECKS
from interlock.gates.service.latency import FEWEST_REQUESTS, FEWEST_WINDOWS
from interlock.gates.service.load import FEWEST_REQUESTS as FEWEST_LOAD_REQUESTS
from interlock.pipeline.probes.load import CONNECTIONS
from interlock.pipeline.probes.project_tests import TIMEOUT_SECONDS
from interlock.release import attest, manifest
from interlock.serve import lines
from interlock.serve.errors import CATALOGUE
from interlock.serve.http import connection, head, known_heads, uploads
from interlock.serve.plan import Limits, ServePlan
from interlock.stats.resamples import RESAMPLES
from interlock.verdict import Exemption, Verdict

ROOT = Path(__file__).resolve().parents[3]


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def rows(text: str) -> list[tuple[str, ...]]:
    """The rows of all Markdown tables on a page, without headers' rules."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    cells = [re.split(r"(?<!\\)\|", line.strip("|").strip()) for line in lines]
    return [tuple(cell.strip() for cell in row) for row in cells if set(row[0]) - set("- ")]


def written(cls: type, shown: str = "") -> str:
    """A declaration as the docs print it: 'il.MaxQuarantined(share=0.1)'."""
    parts = [
        name if p.default is p.empty else f"{name}={p.default!r}".replace("Ellipsis", "…")
        for name, p in inspect.signature(cls).parameters.items()
    ]
    return f"`il.{shown or cls.__name__}({', '.join(parts)})`"


def test_every_public_name_is_documented() -> None:
    text = page("docs/declaration.md") + page("docs/gates.md")
    names = set(il.__all__) - {"__version__"}
    assert {name for name in names if f"il.{name}" not in text} == set()


def test_the_docs_name_nothing_that_is_not_there() -> None:
    texts = [page("README.md"), *(p.read_text("utf-8") for p in (ROOT / "docs").rglob("*.md"))]
    used = {name for text in texts for name in re.findall(r"\bil\.([A-Za-z_]\w*)", text)}
    assert used - set(il.__all__) == set()


@pytest.mark.parametrize("check", [*DATA_CHECKS, *MODEL_CHECKS, *SERVICE_CHECKS])
def test_checks_are_listed_with_their_defaults(check: type) -> None:
    assert written(check) in {row[0] for row in rows(page("docs/gates.md"))}


def test_the_default_gates_are_as_written() -> None:
    text = page("docs/gates.md")
    names = [f"{type(c).__name__}({_given(c)})" for c in ALWAYS_ON]
    listed = re.search(r"Always on, unless.*?: (.*?)\. A product", text, re.DOTALL)
    assert listed is not None
    assert re.findall(r"`([^`]+)`", listed[1]) == names
    (first, *rest) = DEFAULT_DATA_GATE
    assert rest == list(ALWAYS_ON)
    assert f"`{type(first).__name__}({_given(first)})`" in text
    shown = " and ".join(f"`{type(c).__name__}()`" for c in DEFAULT_MODEL_GATE)
    assert f"A product that declares no model gate gets {shown}." in text
    always = [f"`{type(check).__name__}()` is always on" for check in model_gate.ALWAYS_ON]
    assert all(sentence in text for sentence in always)


def _given(check: Any) -> str:
    """The arguments of a check, or nothing where all are the class's own defaults."""
    found = dataclasses.asdict(check)
    defaults = {f.name: f.default for f in dataclasses.fields(check)}
    plain = len(found) > 1 and found == defaults
    return "" if plain else ", ".join(repr(value) for value in found.values())


def test_verdicts_and_exemptions_are_as_written() -> None:
    text = page("docs/gates.md")
    assert [r[0] for r in rows(text) if r[0] in set(Verdict)] == [
        *(v.value for v in (Verdict.PASSED, Verdict.NOT_APPLICABLE, Verdict.INCONCLUSIVE)),
        *(v.value for v in (Verdict.FAILED, Verdict.ERROR)),
    ]
    assert " · ".join(f"*{e.value}*" for e in Exemption) in text


def test_the_gates_numbers_are_as_written() -> None:
    text = page("docs/gates.md")
    assert f"{RESAMPLES:,}\nresamples" in text
    assert f"than {FEWEST_CHAMPION_ROWS} of these" in text.replace("\n", " ")
    assert f"At least {FEWEST_WINDOWS} windows of {FEWEST_REQUESTS} requests" in text
    assert f"at most {TIMEOUT_SECONDS:g} s" in text
    quick, full = (LONGEST_SECONDS[form] for form in Form)
    assert f"measured within {quick:g} s, in the full form within {full:g} s" in text
    start, memory, load = FULL[:3]
    assert f"; {start.limit.replace('s', ' s')} unless declared" in text
    assert f"; {memory.limit.replace('GB', ' GB')} unless declared" in text
    assert f"; {load.rate} and {load.p99.replace('ms', ' ms')} unless declared" in text
    assert f"over {CONNECTIONS} connections" in text
    assert f"At least {FEWEST_LOAD_REQUESTS} requests are sent" in text


def test_the_policies_are_as_written() -> None:
    text = page("docs/gates.md")
    policies = [e.policy for e in environments({})]
    asked = {True: "asked", False: "no"}
    table = {row[0]: row[1:] for row in rows(text)}
    assert table["a clean tree"] == tuple(asked[not p.allow_dirty] for p in policies)
    assert table["post-deploy tests passed in staging"] == tuple(
        asked[p.post_deploy_in == "staging"] for p in policies
    )
    assert table["the model gate compared with what is live now"] == tuple(
        asked[p.present_champion] for p in policies
    )
    assert table["the service gate in its full form"] == tuple(
        asked[p.full_service_gate] for p in policies
    )


def test_metrics_are_listed() -> None:
    wanted = [
        (f"`{m.name}`", _better(m), ", ".join(m.tasks), m.meaning.replace("|", r"\|"))
        for m in METRICS.values()
    ]
    assert [row for row in rows(page("docs/declaration.md")) if row[0].strip("`") in METRICS] == (
        wanted
    )


def _better(metric: Metric) -> str:
    return metric.better if metric.target is None else f"{metric.target:g}"


def test_allowed_imports_are_listed() -> None:
    text = page("docs/declaration.md")
    listed = re.search(r"imports outside the list: (.*?); *\n", text, re.DOTALL)
    assert listed is not None
    assert set(re.findall(r"`([\w.]+)`", listed[1])) - {"numpy.random"} == ALLOWED_IMPORTS


@pytest.mark.parametrize(
    ("made", "shown"),
    [
        (il.TimeSplit, ""),
        (il.HashSplit, ""),
        (il.Candidate, ""),
        (il.Regression, ""),
        (il.Binary, ""),
        (il.Multiclass, ""),
    ],
)
def test_signatures_are_as_written(made: type, shown: str) -> None:
    assert written(made, shown).replace("'", '"') in page("docs/declaration.md")


def test_products_arguments_are_listed() -> None:
    text = page("docs/declaration.md")
    listed = {name for row in rows(text) for name in re.findall(r"`(\w+)=`", row[0])}
    fields = {f.name for f in dataclasses.fields(il.Product)} - {"name"}
    assert fields <= listed
    source = {f.name for f in dataclasses.fields(il.Source) if f.init} - {"path"}
    assert source <= listed
    assert set(inspect.signature(il.History).parameters) - {"source", "aggregates"} <= listed


def test_settings_are_listed() -> None:
    known = {f"environments.<name>.{key}" for key in settings._ENVIRONMENT_KEYS}
    for name in sorted(set(settings._KNOWN) - {"environments"}):
        keys = getattr(settings, f"_{name.upper()}_KEYS", None)
        known |= {name} if keys is None else {f"{name}.{key}" for key in keys}
    text = page("docs/declaration.md").partition("## Settings")[2]
    listed = {row[0].strip("`"): row[2] for row in rows(text) if row[0].startswith("`")}
    assert set(listed) == known
    assert listed["service.host"] == f'`"{_default(ServePlan, "host")}"`'
    assert listed["service.port"] == f"`{_default(ServePlan, 'port')}`"
    assert listed["service.ack"] == f'`"{_default(ServePlan, "ack")}"`'
    online = settings.OnlineSettings()
    assert listed["online.unavailable"] == f'`"{online.unavailable}"`'
    assert listed["online.timeout_ms"] == f"`{online.timeout_ms}`"
    assert listed["online.keep"] == f"`{online.keep}`"
    dirty = [str(v["allow_dirty"]).lower() for v in settings.DEFAULT_ENVIRONMENTS.values()]
    assert listed["environments.<name>.allow_dirty"] == ", ".join(dirty)


def _default(struct: type, name: str) -> Any:
    return inspect.signature(struct).parameters[name].default


def test_statuses_are_listed() -> None:
    wanted = [(str(r.status), r.code, r.meaning) for r in CATALOGUE]
    listed = [row for row in rows(page("docs/serving.md")) if re.fullmatch(r"S\d{3}", row[1])]
    assert listed == wanted


def test_limits_are_as_written() -> None:
    limits = Limits()
    assert {
        ("body", f"{limits.body_bytes:,} bytes"),
        ("rows in one request", f"{limits.rows:,}"),
        ("requests in flight", str(limits.in_flight)),
        ("bodies that wait for their rest, together", f"{limits.kept_bytes:,} bytes"),
        ("connections open at once", f"{limits.connections:,}"),
        (
            "a request's head",
            f"{head.MOST_HEAD:,} bytes, {head.MOST_FIELDS} fields",
        ),
        ("until a head must have arrived", f"{connection.HEAD_SECONDS:g} s"),
        ("until a body must have arrived", f"{limits.body_seconds:g} s"),
        ("until an answer must have been taken", f"{connection.WRITE_SECONDS:g} s"),
        ("a connection without a request", f"{connection.IDLE_SECONDS:g} s"),
        (
            "requests sent on a connection before the first is answered",
            str(connection.MOST_WAITING),
        ),
        ("given to requests in flight when stopping", f"{limits.stop_seconds:g} s"),
    } <= set(rows(page("docs/serving.md")))
    written = " ".join(page("docs/serving.md").split())
    heads = f"At most {known_heads.MOST:,} heads of requests that were let in, of at most"
    assert f"{heads} {known_heads.LONGEST:,} bytes each" in written
    assert f"Beyond {lines.MOST:,} lines that wait they are dropped" in written
    assert f"no longer than {uploads.AT_ONCE:,} bytes are not counted" in written


def test_the_bundles_files_are_listed() -> None:
    listed = {
        name for row in rows(page("docs/release.md")) for name in re.findall(r"`([^`]+)`", row[0])
    }
    assert {manifest.MANIFEST, "packed/<module>.py", *manifest._NAMES} <= listed


def test_predicate_types_are_listed() -> None:
    listed = [row[0].strip("`") for row in rows(page("docs/release.md")) if "urn:" in row[0]]
    assert tuple(listed) == attest.PREDICATE_TYPES


def test_the_readmes_commands_are_those_there_are() -> None:
    listed = [row for row in rows(page("README.md")) if row[0].startswith("`interlock ")]
    assert listed == [(f"`interlock {name}`", purpose) for name, purpose in COMMANDS.items()]


def test_every_code_the_docs_name_has_a_page() -> None:
    texts = [page("README.md"), *(p.read_text("utf-8") for p in (ROOT / "docs").rglob("*.md"))]
    named = {code for text in texts for code in re.findall(r"\b[A-Z]\d{3}\b", text)}
    folder = ROOT / "src" / "interlock" / "explain"
    assert {code for code in named if not (folder / f"{code}.md").is_file()} == set()


def test_every_package_is_on_the_readmes_map() -> None:
    where = ROOT / "src" / "interlock"
    there = {p.name for p in where.iterdir() if p.is_dir() and (p / "__init__.py").is_file()}
    text = page("README.md").partition("## Where things live")[2]
    listed = [name for row in rows(text) for name in re.findall(r"`(\w+)/?(?:\.py)?`", row[0])]
    assert there <= set(listed)
    assert "errors" in listed
