"""What the benchmark ran on."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
CPU0 = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


def describe() -> dict[str, Any]:
    """The machine, as far as it says."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*: (.*)$", cpuinfo, re.MULTILINE)
    memory = re.search(r"^MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text(), re.MULTILINE)
    flags = re.search(r"^flags\s*: (.*)$", cpuinfo, re.MULTILINE)
    present = set(flags[1].split()) if flags else set()
    return {
        "cpu": model[1] if model else platform.machine(),
        "cpu_model": _number(cpuinfo, "model"),
        "crypto": sorted(present & {"aes", "vaes", "vpclmulqdq", "sha_ni", "avx2", "avx512f"}),
        "cores": os.cpu_count(),
        "virtual": "hypervisor" in present,
        "memory_mib": int(memory[1]) // 1024 if memory else None,
        "kernel": platform.release(),
        "system": _system(),
        "governor": CPU0.read_text().strip() if CPU0.exists() else None,
        "python": platform.python_version(),
    }


def _number(cpuinfo: str, name: str) -> int | None:
    found = re.search(rf"^{name}\s*: (\d+)$", cpuinfo, re.MULTILINE)
    return int(found[1]) if found else None


def _system() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", sys.platform)
    except OSError:
        return sys.platform


def commit() -> str | None:
    """The commit of this checkout, with a plus if files differ from it."""
    done = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+", "--exclude=*"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or None
