"""``interlock predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from interlock.cli.options import OF_PRODUCT, Flag, OfProduct
from interlock.cli.output import answer


def predict_command(
    *,
    source: Annotated[Path, Parameter(name="--input")],
    output: Path,
    environment: str = "prod",
    rejected: Path | None = None,
    format: Literal["file", "parts", "delta"] = "file",
    explain: Flag = False,
    options: OfProduct = OF_PRODUCT,
) -> None:
    """Predict every row of a Parquet or CSV file with what is live.

    Parameters
    ----------
    source
        The file to read, .parquet or .csv.
    output
        The file to write, .parquet or .csv, or a directory.
    environment
        What is live there predicts.
    rejected
        Write the rejected rows to this file too, with their reasons.
    format
        One file, or a directory that a second run takes up where the first broke off.
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
            form=format,
            rejected_path=rejected,
            progress=lambda done, total: narrator.progress("predict", done, total or 0),
        )
    answer("predict", options, lambda: plain(result), lambda: predict_lines(result))
