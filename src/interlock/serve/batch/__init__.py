"""Batch prediction: files of rows in, the same rows with their predictions out."""
