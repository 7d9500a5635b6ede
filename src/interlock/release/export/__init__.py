"""One exporter a file: fitted estimators as double-precision ONNX, or a safe native format."""
