"""Roomline itself, as a process of its own on a core of its own, for figures without peers."""

from __future__ import annotations

import os
import re
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

SERVER_CORE = 0
CLIENT_CORE = 1
SOURCES = Path(__file__).parents[1] / "python"
LAST_LINE = "Press Ctrl-C to stop."
PAGE = os.sysconf("SC_PAGE_SIZE")


class OwnServer:
    """A server that is up."""

    def __init__(self, process: subprocess.Popen[str], state: Path, banner: str) -> None:
        self.pid = process.pid
        self.state = state
        self.port = int(re.findall(r"turn-tls  TCP (\d+)", banner)[0])

    def trust(self) -> ssl.SSLContext:
        """What a client needs that has imported the CA."""
        return ssl.create_default_context(cafile=str(self.state / "ca.pem"))

    def spent(self) -> float:
        """Seconds of processor time so far, of all threads."""
        # The clock that clock_getcpuclockid(3) names; time.clock_gettime takes any number.
        return time.clock_gettime((~self.pid << 3) | 2)

    def resident(self) -> int:
        """Bytes of memory in use."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE


@contextmanager
def own_server(*arguments: str, core: int = SERVER_CORE) -> Iterator[OwnServer]:
    """Start one on loopback, with ports that the system chooses; `arguments` are more flags."""
    with TemporaryDirectory(prefix="roomline-bench-") as folder:
        state = Path(folder) / "state"
        flags = ["--state-dir", str(state), "--host", "localhost", "--bind", "127.0.0.1"]
        ports = ["--https-port", "0", "--turn-port", "0", "--media-ports", "0"]
        ports += ["--address", "127.0.0.1"]
        process = subprocess.Popen(
            [sys.executable, "-m", "roomline", "serve", *flags, *ports, *arguments],
            stdout=subprocess.PIPE,
            text=True,
            env={**_environment(), "PYTHONPATH": str(SOURCES), "PYTHONUNBUFFERED": "1"},
        )
        # Before it has any other thread.
        os.sched_setaffinity(process.pid, {core})
        try:
            yield OwnServer(process, state, _banner(process))
        finally:
            process.kill()
            process.wait()


def _environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ROOMLINE_")}
    # One client has all connections here.
    return {**kept, "ROOMLINE_LIMITS_CONNECTIONS_PER_ADDRESS": "65535"}


def _banner(process: subprocess.Popen[str]) -> str:
    lines = []
    for line in process.stdout or ():
        lines.append(line)
        if LAST_LINE in line:
            return "".join(lines)
    raise RuntimeError("the server ended: " + "".join(lines))
