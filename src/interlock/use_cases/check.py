"""interlock check: validate every product without running it, all mistakes at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from interlock.deploy.environment import environments
from interlock.errors import AuthorError, InterlockError, Mistake
from interlock.pipeline.building.background import MOST
from interlock.product.binding import bind
from interlock.product.contracts import contract_files, require_known
from interlock.product.declaration import Declaration
from interlock.product.loading import load_products
from interlock.settings import load_settings


@dataclass(frozen=True, kw_only=True)
class CheckReport:
    """The products that were found and hold together; ``notes`` say what to know of each by name.

    A note is no mistake: it is what a declaration brings with it that its author may not expect.
    """

    products: tuple[str, ...]
    notes: Mapping[str, tuple[str, ...]]


def check(project_dir: Path, environ: Mapping[str, str]) -> CheckReport:
    """Raises AuthorError with the mistakes of all products, OperatorError for settings."""
    settings = load_settings(project_dir, environ)
    environments(settings.environments)
    products = load_products(settings.project_dir, settings.product_files)
    mistakes: list[Mistake] = []
    for name, product in products.items():
        try:
            bind(product, settings.project_dir)
            contract_files(settings.project_dir, name)
        except InterlockError as error:
            mistakes.extend(_named(name, mistake, len(products)) for mistake in error.mistakes)
    try:
        require_known(settings.project_dir, tuple(products))
    except AuthorError as error:
        mistakes.extend(error.mistakes)
    if mistakes:
        raise AuthorError.of(mistakes)
    notes = {
        name: (*notes_on(product), *_contracts(settings.project_dir, name))
        for name, product in products.items()
    }
    return CheckReport(products=tuple(products), notes=notes)


def notes_on(product: Declaration) -> Iterator[str]:
    """What the declaration brings with it."""
    if product.explanations:
        yield (
            f"each release holds up to {MOST} real test rows, inputs only, to explain answers with;"
            " explanations=False leaves them out"
        )
    if product.weight:
        yield (
            f"{product.weight} weighs rows where models learn; metrics, gates and thresholds count "
            "every row once"
        )


def _contracts(project_dir: Path, product: str) -> Iterator[str]:
    """Whose contracts the service gate asks for."""
    found = [f"{c.consumer} ({c.path.name})" for c in contract_files(project_dir, product)]
    if found:
        yield f"the service gate asks for the contracts of {', '.join(found)}"


def _named(product: str, mistake: Mistake, n_products: int) -> Mistake:
    if n_products == 1:
        return mistake
    where = f"product {product}" + (f", {mistake.where}" if mistake.where else "")
    return Mistake(**{**vars(mistake), "where": where})
