"""A server's process in its place, on its core."""

from __future__ import annotations

import os
import socket
import ssl
import struct
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from bench.errors import BenchError
from bench.peers.contract import Place

READY_WITHIN_S = 30.0
PATIENCE_S = (1.0, 9.0)
"""How long the first and the second request to end are given."""
LOOK_EVERY_S = 0.05
LOG_SHOWN = 4000
"""Characters of its log that an error shows."""
STUN_COOKIE = 0x2112A442


class Process:
    """One server. It writes what it says to a log in its folder."""

    def __init__(
        self, place: Place, name: str, command: Sequence[str], env: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        place.folder.mkdir(parents=True, exist_ok=True)
        self._log = place.folder / f"{name}.log"
        with self._log.open("wb") as log:
            self._popen = place.host.start(
                ["taskset", "-c", str(place.core), *command],
                env={**os.environ, **(env or {}), **place.env},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def pids(self) -> list[int]:
        """Of the process and of all its children."""
        return list(_family(self._popen.pid))

    def wait(self, ready: Callable[[], bool]) -> None:
        """Return once `ready` says so. Ends the process and raises BenchError if it never does."""
        deadline = time.monotonic() + READY_WITHIN_S
        while not ready():
            if self._popen.poll() is not None:
                raise BenchError(f"{self.name} ended at once:\n{self.log()}")
            if time.monotonic() > deadline:
                log = self.log()
                self._popen.kill()
                self._popen.wait()
                raise BenchError(f"{self.name} did not answer in {READY_WITHIN_S:.0f} s:\n{log}")
            time.sleep(LOOK_EVERY_S)

    def stop(self) -> None:
        """End it, politely first. Raises BenchError with its log if it had ended by itself."""
        if self._popen.poll() is not None:
            raise BenchError(f"{self.name} had ended by itself:\n{self.log()}")
        # To ours the first request means to let calls go on for a while.
        for patience in PATIENCE_S:
            self._popen.terminate()
            try:
                self._popen.wait(patience)
            except subprocess.TimeoutExpired:
                continue
            return
        self._popen.kill()
        self._popen.wait()

    def log(self) -> str:
        """The end of what it has said."""
        return self._log.read_text(errors="replace")[-LOG_SHOWN:]


def flags(values: Mapping[str, object]) -> list[str]:
    """Flags of a command line, each with its value."""
    return [str(part) for pair in values.items() for part in pair]


def _family(pid: int) -> Iterator[int]:
    """A process and those below it; what ends meanwhile is left out."""
    try:
        told = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except (FileNotFoundError, ProcessLookupError):
        return
    yield pid
    for child in " ".join(told).split():
        yield from _family(int(child))


def tcp_answers(address: str, port: int) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True


def tls_answers(address: str, port: int, name: str, ca: Path) -> bool:
    """Whether a TLS server with a certificate for `name` listens there."""
    try:
        with socket.create_connection((address, port), timeout=1) as plain:
            context = ssl.create_default_context(cafile=str(ca))
            context.wrap_socket(plain, server_hostname=name).close()
    except (OSError, ssl.SSLError):
        return False
    return True


def stun_answers(address: str, port: int) -> bool:
    """Whether a STUN server answers a binding request there over UDP (RFC 8489)."""
    request = struct.pack("!HHI", 0x0001, 0, STUN_COOKIE) + os.urandom(12)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.5)
        try:
            probe.connect((address, port))
            probe.send(request)
            return probe.recv(1500)[4:20] == request[4:20]
        except OSError:
            return False
