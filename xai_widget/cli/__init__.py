"""The same work from a shell: `xai-widget explain`, `cohort`, `report`, `methods`.

Nothing here imports torch before a command needs it: help and `--version` come at once.
"""

from xai_widget.cli.app import main as main

__all__ = ["main"]
