"""What a product asks to be called when its delivery fails: a command, or an http(s) address."""

from __future__ import annotations

import http.client
import json
import shlex
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_SECONDS = 30


def call_hook(hook: str, message: Mapping[str, Any], *, project_dir: Path) -> str:
    """Call the hook with the message as JSON (standard input, or the body of a POST).

    Returns what happened in a few words; a hook that fails is told of, and changes nothing else.
    """
    body = json.dumps(dict(message), sort_keys=True).encode()
    if hook.startswith(("http://", "https://")):
        return _post(hook, body)
    return _run(hook, body, project_dir)


def _run(command: str, body: bytes, project_dir: Path) -> str:
    try:
        words = shlex.split(command)
        if not words:
            return "the failure hook could not run: it names no command"
        done = subprocess.run(
            words,
            input=body,
            cwd=project_dir,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return f"the failure hook could not run: {error}"
    return f"the failure hook ended with {done.returncode}"


def _post(address: str, body: bytes) -> str:
    try:
        request = urllib.request.Request(  # noqa: S310 - the scheme is checked by the caller
            address, data=body, headers={"Content-Type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
            return f"the failure hook answered {answer.status}"
    except urllib.error.HTTPError as answer:
        return f"the failure hook answered {answer.code}"
    except (http.client.HTTPException, OSError, ValueError) as error:
        return f"the failure hook could not be reached: {error}"
