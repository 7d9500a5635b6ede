"""The prediction service: plan, predictor, prediction log, HTTP, batch."""
