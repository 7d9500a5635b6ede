"""What one worker counts of itself, in memory, and how it tells the others.

A :class:`Snapshot` is one worker's counts at a moment: what a scrape shows of it. Nothing here is
by user, entity or request: labels are releases, arms, paths and statuses only, so that their
number stays small.

>>> metrics = Metrics("w0")
>>> metrics.answered("/v1/predict", 200, 0.0004, release="1.0.0", arm="champion")
>>> metrics.latencies[("1.0.0", "champion")].counts[:3]
[0, 0, 1]
"""

from __future__ import annotations

from bisect import bisect_left

import msgspec

BOUNDS = (
    1e-4,
    2.5e-4,
    5e-4,
    1e-3,
    2.5e-3,
    5e-3,
    1e-2,
    2.5e-2,
    5e-2,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    10.0,
)
"""Upper bounds of the latency histogram's buckets, seconds; the last bucket has none."""


class Latency(msgspec.Struct, kw_only=True):
    """A histogram: answers in each bucket, and seconds in all."""

    counts: list[int]
    seconds: float = 0.0


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One worker at a moment.

    ``requests`` counts by (path, status), ``latencies`` by (release, arm), ``stand_ins`` by
    (challenger, code) what the champion answered in its place; ``staleness`` is the age in seconds
    of the grid point that each history answers from.
    """

    worker: str
    requests: list[tuple[str, int, int]]
    latencies: list[tuple[str, str, Latency]]
    shed: int
    displaced: int
    outcomes: int
    in_flight: int
    waiting_bytes: int
    explaining_late: bool
    lines_dropped: int
    log_bytes: int
    log_dropped: int
    log_unsynced: int
    staleness: dict[str, float]
    release: tuple[str, str, str, int] | None  # label, digest, arm, generation
    rollout: tuple[str, str, float] | None = None  # label, digest, share
    stand_ins: list[tuple[str, str, int]] = []


class Metrics:
    """The counts of one worker since it started; for one thread."""

    def __init__(self, worker: str) -> None:
        self.worker = worker
        self.requests: dict[tuple[str, int], int] = {}
        self.latencies: dict[tuple[str, str], Latency] = {}
        self.shed = 0
        self.displaced = 0
        self.outcomes = 0
        self.stand_ins: dict[tuple[str, str], int] = {}

    def answered(
        self, path: str, status: int, seconds: float, release: str = "", arm: str = ""
    ) -> None:
        """Count one answer; predictions of a release count into its histogram."""
        key = (path, status)
        try:
            self.requests[key] += 1
        except KeyError:
            self.requests[key] = 1
        if release:
            try:
                found = self.latencies[release, arm]
            except KeyError:
                found = Latency(counts=[0] * (len(BOUNDS) + 1))
                self.latencies[release, arm] = found
            found.counts[bisect_left(BOUNDS, seconds)] += 1
            found.seconds += seconds

    def stood_in(self, challenger: str, code: str) -> None:
        """Count one answer that the champion gave for the challenger, for that reason."""
        key = (challenger, code)
        self.stand_ins[key] = self.stand_ins.get(key, 0) + 1

    def snapshot(
        self,
        *,
        in_flight: int,
        waiting_bytes: int,
        explaining_late: bool,
        lines_dropped: int,
        log_bytes: int,
        log_dropped: int,
        log_unsynced: int,
        staleness: dict[str, float],
        release: tuple[str, str, str, int] | None,
        rollout: tuple[str, str, float] | None = None,
    ) -> Snapshot:
        """The counts, with what is true at this moment."""
        return Snapshot(
            worker=self.worker,
            requests=[(path, status, n) for (path, status), n in self.requests.items()],
            latencies=[(label, arm, found) for (label, arm), found in self.latencies.items()],
            shed=self.shed,
            displaced=self.displaced,
            outcomes=self.outcomes,
            in_flight=in_flight,
            waiting_bytes=waiting_bytes,
            explaining_late=explaining_late,
            lines_dropped=lines_dropped,
            log_bytes=log_bytes,
            log_dropped=log_dropped,
            log_unsynced=log_unsynced,
            staleness=staleness,
            release=release,
            rollout=rollout,
            stand_ins=[(label, code, n) for (label, code), n in self.stand_ins.items()],
        )
