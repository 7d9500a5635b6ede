"""What can be wrong with checks, given the product that they are asked of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from interlock.data.request import RequestSchema
from interlock.errors import Mistake
from interlock.features.aggregates import History
from interlock.features.declare import RequestFeature
from interlock.gates.data.rows import MaxMissing, MaxViolations
from interlock.gates.model.calibration import Calibrated
from interlock.gates.model.coverage import IntervalCoverage
from interlock.gates.model.fairness import MEASURES, Fair
from interlock.gates.model.width import IntervalWidth
from interlock.product.declaration import Declaration
from interlock.product.kinds import Columns
from interlock.product.mistakes.nearest import nearest


def check_mistakes(
    product: Declaration, schema: RequestSchema, columns: Columns
) -> Iterator[Mistake]:
    """Checks that cut the rows by what nothing has, or ask for what the target does not give."""
    yield from _counts(product, columns)
    yield from _cuts(product, schema, columns)
    yield from _unsuited(product)


def _counts(product: Declaration, columns: Columns) -> Iterator[Mistake]:
    """Checks that count what a column lacks or violates, where there is no such column or rule."""
    source = product.examples.source
    there = columns.get(source.name, {})
    ruled = {*source.columns, *(source.checks.columns if source.checks else ())}
    for check in product.data_gate:
        if isinstance(check, MaxMissing) and there and check.column not in there:
            yield _uncounted(check, there, "a column of the examples' source")
        if isinstance(check, MaxViolations) and there and check.column not in ruled:
            expected = f"a column that source {source.name} declares constraints of"
            yield _uncounted(check, ruled, expected)


def _uncounted(check: MaxMissing | MaxViolations, names: Iterable[str], expected: str) -> Mistake:
    column = str(check.column)
    return Mistake(
        code="C147",
        what=f"a check counts rows by '{column}', of which nothing is counted",
        where=f"data_gate: {check!r}"[:120],
        expected=f"{expected}: {', '.join(sorted(names)) or 'there is none'}",
        got=column,
        fix=nearest(column, names) or "correct the column's name, or declare it on the source",
    )


def _cuts(product: Declaration, schema: RequestSchema, columns: Columns) -> Iterator[Mistake]:
    """Columns that are neither request field, feature nor column of the examples' source."""
    there = columns.get(product.examples.source.name, {})
    if not there:
        return  # the source cannot be read, and says so itself
    known = set(there) | {field.name for field in schema.fields}
    for feature in product.features:
        if isinstance(feature, RequestFeature):
            known.add(feature.name)
        elif isinstance(feature, History):
            known |= set(feature.aggregates)
    for check in product.model_gate:
        for name in getattr(check, "by", ()):
            if name not in known:
                yield Mistake(
                    code="C145",
                    what=f"a check cuts the rows by '{name}', which nothing has",
                    where=f"model_gate: {check!r}"[:120],
                    expected="a request field, a feature, or a column of the examples' source",
                    got=str(name),
                    fix=nearest(str(name), known) or "name one of these in by=[…]",
                )


def _unsuited(product: Declaration) -> Iterator[Mistake]:
    """Checks of answers that this target does not give."""
    for check in product.model_gate:
        interval = getattr(product.target, "interval", None)
        if isinstance(check, IntervalCoverage | IntervalWidth) and interval is None:
            yield Mistake(
                code="C146",
                what="a check asks for prediction intervals, and the target declares none",
                where=f"model_gate: {check!r}"[:120],
                expected="a regression with intervals: il.Regression(…, interval=0.8)",
                got=f"il.{type(product.target).__name__}({product.target.name!r})",
                fix="declare interval=…, or leave the check out",
            )
        if isinstance(check, Calibrated) and product.target.task == "regression":
            yield Mistake(
                code="C146",
                what="a check asks for probabilities, and a regression has none",
                where=f"model_gate: {check!r}"[:120],
                expected="a target of classes: il.Binary(…) or il.Multiclass(…)",
                got=f"il.{type(product.target).__name__}({product.target.name!r})",
                fix="for a regression declare interval=… and il.IntervalCoverage()",
            )
        if isinstance(check, Fair) and check.metric in MEASURES and product.target.task != "binary":
            yield Mistake(
                code="C146",
                what=f"a check asks for '{check.metric}', which only answers of two classes have",
                where=f"model_gate: {check!r}"[:120],
                expected="a binary target, or a metric of this one, such as its error, by group",
                got=f"il.{type(product.target).__name__}({product.target.name!r})",
                fix="write metric='mean_error' for a regression, 'accuracy' for classes",
            )
