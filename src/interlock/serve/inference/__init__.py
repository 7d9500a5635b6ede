"""The Open Inference Protocol (v2) over the same predictor."""
