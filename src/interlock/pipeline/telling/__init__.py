"""What a delivery has to tell: stage outputs become the report's content."""

from __future__ import annotations

from interlock.pipeline.telling.data import tell_data
from interlock.pipeline.telling.evaluation import tell_evaluation
from interlock.pipeline.telling.explanations import tell_explanations
from interlock.pipeline.telling.service import limit_ms, tell_service

__all__ = ["limit_ms", "tell_data", "tell_evaluation", "tell_explanations", "tell_service"]
