"""What is written out of a project on record, so that an erasure can look into it."""

from __future__ import annotations

LOG_EXPORTED = "log.exported"  # rows of the prediction log, as a file
RELEASE_EXPORTED = "release.exported"  # a release with its proofs, as a folder
