"""Where figures come from: processor, versions, commit."""

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import torch

PEERS: Final = ("captum", "grad-cam", "torchcam", "monai", "lime", "shap", "zennit")
OURS: Final = ("xai-widget", "torch", "torchvision", "numpy", "anywidget")
FLAGS: Final = ("avx2", "avx512f", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16")


def machine() -> dict[str, Any]:
    """Return processor, cores, what it computes with, Python, and the versions of everything that takes part."""
    return {
        "processor": _cpu("model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "flags": [flag for flag in FLAGS if flag in (_cpu("flags") or "").split()],
        "device": torch.cuda.get_device_name() if torch.get_default_device().type == "cuda" else "cpu",
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in (*OURS, *PEERS)},
    }


def moment() -> dict[str, Any]:
    """Return what may differ from job to job: threads, commit, date."""
    return {
        "threads": torch.get_num_threads(),
        "commit": _commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
    }


def _cpu(field: str) -> str | None:
    info = Path("/proc/cpuinfo")
    found = re.search(rf"^{field}\s*:\s*(.+)$", info.read_text(), re.MULTILINE) if info.exists() else None
    return found[1] if found else None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _commit() -> str:
    """Return the commit, with a + where files differ from it."""
    here = Path(__file__).parent
    try:
        asked = ["git", "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=+"]
        return subprocess.run(asked, cwd=here, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
