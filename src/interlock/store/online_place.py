"""Which online store a URL means: the only module that chooses.

A path is a folder of SQLite files, ``redis://host:6379/0`` (``rediss://`` with TLS) a server. The
password is not in the URL: an environment variable or a file holds it, and only their names travel.

>>> type(open_reader("/state/online", OnlineAccess(), {})).__name__
'SqliteReader'
>>> type(open_reader("redis://cache", OnlineAccess(), {})).__name__
'RedisReader'
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

from interlock.errors import OperatorError
from interlock.settings import url_problem
from interlock.store.online import OnlineReader, OnlineWriter
from interlock.store.online_sqlite import SqliteReader, SqliteWriter

if TYPE_CHECKING:
    from interlock.store.redis_link import RedisAddress

_PORT = 6379


class OnlineAccess(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a server is asked. ``namespace`` tells the stores on one server apart.

    The password is read from the environment variable or the file of that name, never kept here.
    """

    namespace: str = "interlock"
    password_env: str | None = None
    password_file: str | None = None
    timeout_seconds: float = 0.05


def is_server(url: str) -> bool:
    """Whether the URL means a server; else it is a folder."""
    return "://" in url


def open_reader(
    url: str, access: OnlineAccess, environ: Mapping[str, str], *, look_seconds: float = 0.0
) -> OnlineReader:
    """The store to look up in; a server is not asked yet.

    A folder's reader looks for another current grid point after so many seconds, not in every read.
    Raises OperatorError L133 for a URL that means no store, L134 for a password that is not there.
    """
    if not is_server(url):
        return SqliteReader(Path(url), look_seconds=look_seconds)
    address = _address(url, access, environ)
    from interlock.store.online_redis import RedisReader  # noqa: PLC0415 - an extra

    return RedisReader(address, namespace=access.namespace)


def open_writer(
    url: str,
    access: OnlineAccess,
    environ: Mapping[str, str],
    *,
    expires_seconds: int | None = None,
) -> OnlineWriter:
    """The store to fill; with ``expires_seconds`` a server deletes then what is written now.

    Raises as :func:`open_reader` does.
    """
    if not is_server(url):
        return SqliteWriter(Path(url))
    address = _address(url, access, environ)
    from interlock.store.online_redis_writer import RedisWriter  # noqa: PLC0415 - an extra

    return RedisWriter(address, namespace=access.namespace, expires_seconds=expires_seconds)


def _address(url: str, access: OnlineAccess, environ: Mapping[str, str]) -> RedisAddress:
    problem = url_problem(url)
    if problem is not None:
        raise _no_store("redis://host:port/database, rediss://…, or a folder", problem)
    try:
        from interlock.store.redis_link import RedisAddress  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise _no_store("the extra 'redis', installed", str(error)) from None
    parts: SplitResult = urlsplit(url)
    return RedisAddress(
        host=str(parts.hostname),
        port=parts.port or _PORT,
        database=int(parts.path.strip("/") or "0"),
        tls=parts.scheme == "rediss",
        username=unquote(parts.username) if parts.username else None,
        password=_password(access, environ),
        timeout_seconds=access.timeout_seconds,
    )


def _password(access: OnlineAccess, environ: Mapping[str, str]) -> str | None:
    if access.password_env is not None:
        found = environ.get(access.password_env, "")
        where = f"the environment variable {access.password_env}"
    elif access.password_file is not None:
        where = access.password_file
        try:
            found = Path(where).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            found = ""
    else:
        return None
    if not found:
        raise OperatorError(
            "L134",
            "the online store's password is not there",
            where=where,
            expected="the password",
            got="nothing that can be read",
            fix="set it where the settings say it is",
        )
    return found


def _no_store(expected: str, got: str) -> OperatorError:
    return OperatorError(
        "L133",
        "the online store cannot be opened",
        expected=expected,
        got=got,
        fix="correct 'url' in [tool.interlock.online], or run: pip install 'interlock[redis]'",
    )
