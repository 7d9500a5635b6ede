"""The command line: parse, call one use case, render, set the exit code."""
