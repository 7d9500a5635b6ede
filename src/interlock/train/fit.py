"""Fit all candidates and baselines of a product, each on the same train rows.

Invariants: one candidate that fails does not sink the others; the number of cores changes nothing
but the time. Candidates are fitted beside each other, each on one thread; only those that spread
over threads themselves, and only on a matrix large enough to gain by it, are fitted one after the
other, each on all cores. Linear algebra runs on one thread always, for its sums depend on the
number.

Why not threads always: a booster on 25,000 rows enters thousands of parallel regions of some
microseconds, and OpenMP's threads wait for each other spinning. On two idle cores that gains a
quarter; on two busy ones it was seen to take ten to a hundred times as long.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from joblib import Parallel, delayed

from interlock import clock
from interlock.errors import AUTHOR_FAULTS, InterlockError, Mistake
from interlock.stats.threads import limited_threads
from interlock.train import estimator as families
from interlock.train.candidate import Baseline, Candidate
from interlock.train.fitted import THREADS_PAY, FailedFit, Fitted
from interlock.train.job import Declared, Job, Progress, fit_job
from interlock.train.training_data import Preparations, TrainingData
from interlock.train.trial import Objective


def fit_all(
    candidates: Mapping[str, Declared],
    data: TrainingData,
    *,
    seeds: Callable[[str], int],
    cores: int,
    objective: Objective | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> dict[str, Fitted | FailedFit]:
    """Fit every candidate and baseline; the result is in the order of the declaration.

    ``seeds(name)`` is a candidate's seed, ``objective`` what searches improve. ``on_progress`` may
    be called from several threads.
    """
    preparations = Preparations(data)
    jobs = [
        Job(
            name=name,
            declared=declared,
            seed=seeds(name),
            threads=1,
            objective=objective,
            preparations=preparations,
            on_progress=on_progress,
        )
        for name, declared in candidates.items()
    ]
    spreading = [t for t in jobs if _spreads(t.declared)]
    large = len(preparations.train) * len(data.inputs) >= THREADS_PAY
    wide = spreading if large else []
    narrow = sorted((t for t in jobs if t not in wide), key=lambda t: t not in spreading)
    with limited_threads(1, user_api="blas"):
        results = _beside_each_other(narrow, cores) + [_run(job, cores) for job in wide]
    by_name = {result.name: result for result in results}
    return {name: by_name[name] for name in candidates}


def _spreads(declared: Declared) -> bool:
    return isinstance(declared, Candidate) and families.has_threads(declared.estimator)


def _beside_each_other(jobs: Sequence[Job], cores: int) -> list[Fitted | FailedFit]:
    if cores == 1 or len(jobs) < 2:
        return [_run(job, 1) for job in jobs]
    workers = Parallel(n_jobs=min(cores, len(jobs)), backend="threading", pre_dispatch="all")
    return list(workers(delayed(_run)(job, 1) for job in jobs))


def _run(job: Job, threads: int) -> Fitted | FailedFit:
    job = replace(job, threads=threads)
    job.on_progress(Progress(name=job.name, state="started"))
    start = clock.monotonic()
    result: Fitted | FailedFit
    try:
        with limited_threads(threads, user_api="openmp"):
            result = fit_job(job)
    except InterlockError as error:
        mistakes = tuple(replace(m, where=m.where or _where(job)) for m in error.mistakes)
        result = FailedFit(name=job.name, mistakes=mistakes)
    except AUTHOR_FAULTS as error:
        result = FailedFit(name=job.name, mistakes=(_unfitted(job, error),))
    seconds = clock.monotonic() - start
    state: Literal["finished", "failed"] = "finished" if isinstance(result, Fitted) else "failed"
    job.on_progress(Progress(name=job.name, state=state, seconds=seconds))
    return replace(result, seconds=seconds)


def _where(job: Job) -> str:
    return f"{'baseline' if isinstance(job.declared, Baseline) else 'candidate'} {job.name!r}"


def _unfitted(job: Job, error: BaseException) -> Mistake:
    return Mistake(
        code="T109",
        what="a candidate could not be fitted",
        where=_where(job),
        got=f"{type(error).__name__}: {error}",
        fix="read the estimator's own message; `interlock explain T109` names usual causes",
    )
