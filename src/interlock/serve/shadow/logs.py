"""Where scores of challengers in shadow lie: beside the service's log, by the rollout's salt."""

from __future__ import annotations

from pathlib import Path


def shadow_log(log: Path, salt: str) -> Path:
    """The scores of one rollout."""
    return log.parent / "shadow" / salt


def shadow_logs(log: Path) -> list[Path]:
    """The scores of every rollout that there are."""
    return sorted(path for path in log.parent.glob("shadow/*") if path.is_dir())
