"""The main job on real data, start to end: ``make demo``.

A first delivery reaches production, the service values real houses, a second delivery with half a
year of new sales is compared with the champion, spoiled data is stopped, a tampered bundle is
refused. Everything happens in ``.demo/valuation``, a copy of the example with a history of its own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".demo"
PROJECT = HOME / "valuation"
INTERLOCK = [sys.executable, "-m", "interlock"]
ENVIRONMENT = {**os.environ, "XDG_CONFIG_HOME": str(HOME / "config"), "OMP_WAIT_POLICY": "passive"}
HOUSES = 5
BLOCKED, INTEGRITY = 3, 5


def main() -> int:
    """Run every act; the exit status is 0 only if each ended as it must."""
    started = time.monotonic()
    prepare()
    say("1. A first delivery, as of the last day of 1996")
    run("deliver", "--as-of", "1996-12-31")
    say("2. The service answers for January 1997, in replay")
    service, url = start_service()
    try:
        value_houses(url)
        value_far_away(url)
        say("3. Half a year later: a second delivery, compared with the champion")
        second = run("deliver", "--as-of", "1997-06-30", expect=(0, BLOCKED))
        judge_second(second, url)
        say("4. Spoiled data is stopped by the data gate")
        spoil()
        run("deliver", "--as-of", "1997-06-30", expect=(BLOCKED,))
        restore()
        say("5. A tampered bundle is refused")
        tamper()
        run("verify", expect=(INTEGRITY,))
        repair()
        run("verify")
        value_houses(url, count=1)
    finally:
        service.send_signal(signal.SIGINT)
        service.wait(timeout=40)
    say("What is live")
    run("status")
    farewell(time.monotonic() - started)
    return 0


def prepare() -> None:
    """A fresh copy of the example, committed to a repository of its own."""
    shutil.rmtree(HOME, ignore_errors=True)
    ignored = shutil.ignore_patterns(".interlock", "__pycache__")
    shutil.copytree(ROOT / "examples" / "valuation", PROJECT, ignore=ignored)
    author = ["-c", "user.name=demo", "-c", "user.email=demo@localhost"]
    for command in (["init", "-q"], ["add", "-A"], [*author, "commit", "-qm", "The example"]):
        subprocess.run(["git", *command], cwd=PROJECT, check=True)


def say(title: str) -> None:
    """A heading."""
    print(f"\n━━ {title}\n", flush=True)


def run(*arguments: str, expect: tuple[int, ...] = (0,)) -> int:
    """A command of Interlock, shown as it is typed; ends the demo on an unexpected status."""
    print(f"$ interlock {' '.join(arguments)}", flush=True)
    status = subprocess.run(
        [*INTERLOCK, *arguments], cwd=PROJECT, env=ENVIRONMENT, check=False
    ).returncode
    if status not in expect:
        sys.exit(f"demo: 'interlock {' '.join(arguments)}' ended with {status}, not {expect}")
    if status:
        print(f"(exit status {status}, as it must be)", flush=True)
    return status


def start_service() -> tuple[subprocess.Popen[str], str]:
    """`interlock serve` in replay; the process and its address."""
    arguments = ["serve", "--replay", "--from", "1997-01-01", "--until", "1997-01-31"]
    arguments += ["--port", "0"]
    print(f"$ interlock {' '.join(arguments)} &", flush=True)
    process = subprocess.Popen(
        [*INTERLOCK, *arguments],
        cwd=PROJECT,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        print(line, end="", flush=True)
        found = re.search(r"http://[\w.:\[\]]+", line)
        if found:
            return process, found[0]
    sys.exit("demo: the service did not start")


def january_sales() -> list[dict[str, Any]]:
    """Real houses sold in January 1997."""
    days = [("sold_on", ">=", date(1997, 1, 6)), ("sold_on", "<", date(1997, 2, 1))]
    rows = pq.read_table(PROJECT / "data" / "sales.parquet", filters=days).to_pylist()
    return rows[:: len(rows) // HOUSES][:HOUSES]


def value_houses(url: str, count: int = HOUSES) -> None:
    """Ask the service over HTTP what houses are worth, beside what was paid."""
    rows = january_sales()[:count]
    fields = fields_of(url)
    print(f"{'sold on':<12}{'valued at':>12}{'80 % interval':>22}{'paid':>12}   release")
    for row in rows:
        request = {name: row[name] for name in fields if name in row}
        request["valued_on"] = row["sold_on"].isoformat()
        answer = post(f"{url}/v1/predict", request)
        if not answer["covered"]:
            print(f"{row['sold_on']!s:<12}not covered: {answer['not_covered']}")
            continue
        interval = answer["interval"]
        print(
            f"{row['sold_on']!s:<12}{answer['prediction']:>12,.0f}"
            f"{interval['low']:>12,.0f} –{interval['high']:>8,.0f}"
            f"{row['price']:>12,.0f}   {answer['release']}"
        )


def value_far_away(url: str) -> None:
    """A house a hundred kilometres east of all that were ever sold."""
    row = january_sales()[0]
    request = {name: row[name] for name in fields_of(url) if name in row}
    request["valued_on"] = row["sold_on"].isoformat()
    request["easting_m"] += 100_000
    answer = post(f"{url}/v1/predict", request)
    print(f"a house 100 km to the east: prediction {json.dumps(answer['prediction'])},", end=" ")
    print(f"not covered: {answer['not_covered']}")


def fields_of(url: str) -> list[str]:
    """The fields the service asks for."""
    with urllib.request.urlopen(f"{url}/v1/schema", timeout=10) as reply:
        return [field["name"] for field in json.load(reply)["request"]["fields"]]


def post(url: str, value: Any) -> Any:
    """A JSON request and its JSON answer."""
    request = urllib.request.Request(
        url, json.dumps(value).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as reply:
        return json.load(reply)


def judge_second(status: int, url: str) -> None:
    """Say what the running service answers with after the second delivery."""
    time.sleep(1.0)
    if status == 0:
        print("The challenger earned its place, and the running service has followed.")
        print("(It has learned from January by now; before, these houses were new to the model.)")
    else:
        print("The challenger did not earn its place; the champion goes on answering.")
    value_houses(url, count=2)


def spoil() -> None:
    """Every third price becomes 1 USD, as if a unit had changed at the source."""
    path = PROJECT / "data" / "sales.parquet"
    shutil.copy(path, HOME / "sales.parquet")
    table = pq.read_table(path)
    prices = table["price"].to_pylist()
    spoiled = [1 if row % 3 == 0 else price for row, price in enumerate(prices)]
    place = table.schema.get_field_index("price")
    column = pa.array(spoiled, type=table.schema.field(place).type)
    pq.write_table(table.set_column(place, "price", column), path)


def restore() -> None:
    """The data as it was."""
    shutil.copy(HOME / "sales.parquet", PROJECT / "data" / "sales.parquet")


def live_model() -> Path:
    """The model file of the release that is live in production."""
    pointer = PROJECT / ".interlock" / "environments" / "prod" / "valuation.json"
    bundle = json.loads(pointer.read_text())["bundle"]
    return PROJECT / ".interlock" / "artifacts" / "bundles" / bundle / "model.onnx"


def tamper() -> None:
    """Flip one bit in the middle of the live model."""
    path = live_model()
    shutil.copy(path, HOME / "model.onnx")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    print(f"one bit of {path.name} flipped")


def repair() -> None:
    """The model as it was."""
    live_model().write_bytes((HOME / "model.onnx").read_bytes())


def farewell(seconds: float) -> None:
    """What to look at and what to type next."""
    reports = sorted((PROJECT / ".interlock" / "deliveries" / "valuation").glob("*/report.html"))
    print(f"\nAll of it took {seconds:.0f} s. The reports, one a delivery:")
    for report in reports:
        print(f"  {report.relative_to(ROOT)}")
    print("\nWhat to type next:")
    print("  cd .demo/valuation")
    print(f"  export XDG_CONFIG_HOME={HOME / 'config'}   # where the demo's signing key is")
    print(f"  {ROOT / '.venv/bin/interlock'} history")
    print(f"  {ROOT / '.venv/bin/interlock'} show")
    print(f"  {ROOT / '.venv/bin/interlock'} serve --replay --from 1997-01-01 --until 1997-01-31")


if __name__ == "__main__":
    sys.exit(main())
