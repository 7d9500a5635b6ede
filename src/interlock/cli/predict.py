"""``interlock predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from interlock.cli.options import OF_PRODUCT, Flag, OfProduct
from interlock.cli.output import answer


def predict_command(
    *,
    source: Annotated[Path, Parameter(name="--input")],
    output: Path,
    environment: str = "prod",
    explain: Flag = False,
    options: OfProduct = OF_PRODUCT,
) -> None:
    """Predict every row of a Parquet or CSV file with what is live.

    Parameters
    ----------
    source
        The file to read, .parquet or .csv.
    output
        The file to write, .parquet or .csv.
    environment
        What is live there predicts.
    explain
        Add what each input contributed; takes far longer.
    """
    from interlock.cli.opening import opened
    from interlock.cli.render import plain, predict_lines
    from interlock.use_cases import predict

    with opened(options) as workspace:
        narrator = workspace.narrator
        narrator.started("predict")
        result = predict.predict(
            workspace,
            options.product,
            input_path=source,
            output_path=output,
            environment=environment,
            explain=explain,
            progress=lambda done, total: narrator.progress("predict", done, total or 0),
        )
    answer("predict", options, lambda: plain(result), lambda: predict_lines(result))
