"""The wide-area link of a site: one `roomline-link` process between two namespaces."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from netlab.namespaces import LabError, Namespace, stop

PROGRAM = Path(__file__).parent.parent / "target" / "release" / "roomline-link"


@dataclass(frozen=True)
class Conditions:
    """How the link treats packets, in each direction alike."""

    delay_ms: float = 25.0
    """One way: 25 ms make a round trip of 50 ms."""
    jitter_ms: float = 0.0
    loss: float = 0.0
    """Share of packets lost, 0 to 1."""
    rate_kbit: float = 0.0
    """0 is no limit."""
    queue_ms: float = 200.0

    def words(self) -> list[str]:
        """As the program's arguments."""
        return [f"{name}={value}" for name, value in vars(self).items()]


class Link:
    """A TUN device in each of two namespaces and what happens between them.

    `a` and `b` are the ends: the host and the name of its device.
    """

    def __init__(
        self,
        a: tuple[Namespace, str],
        b: tuple[Namespace, str],
        conditions: Conditions,
        seed: int = 1,
    ) -> None:
        program = Path(os.environ.get("NETLAB_LINK", PROGRAM))
        if not program.exists():
            raise LabError(f"{program} is missing: cargo build --release -p roomline-link")
        ends = [f"{host.path}:{device}" for host, device in (a, b)]
        self._process = subprocess.Popen(
            [str(program), *ends, *conditions.words(), f"seed={seed}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != b"ready":
            stop(self._process)
            raise LabError(f"the link between {a[0].name} and {b[0].name} did not start")
        for host, device in (a, b):
            host.ip("link", "set", device, "up")

    def change(self, conditions: Conditions) -> None:
        """Treat packets otherwise from now on."""
        assert self._process.stdin is not None
        self._process.stdin.write((" ".join(conditions.words()) + "\n").encode())
        self._process.stdin.flush()

    def close(self) -> None:
        """Take the link down; its devices go with it."""
        stop(self._process)
