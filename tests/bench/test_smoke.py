"""The benchmark works from end to end, with our server alone. Judges no time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.results import Sheet

ROOT = Path(__file__).parents[2]


def test_a_tiny_room_is_measured(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "bench", "--only", "tiny", "--fixed", "--rounds", "1"]
    # Whoever else is on this machine may be: the figures are not looked at.
    command += ["--window", "1", "--company", "100", "--report", str(report)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (run,) = Sheet.read(report).runs
    assert run.key == ("tiny", "frames", "fixed", "roomline")
    assert run.facts["profiles"] == {"AEAD_AES_128_GCM": 4}
    assert run.figures["forwarded_pps"] > 0
    assert run.figures["rss_mib"] > 10
    assert run.figures["server"] > 0
    assert 1200 <= run.figures["bytes_per_packet"] < 1240
    assert run.void is None or run.void.endswith("were lost")
