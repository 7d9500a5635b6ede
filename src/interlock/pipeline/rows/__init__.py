"""The rows of a delivery: frozen as snapshots, made into examples, dealt to parts."""
