"""``mlserver start`` of a LightGBM model in MLServer's own runtime for it, as documented.

Only addresses are set; all else is as MLServer has it: one parallel worker, debug mode, metrics
and gzip. A request is one row of doubles that the caller has encoded already. (With uvloop 0.22 the
parallel worker of MLServer 1.7 finds no event loop and ends.)
"""

import json
import os
import sys
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
from fields import encoded

PORT, FOLDER, SALES = int(sys.argv[1]), Path(sys.argv[2]) / "mlserver-lightgbm", sys.argv[3]


def fitted(place: Path) -> None:
    """As many trees as the release has, fitted once."""
    table = pd.read_parquet(SALES)
    rows = np.array(
        [encoded(row) for row in table.astype(object).where(table.notna(), None).to_dict("records")]
    )
    trees = {"objective": "l1", "learning_rate": 0.06, "verbosity": -1}
    data = lightgbm.Dataset(rows, label=np.log(table["price"]))
    lightgbm.train(trees, data, num_boost_round=300).save_model(place)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    if not (FOLDER / "model.bst").exists():
        fitted(FOLDER / "model.bst")
    settings = {"host": "127.0.0.1", "http_port": PORT, "grpc_port": 0, "metrics_port": 0}
    model = {
        "name": "valuation",
        "implementation": "mlserver_lightgbm.LightGBMModel",
        "parameters": {"uri": str(FOLDER / "model.bst")},
    }
    (FOLDER / "settings.json").write_text(json.dumps(settings))
    (FOLDER / "model-settings.json").write_text(json.dumps(model))
    program = str(Path(sys.executable).with_name("mlserver"))
    os.chdir(FOLDER)
    os.execv(program, [program, "start", str(FOLDER)])
