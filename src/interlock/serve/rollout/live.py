"""Which releases answer, and how others take their place.

Rules: a request sees one release from beginning to end; a new release is loaded beside the old one
and takes over by one assignment; whatever is wrong with it, the old one goes on answering and the
status says why; the last few stay loaded, so that a rollback is a flip back.

A release that is not resident is first tried by a process apart (``attempt``), then loaded here.
The pointer file says which release is wanted. A thread looks at it several times a second; what it
cannot read, it reports and tries again. It follows it only to what is signed as live here
(``prove``, asked before anything is loaded and also of what is resident), and never back to an
older generation.

A challenger beside it is loaded in the same way, after its champion: it never keeps a champion from
taking over. A worker that starts while a rollout runs answers with the champion at once, and loads
the challenger then.

Where several workers serve together, a wanted release is got ready and said to be; it takes over
when their parent says that all have it ready (:mod:`interlock.serve.rollout.group`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from interlock.clock import monotonic
from interlock.deploy.challenger import BUCKETS
from interlock.errors import InterlockError
from interlock.serve.predictor import Predictor
from interlock.serve.rollout.arms import Arms
from interlock.serve.rollout.group import Group, Said
from interlock.serve.rollout.target import Key, Target, going_back

_RETRY_SECONDS = 30.0  # until a release that was refused is tried again
_READY_SECONDS = 120.0  # after which one that is still being tried or loaded is told

Load = Callable[[Target], Predictor]
Try = Callable[[Target], None]
Want = Callable[[], Target]
Join = Callable[[Target, Predictor, Predictor | None], Arms]
Prove = Callable[[Target], None]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What is live and what is wanted; ``problem`` is why they differ."""

    live: Target | None = None
    wanted: Target | None = None
    problem: str = ""


class LiveRelease:
    """The one reference that every request reads, and the thread that moves it."""

    def __init__(
        self,
        want: Want,
        prove: Prove,
        load: Load,
        attempt: Try,
        join: Join,
        *,
        resident: int,
        poll_seconds: float,
        group: Group | None = None,
    ) -> None:
        self.arms: Arms | None = None
        self._want = want
        self._prove = prove
        self._load = load
        self._try = attempt
        self._join = join
        self._resident = resident
        self._poll_seconds = poll_seconds
        self._group = group
        self._loaded: dict[Key, Predictor] = {}  # replaced whole: the status is read meanwhile
        self._standing = Standing()
        self._at: tuple[Target, float] | None = None  # what is got ready, since when
        self._refused: tuple[Target, float] | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="live-release", daemon=True)

    def start(self) -> None:
        """Load the wanted release. Raises what loading raises: there is nothing to fall back on."""
        agreed = None if self._group is None else self._group.agreed()
        self._take(agreed or self._want())

    @property
    def predictor(self) -> Predictor | None:
        """The champion's."""
        return None if self.arms is None else self.arms.champion

    @property
    def on_trial(self) -> str:
        """The label of the release beside the champion; "" where there is none."""
        live = self._standing.live
        return "" if live is None or live.rival is None else live.rival.label

    @property
    def open(self) -> bool:
        """Whether requests may come: a release is loaded, here and in every other worker."""
        return self.arms is not None and (self._group is None or self._group.is_open())

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
        standing = self._present()
        live, wanted = standing.live, standing.wanted
        return {
            "digest": live.digest if live else None,
            "release": live.label if live else None,
            "generation": live.generation if live else None,
            "wanted_digest": wanted.digest if wanted else None,
            "wanted_generation": wanted.generation if wanted else None,
            "problem": standing.problem or None,
            "resident": [digest for digest, _ in self._loaded],
            "rollout": self._rollout(live),
        }

    def _present(self) -> Standing:
        """How it stands; a release that hangs while it loads keeps the thread, and says nothing."""
        standing, at = self._standing, self._at
        if at is None or monotonic() - at[1] <= _READY_SECONDS:
            return standing
        wanted, since = at
        problem = f"not ready after {monotonic() - since:.0f} s: it is tried or loaded, or hangs"
        return Standing(live=standing.live, wanted=wanted, problem=problem)

    def _rollout(self, live: Target | None) -> dict[str, Any] | None:
        if live is None or live.rival is None:
            return None
        return {
            "digest": live.rival.digest,
            "release": live.rival.label,
            "share": live.rival.split.buckets / BUCKETS,
            "revision": live.revision,
            "loaded": self.arms is not None and self.arms.whole,
            **({} if self.arms is None else self.arms.told()),
        }

    def look(self) -> None:
        """Follow the pointer once: load what is wanted, or note why it cannot be."""
        self._follow_agreed()
        live = self._standing.live
        try:
            wanted = self._want().after(live)
        except InterlockError as error:
            self._standing = Standing(
                live=live, wanted=self._standing.wanted, problem=first_line(error)
            )
            return
        if wanted == live and self.arms is not None and self.arms.whole:
            self._refused = None
            self._settled(wanted)
            return
        if self._refused and self._refused[0] == wanted and monotonic() < self._refused[1]:
            return
        if self._done(self._prepare, wanted):
            self._prepared(wanted)

    def _follow_agreed(self) -> None:
        """Answer with what all workers have agreed on."""
        agreed = None if self._group is None else self._group.agreed()
        if agreed is None or agreed == self._standing.live:
            return
        self._done(self._take, agreed)

    def _done(self, act: Callable[[Target], None], wanted: Target) -> bool:
        """Whether that could be done; why not, is noted."""
        self._at = wanted, monotonic()
        try:
            act(wanted)
        except InterlockError as error:
            self._note(wanted, first_line(error))
        except Exception as error:  # noqa: BLE001 - nothing that loading does may end the watch
            self._note(wanted, f"{type(error).__name__}: {error}")
        else:
            return True
        finally:
            self._at = None
        return False

    def _note(self, wanted: Target, problem: str) -> None:
        self._refused = (wanted, monotonic() + _RETRY_SECONDS)
        self._standing = Standing(live=self._standing.live, wanted=wanted, problem=problem)
        self._say(Said(wanted=wanted, problem=problem))

    def _prepared(self, wanted: Target) -> None:
        """The wanted release is loaded: it takes over, or waits for the other workers."""
        self._refused = None
        if self._group is None or wanted == self._standing.live:  # its challenger was missing
            self._switch(wanted)
        if self._group is not None:
            self._settled(wanted)

    def _settled(self, wanted: Target) -> None:
        """Nothing is wrong with the wanted release here; what the others say of it is noted."""
        self._say(Said(ready=wanted, wanted=wanted))
        live = self._standing.live
        problem = "" if wanted == live else self._others(wanted)
        self._standing = Standing(live=live, wanted=wanted, problem=problem)

    def _others(self, wanted: Target) -> str:
        """Why another worker has not the wanted release ready; "" where none says so."""
        said = {} if self._group is None else self._group.said()
        found = [(name, s.problem) for name, s in said.items() if s.problem and s.wanted == wanted]
        return f"{found[0][0]}: {found[0][1]}" if found else ""

    def _say(self, said: Said) -> None:
        if self._group is not None:
            with suppress(OSError):  # not said: the others keep what they have
                self._group.say(said)

    def _take(self, wanted: Target) -> None:
        """Answer with the champion; its challenger joins it once it is loaded."""
        self._prove(wanted.alone)
        self._have(wanted.alone)
        self._refused = None
        self._switch(wanted)

    def _prepare(self, wanted: Target) -> None:
        """Have champion and challenger loaded. Raises what loading raises, S135, S136."""
        live = self._standing.live
        if live is not None and wanted.order < live.order:
            raise going_back(wanted.order, live.order)
        self._prove(wanted.alone)
        self._have(wanted.alone)
        if wanted.rival is not None:
            self._prove(wanted)
            self._have(wanted.of_rival)
        self._keep_few(wanted)

    def _have(self, wanted: Target) -> None:
        predictor = self._loaded.get(wanted.key)
        if predictor is None:
            if self.arms is not None:  # there is something to lose
                self._try(wanted)
            predictor = self._load(wanted)
        self._keep(wanted.key, predictor)

    def _switch(self, wanted: Target) -> None:
        """Let loaded releases answer."""
        champion = self._loaded[wanted.key]
        rival = wanted.rival
        challenger = None if rival is None else self._loaded.get((rival.digest, rival.label))
        self._keep(wanted.key, champion)
        self.arms = self._join(wanted, champion, challenger)
        self._standing = Standing(live=wanted, wanted=wanted)
        self._keep_few(wanted)

    def _keep(self, key: Key, predictor: Predictor) -> None:
        """Have it loaded, as the one that was wanted last."""
        others = {k: p for k, p in self._loaded.items() if k != key}
        self._loaded = {**others, key: predictor}

    def _keep_few(self, wanted: Target) -> None:
        """Let go of the oldest ones beyond the bound, of those that are not needed."""
        live = self._standing.live
        needed = {*wanted.keys, *(() if live is None else live.keys)}
        spare = [key for key in self._loaded if key not in needed]
        gone = spare[: max(0, len(self._loaded) - self._resident)]
        self._loaded = {k: p for k, p in self._loaded.items() if k not in gone}

    def _watch(self) -> None:
        while not self._stopping.wait(self._poll_seconds):
            self.look()


def first_line(error: InterlockError) -> str:
    """The error in one line: its code, what is wrong, what was found."""
    mistake = error.mistakes[0]
    found = f" ({mistake.got})" if mistake.got else ""
    return f"{mistake.code}: {mistake.what}{found}"
