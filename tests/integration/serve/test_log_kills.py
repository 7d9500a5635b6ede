"""Workers killed at random moments under load: every id answered is logged once, shipped or not.

The parent of the workers stays and starts each of them anew; while it is held, the segment of a
dead worker may be given a torn tail, as a write cut short would leave. Shipping goes on between.
"""

import contextlib
import json
import os
import random
import signal
import sys
import threading
import time

import httpx
import plain_http
import pytest
from service_runs import wait_for, workers_of

from interlock.serve.log.archive import archive_for
from interlock.serve.log.segment import HEADER_SIZE, list_segments, seal
from interlock.serve.log.shipping import finished, locked, ship
from interlock.serve.log.view import viewed
from interlock.serve.workers import process
from interlock.serve.workers.process import start

JSON = {"content-type": "application/json"}
# Workers that die again and again would be started after pauses of up to half a minute.
IMPATIENT = """
import sys
from interlock.serve.workers import supervisor
supervisor._LONGEST_PAUSE = 0.05
sys.exit(supervisor.main(sys.argv[1:]))
"""


class Callers:
    """Callers that ask one row or five at a time and keep every id that they were answered."""

    def __init__(self, url, body, count=3):
        self.ids = []
        self._url, self._row = url, body
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(count)]
        for thread in self._threads:
            thread.start()

    def _ask(self, number):
        bodies = [self._row, b"[" + b",".join([self._row] * 5) + b"]"]
        while not self._stop.is_set():
            with (
                contextlib.suppress(httpx.TransportError),
                plain_http.Client(base_url=self._url) as client,
            ):
                for turn in range(30):
                    body = bodies[(turn + number) % 2]
                    answer = client.post("/v1/predict", content=body, headers=JSON)
                    if answer.status_code == 200:
                        said = answer.json()
                        rows = said if isinstance(said, list) else [said]
                        self.ids.extend(row["id"] for row in rows)
            time.sleep(0.01)

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()


class Killing:
    """Kills one worker after another; which, when and with what tail is drawn from a seed."""

    def __init__(self, service, log, callers, seed):
        self._service, self._log, self._callers = service, log, callers
        self._chance = random.Random(seed)
        self.torn = set()
        self.killed = set()

    def kill_one(self):
        wait_for(lambda: len(workers_of(self._service.pid)) == 2)
        answered = len(self._callers.ids)
        wait_for(lambda: len(self._callers.ids) > answered + 20)
        time.sleep(self._chance.uniform(0, 0.05))
        living = workers_of(self._service.pid)
        worker, pid = self._chance.choice(
            [(w, living[w]) for w in sorted(living) if self._wrote(w)]
        )
        os.kill(self._service.pid, signal.SIGSTOP)  # it starts nothing while the tail is torn
        try:
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda: worker not in workers_of(self._service.pid))
            self.killed.add(self._newest(worker).path.stem)
            if self._chance.random() < 0.4:
                self._tear(worker)
        finally:
            os.kill(self._service.pid, signal.SIGCONT)
        wait_for(lambda: workers_of(self._service.pid).get(worker) not in (None, pid))

    def _wrote(self, worker):
        """Whether the worker has answered since it was started."""
        return self._newest(worker).path.stat().st_size > HEADER_SIZE

    def _newest(self, worker):
        return [s for s in list_segments(self._log) if s.worker == worker][-1]

    def _tear(self, worker):
        """The first bytes of one more record, as many as a write cut short may leave."""
        newest = self._newest(worker)
        record = seal(b"never answered" * 40, sequence=1 << 40, salt=7)
        with newest.path.open("ab") as stream:
            stream.write(record[: self._chance.randrange(1, len(record))])
        self.torn.add(newest.path.stem)

    def ship(self, kind):
        wait_for(lambda: finished(list_segments(self._log)))
        with locked(self._log, alone=True):
            return ship(self._log, archive_for(self._log, kind, self._log.parent / kind)).rows


@pytest.mark.timeout(900)  # of processor time it takes one minute
@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=pytest.mark.slow)])
def test_what_was_answered_is_in_the_log_once_whatever_was_killed(
    support, place, tmp_path, monkeypatch, kills
):
    monkeypatch.setattr(
        process, "command", lambda plan, module: [sys.executable, "-c", IMPATIENT, str(plan)]
    )
    log = tmp_path / "log"
    row = json.dumps(support.REQUEST).encode()
    shipped = 0
    with start(support.plan_for(place.boosting, log=log, workers=2)) as service:
        callers = Callers(service.url, row)
        killing = Killing(service, log, callers, seed=kills)
        for turn in range(kills):
            killing.kill_one()
            if turn % 3 == 1:
                shipped += killing.ship("delta" if turn % 2 else "parquet")
        callers.stop()
    assert len(callers.ids) > 20 * kills
    assert shipped > 0
    torn = {path.stem for path in log.glob("*.torn")}
    assert killing.torn <= torn <= killing.killed  # a kill may cut a write short by itself
    with viewed(log) as view:
        rows = view.select("SELECT id FROM predictions WHERE status = 200").read_all()
        assert [damage for damage in view.damage if not damage.at_end] == []
    found = rows["id"].to_pylist()
    assert len(found) == len(set(found))
    assert len(callers.ids) == len(set(callers.ids))
    assert set(callers.ids) <= set(found)
