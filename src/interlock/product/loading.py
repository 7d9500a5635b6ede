"""Find the products a project declares: import its product files, and nothing else."""

from __future__ import annotations

import importlib
import re
import sys
import traceback
from pathlib import Path
from types import ModuleType

from interlock.errors import AuthorError, Mistake, OperatorError
from interlock.product.product import Product
from interlock.settings import product_file


def load_products(project_dir: Path, files: tuple[str, ...]) -> dict[str, Product]:
    """The products declared in those files, by name.

    Raises OperatorError C152 for a file that is not there, AuthorError C153 for one that cannot be
    imported, C154 when there is no product and C155 when two have one name.
    """
    found: dict[str, Product] = {}
    for file in files:
        for product in _products_of(project_dir, file):
            if product.name in found and found[product.name] is not product:
                raise AuthorError(
                    "C155",
                    f"two products are named '{product.name}'",
                    where=file,
                    expected="a name of its own for each product",
                    fix="rename one of them",
                )
            found[product.name] = product
    if not found:
        raise AuthorError(
            "C154",
            "no product is declared",
            where=", ".join(files),
            expected="product = il.Product(…) at the top level",
            got="none",
            fix="declare one, or name its file under products in [tool.interlock]",
        )
    return found


def choose(products: dict[str, Product], name: str | None) -> Product:
    """The named product, or the only one. Raises OperatorError C156 otherwise."""
    if name is None and len(products) == 1:
        return next(iter(products.values()))
    if name in products:
        return products[name]
    raise OperatorError(
        "C156",
        "which product?" if name is None else f"there is no product '{name}'",
        expected=f"one of {', '.join(sorted(products))}",
        got=name or "no name",
        fix="pass --product NAME",
    )


def _products_of(project_dir: Path, file: str) -> list[Product]:
    module = _module_name(file)
    path = product_file(project_dir, file)
    place = str(project_dir)
    if sys.path[:1] != [place]:
        sys.path[:] = [place, *(other for other in sys.path if other != place)]
    try:
        loaded = importlib.import_module(module)
        if _file_of(loaded) != path.resolve():
            _forget(module)
            loaded = importlib.import_module(module)
    except (Exception, SystemExit) as error:  # exit(0) must not pass for success
        raise _not_importable(file, error) from error
    return [value for value in vars(loaded).values() if isinstance(value, Product)]


def _file_of(module: ModuleType) -> Path:
    return Path(module.__file__ or "").resolve()


def _forget(module: str) -> None:
    """Another project, or a library, has a module of this name: it is loaded anew from here."""
    top = module.split(".")[0]
    for name in [n for n in sys.modules if n == top or n.startswith(f"{top}.")]:
        del sys.modules[name]


def _module_name(file: str) -> str:
    name = file.removesuffix(".py").replace("/", ".")
    if not file.endswith(".py") or not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", name):
        raise OperatorError(
            "C152",
            "a product's file has a name that cannot be imported",
            where="pyproject.toml: tool.interlock.products",
            expected="a path inside the project such as 'product.py' or 'products/cars.py'",
            got=file,
            fix="rename the file",
        )
    return name


def _not_importable(file: str, error: BaseException) -> AuthorError:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.endswith(file)]
    line = getattr(error, "lineno", None) or (frames[-1].lineno if frames else None)
    if isinstance(error, AuthorError):
        first = error.mistakes[0]
        merged = vars(first) | {"where": first.where or f"{file}:{line}"}
        return AuthorError.of([Mistake(**merged), *error.mistakes[1:]])  # type: ignore[return-value]
    return AuthorError(
        "C153",
        "the product's file cannot be imported",
        where=f"{file}:{line}" if line else file,
        expected="a file that runs without an error",
        got=f"{type(error).__name__}: {error}",
        fix="correct it; `python -c 'import product'` shows the whole traceback",
    )
