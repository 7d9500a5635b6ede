"""Whether and where the service may listen, decided before anything is loaded.

Beyond loopback a token file is needed; it holds one token of at least 32 characters, readable by
its owner alone. A port that is taken is an error at once: the server underneath shares ports
between processes without a word, so the port is tried exclusively first.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

from interlock.errors import OperatorError
from interlock.serve.plan import ServePlan
from interlock.wording import as_typed, counted

MIN_TOKEN = 32  # characters


def read_token(plan: ServePlan) -> str | None:
    """The token that requests need, or None. Raises OperatorError S102, S106."""
    if plan.token_file is None:
        if plan.on_loopback:
            return None
        raise OperatorError(
            "S102",
            "the service would listen beyond this machine without a token",
            expected="a token file, or an address of this machine alone",
            got=f"host {plan.host}, no token file",
            fix="give --token-file PATH, or --host 127.0.0.1",
        )
    return _token(Path(plan.token_file))


def _token(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        token = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _bad_token(path, str(error)) from None
    if stat.S_IMODE(mode) & 0o077:
        raise _bad_token(path, f"a file that others can read (mode {stat.S_IMODE(mode):04o})")
    if len(token) < MIN_TOKEN or len(set(token)) < 8 or not token.isprintable():
        raise _bad_token(
            path, f"{counted(len(token), 'character')}, {len(set(token))} of them different"
        )
    return token


def _bad_token(path: Path, got: str) -> OperatorError:
    return OperatorError(
        "S106",
        "the token file cannot be used",
        where=str(path),
        expected=f"one token of at least {MIN_TOKEN} characters, in a file of mode 0600",
        got=got,
        fix=f"umask 077; openssl rand -hex 32 > {as_typed(path)}",
    )


def may_listen(plan: ServePlan) -> None:
    """Nothing, if a service by this plan may listen now.

    Raises OperatorError S101, S102, S106.
    """
    read_token(plan)
    reserve_port(plan.host, plan.port).close()


def reserve_port(host: str, port: int) -> socket.socket:
    """A socket bound to the port, not listening: hold it until the server listens.

    Port 0 becomes one that is free. Raises OperatorError S101 when the port is taken or may not be
    used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        if port:
            with socket.socket(family, socket.SOCK_STREAM) as alone:
                alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                alone.bind((host, port))
        return _shared(family, host, port)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        raise OperatorError(
            "S101",
            "the port is in use" if taken else "the service cannot listen there",
            where=f"{host}:{port}",
            expected="an address and a port that nothing listens on",
            got=error.strerror or str(error),
            fix=f"stop what listens there (ss -ltnp 'sport = :{port}'), or give --port 0",
        ) from None


def share_port(host: str, port: int) -> socket.socket:
    """As :func:`reserve_port`, of a port that other workers of this service listen on as well.

    Raises OSError.
    """
    return _shared(socket.AF_INET6 if ":" in host else socket.AF_INET, host, port)


def listens(port: int) -> bool:
    """Whether this very process takes connections there; another that shares the port may, too."""
    for path in Path("/dev/fd").iterdir():
        with suppress(OSError):
            if stat.S_ISSOCK(os.fstat(int(path.name)).st_mode) and _takes(int(path.name), port):
                return True
    return False


def _takes(descriptor: int, port: int) -> bool:
    with socket.socket(fileno=os.dup(descriptor)) as found:
        taking = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        internet = found.family in (socket.AF_INET, socket.AF_INET6)
        return bool(taking) and internet and found.getsockname()[1] == port


def _shared(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    """Bound so that the server may bind too, but not another service that tries exclusively."""
    shared = socket.socket(family, socket.SOCK_STREAM)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        shared.bind((host, port))
    except OSError:  # connections of a former program linger on the port
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        shared.bind((host, port))
    return shared
