"""``mlflow models serve`` of a scikit-learn pipeline."""

import os
import shutil
import sys
from pathlib import Path

import mlflow.sklearn
from pipeline import fitted

PORT, FOLDER, SALES = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
place = FOLDER / "model"
if not (place / "MLmodel").exists():
    shutil.rmtree(place, ignore_errors=True)
    mlflow.sklearn.save_model(fitted(FOLDER, SALES), place, serialization_format="cloudpickle")
os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parent)
os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(place), "-p", PORT]
os.execv(sys.executable, [*command, "--host", "127.0.0.1", "--env-manager", "local"])
