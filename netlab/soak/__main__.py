"""`python -m netlab.soak`: a server, many participants who keep moving, and what the server holds.

Everybody moves for a minute, is still for a while, moves for the rest of the time, and is still again.
The server must then hold what it held the first time. Prints a line every 10 s, writes
`soak-report.json`, and exits with 1 if something has grown or too much failed, with 2 if the lab can't
be built here.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import ssl
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from netlab.bidi import enter
from netlab.link import Conditions
from netlab.namespaces import LabError, in_lab
from netlab.server import Server
from netlab.soak.judge import GAUGES, Sample, busy_memory, growth, mishaps
from netlab.topology import SERVER_V4, Lab, Site

FIRST_S = 60.0
SAMPLE_EVERY_S = 10.0
STILL_WITHIN_S = 180.0
STILL_FOR = 3
"""So many samples in a row must hold the same."""
JOINED_WITHIN_S = 120.0
PAGE = os.sysconf("SC_PAGE_SIZE")
TICK = os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Parse arguments, run, report."""
    parser = argparse.ArgumentParser(prog="netlab.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--participants", type=int, default=20)
    parser.add_argument("--pause", type=float, default=8.0, help="mean seconds between two actions")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path, default=Path("soak-report.json"))
    options = parser.parse_args()
    return in_lab("netlab.soak", lambda: run(options))


def run(options: argparse.Namespace) -> int:
    """Build the network, start everybody, watch."""
    with Lab(f"rs{os.getpid()}") as lab:
        server = Server(lab.server, "--address", SERVER_V4)
        try:
            site = lab.site(conditions=Conditions(delay_ms=2))
            with ThreadPoolExecutor(1, initializer=enter, initargs=(lab.server.path,)) as inside:
                soak = Soak(server, start_crowd(site, server, options), inside)
                figures = soak.run(options.minutes * 60)
        finally:
            server.close()
    problems = [*growth(soak.samples), *mishaps(figures)]
    begin, end = busy_memory(soak.samples)
    report = {
        "minutes": options.minutes,
        "participants": options.participants,
        "seed": options.seed,
        "passed": not problems,
        "problems": problems,
        "busy_rss_mib": {"first": round(begin, 1), "last": round(end, 1)},
        **figures,
        "samples": [each.as_json() for each in soak.samples],
    }
    options.report.write_text(json.dumps(report, indent=2) + "\n")
    print(f"busy: {begin:.1f} MiB at first, {end:.1f} MiB at the end")
    print(f"done {figures['done']}, failed {figures['failed']}, stalled {figures['stalled']}")
    for problem in problems:
        print(f"    {problem}")
    print("failed" if problems else "passed")
    return 1 if problems else 0


def start_crowd(site: Site, server: Server, options: argparse.Namespace) -> subprocess.Popen[bytes]:
    """The participants' program, inside their network; its TLS trusts the server's CA."""
    url = server.url.replace("https:", "wss:") + "/v1/signal"
    words = [url, server.state, server.ca, options.participants, options.seed, options.pause]
    return site.client.start(
        [sys.executable, "-m", "netlab.soak.crowd", *map(str, words)],
        env={**os.environ, "SSL_CERT_FILE": str(server.ca)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


class Soak:
    """One run: its phases and samples."""

    def __init__(
        self, server: Server, crowd: subprocess.Popen[bytes], inside: ThreadPoolExecutor
    ) -> None:
        self.samples: list[Sample] = []
        self._pid = server.pid
        self._crowd = crowd
        self._inside = inside
        self._trust = ssl.create_default_context(cafile=str(server.ca))
        self._trust.check_hostname = False  # asked by its address
        self._begun = time.monotonic()

    def run(self, seconds: float) -> dict[str, Any]:
        """All phases; returns what the participants did."""
        self._answer()
        self._begun = time.monotonic()
        self._phase("first", FIRST_S)
        self._still()
        self._phase("busy", max(SAMPLE_EVERY_S, seconds - self._elapsed()))
        self._still()
        figures = self._say("stop")
        return {k: v for k, v in figures.items() if k != "word"}

    def _phase(self, name: str, seconds: float) -> None:
        self._say("busy")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(min(SAMPLE_EVERY_S, max(0.0, end - time.monotonic())))
            self._sample(name)

    def _still(self) -> None:
        """Wait until everybody is still, and what they left behind is gone: allocations go last."""
        self._say("quiet")
        deadline = time.monotonic() + STILL_WITHIN_S
        seen: list[dict[str, float]] = []
        while time.monotonic() < deadline:
            time.sleep(SAMPLE_EVERY_S)
            sample = self._sample("settling")
            seen.append(sample.held)
            settled = seen[-STILL_FOR:].count(seen[-1]) == STILL_FOR
            if settled and sample.gauges.get("roomline_allocations") == 0:
                break
        self._sample("still")

    def _sample(self, phase: str) -> Sample:
        metrics = self._inside.submit(self._metrics).result()
        proc = Path(f"/proc/{self._pid}")
        stat = proc.joinpath("stat").read_text().rpartition(") ")[2].split()
        sample = Sample(
            at_s=round(self._elapsed(), 1),
            phase=phase,
            rss_mib=int(proc.joinpath("statm").read_text().split()[1]) * PAGE / 2**20,
            descriptors=len(list(proc.joinpath("fd").iterdir())),
            udp_ports=sum(
                len(proc.joinpath("net", table).read_text().splitlines()) - 1
                for table in ("udp", "udp6")
            ),
            threads=int(stat[17]),
            cpu_s=(int(stat[11]) + int(stat[12])) / TICK,
            gauges={name: metrics.get(name, 0.0) for name in GAUGES},
        )
        self.samples.append(sample)
        shown = {name.removeprefix("roomline_"): int(v) for name, v in sample.gauges.items()}
        print(
            f"{sample.at_s:7.1f} s  {phase:8}  {sample.rss_mib:6.1f} MiB  "
            f"{sample.descriptors:4} fds  {sample.udp_ports:4} UDP  {sample.cpu_s:6.1f} s CPU  "
            + "  ".join(f"{name} {value}" for name, value in shown.items()),
            flush=True,
        )
        return sample

    def _metrics(self) -> dict[str, float]:
        """The figures of /metrics without labels. Runs inside the server's network."""
        url = f"https://{SERVER_V4}/metrics"
        with urllib.request.urlopen(url, context=self._trust, timeout=30) as reply:
            text = reply.read().decode()
        found = re.findall(r"^(\w+) ([\d.e+-]+)$", text, re.MULTILINE)
        return {name: float(value) for name, value in found}

    def _say(self, word: str) -> dict[str, Any]:
        assert self._crowd.stdin is not None
        self._crowd.stdin.write(f"{word}\n".encode())
        self._crowd.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._crowd.stdout is not None
        line = self._crowd.stdout.readline()
        if not line:
            raise LabError("the participants' program has ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _elapsed(self) -> float:
        return time.monotonic() - self._begun


if __name__ == "__main__":
    sys.exit(main())
