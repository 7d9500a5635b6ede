"""The guarded path: stages, probes, and the delivery that runs them."""
