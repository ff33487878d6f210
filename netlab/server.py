"""The server under test, in its own namespace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from netlab.namespaces import LabError, Namespace, stop
from netlab.topology import SERVER_NAME

READY_WITHIN_S = 30.0
READY = "Press Ctrl-C"
"""Words of the last line that `roomline serve` prints when it is up."""


class Server:
    """One `roomline serve`, as an operator starts it."""

    def __init__(self, host: Namespace, *arguments: str, yields: bool = False) -> None:
        self.state = host.folder / "state"
        self.url = f"https://{SERVER_NAME}"
        self.lines: list[str] = []
        self._ready = threading.Event()
        command = [
            sys.executable,
            "-m",
            "roomline",
            "serve",
            "--host",
            SERVER_NAME,
            "--state-dir",
            str(self.state),
            *arguments,
        ]
        self._process = host.start(
            command,
            yields=yields,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._ready.wait(READY_WITHIN_S) or self._process.poll() is not None:
            raise LabError(f"the server did not start:\n{self.log()}")

    @property
    def ca(self) -> Path:
        """The certificate of the local CA."""
        return self.state / "ca.pem"

    def log(self) -> str:
        """What it has printed."""
        return "".join(self.lines)

    def token(self, identity: str, room: str) -> str:
        """An access token, made as an operator makes one."""
        command = [
            sys.executable,
            "-m",
            "roomline",
            "token",
            "--state-dir",
            str(self.state),
            "--room",
            room,
            "--identity",
            identity,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    @property
    def pid(self) -> int:
        """Of the process, which is the server itself."""
        return self._process.pid

    def drain(self) -> None:
        """Ask it to take no new joins and to end with the last call."""
        self._process.send_signal(signal.SIGTERM)

    def ended(self, within_s: float) -> int | None:
        """Its exit code, or None if it has not ended by then."""
        try:
            return self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            return None

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._reader.join()
        stop(self._process)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.decode(errors="replace"))
            if READY in self.lines[-1]:
                self._ready.set()
        self._ready.set()
