"""How many threads numerical libraries may use, for a while.

Finding the libraries that are loaded means to read what is mapped into the process: some
milliseconds each time, and a delivery sets limits dozens of times. They are looked for again only
where a module was imported since: libraries come with modules.

>>> with limited_threads(1, user_api="blas"):
...     pass
"""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any, Literal


def limited_threads(
    threads: int, *, user_api: Literal["blas", "openmp"] | None = None
) -> AbstractContextManager[Any]:
    """At most so many threads in the linear algebra, in OpenMP, or (None) in both."""
    limiter: AbstractContextManager[Any] = _libraries(len(sys.modules)).limit(
        limits=threads, user_api=user_api
    )
    return limiter


@lru_cache(maxsize=1)
def _libraries(n_modules: int) -> Any:
    """The libraries that are loaded by now."""
    from threadpoolctl import ThreadpoolController  # noqa: PLC0415 - not where one only serves

    return ThreadpoolController()
