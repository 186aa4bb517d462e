"""Exact incremental occlusion: of a window only what it changes is computed."""

from xai_widget.engine.incremental.driver import Incremental as Incremental
from xai_widget.engine.incremental.plan import Plan as Plan
from xai_widget.engine.incremental.plan import plan_for as plan_for
from xai_widget.engine.incremental.running import windows_for as windows_for

__all__ = ["Incremental", "Plan", "plan_for", "windows_for"]
