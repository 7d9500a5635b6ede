"""Which release answers, and how another one takes its place.

Rules: a request sees one release from beginning to end; a new release is loaded beside the old one
and takes over by one assignment; whatever is wrong with it, the old one goes on answering and the
status says why; the last few stay loaded, so that a rollback is a flip back.

A release that is not resident is first tried by a process apart (``attempt``), then loaded here.
The pointer file says which release is wanted. A thread looks at it several times a second; what it
cannot read, it reports and tries again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from interlock.clock import monotonic
from interlock.errors import InterlockError
from interlock.serve.predictor import Predictor
from interlock.serve.target import Target

_RETRY_SECONDS = 30.0  # until a release that was refused is tried again

Load = Callable[[Target], Predictor]
Try = Callable[[Target], None]
Want = Callable[[], Target]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What is live and what is wanted; ``problem`` is why they differ."""

    live: Target | None = None
    wanted: Target | None = None
    problem: str = ""


class LiveRelease:
    """The one reference that every request reads, and the thread that moves it."""

    def __init__(
        self, want: Want, load: Load, attempt: Try, *, resident: int, poll_seconds: float
    ) -> None:
        self.predictor: Predictor | None = None
        self._want = want
        self._load = load
        self._try = attempt
        self._resident = resident
        self._poll_seconds = poll_seconds
        self._loaded: OrderedDict[tuple[str, str], Predictor] = OrderedDict()
        self._standing = Standing()
        self._refused: tuple[Target, float] | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="live-release", daemon=True)

    def start(self) -> None:
        """Load the wanted release. Raises what loading raises: there is nothing to fall back on."""
        wanted = self._want()
        self._take(wanted)

    def follow(self) -> None:
        """Begin to watch for another release."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching; the live release goes on answering."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def status(self) -> dict[str, Any]:
        """The body of ``GET /v1/status``."""
        standing = self._standing
        live, wanted = standing.live, standing.wanted
        return {
            "digest": live.digest if live else None,
            "release": live.label if live else None,
            "generation": live.generation if live else None,
            "wanted_digest": wanted.digest if wanted else None,
            "wanted_generation": wanted.generation if wanted else None,
            "problem": standing.problem or None,
            "resident": [digest for digest, _ in self._loaded],
        }

    def look(self) -> None:
        """Follow the pointer once: load what is wanted, or note why it cannot be."""
        live = self._standing.live
        try:
            wanted = self._want()
        except InterlockError as error:
            self._standing = Standing(
                live=live, wanted=self._standing.wanted, problem=first_line(error)
            )
            return
        if wanted == live:
            self._refused = None
            self._standing = Standing(live=live, wanted=wanted)
            return
        if self._refused and self._refused[0] == wanted and monotonic() < self._refused[1]:
            return
        try:
            self._take(wanted)
        except InterlockError as error:
            self._note(wanted, first_line(error))
        except Exception as error:  # noqa: BLE001 - nothing that loading does may end the watch
            self._note(wanted, f"{type(error).__name__}: {error}")

    def _note(self, wanted: Target, problem: str) -> None:
        self._refused = (wanted, monotonic() + _RETRY_SECONDS)
        self._standing = Standing(live=self._standing.live, wanted=wanted, problem=problem)

    def _take(self, wanted: Target) -> None:
        key = (wanted.digest, wanted.label)
        predictor = self._loaded.get(key)
        if predictor is None:
            if self.predictor is not None:  # there is something to lose
                self._try(wanted)
            predictor = self._load(wanted)
        self._loaded[key] = predictor
        self._loaded.move_to_end(key)
        while len(self._loaded) > self._resident:
            self._loaded.popitem(last=False)
        self._refused = None
        self.predictor = predictor
        self._standing = Standing(live=wanted, wanted=wanted)

    def _watch(self) -> None:
        while not self._stopping.wait(self._poll_seconds):
            self.look()


def first_line(error: InterlockError) -> str:
    """The error in one line: its code, what is wrong, what was found."""
    mistake = error.mistakes[0]
    found = f" ({mistake.got})" if mistake.got else ""
    return f"{mistake.code}: {mistake.what}{found}"
