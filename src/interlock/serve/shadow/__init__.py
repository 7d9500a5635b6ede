"""A challenger in shadow: scored beside the service, compared with what it answered."""
