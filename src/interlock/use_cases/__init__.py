"""One function a verb: what the command line and every other front end call."""
