"""The release: its bundle, what explains its answers, its golden rows, its label."""
