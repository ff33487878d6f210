"""`roomline` as a process of its own."""

from __future__ import annotations

import os
import re
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from urllib.request import HTTPRedirectHandler, HTTPSHandler, ProxyHandler, Request, build_opener

PATIENCE = 60.0
LAST_LINE = "Press Ctrl-C to stop."
SOURCES = str(Path(__file__).parents[2] / "python")


class Process:
    """A running server on ports of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.state = folder / "state"
        self.process = subprocess.Popen(
            command("serve", *local(folder), *arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(),
        )
        self.lines: list[str] = []
        self._queue: Queue[str | None] = Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.banner = self.until(LAST_LINE)
        self.port = int(re.findall(r"turn-tls  TCP (\d+)", self.banner)[0])

    def until(self, words: str) -> str:
        """Everything printed up to the line with these words."""
        while not self.lines or words not in self.lines[-1]:
            line = self._queue.get(timeout=PATIENCE)
            if line is None:
                raise AssertionError("the server ended: " + "".join(self.lines))
            self.lines.append(line)
        return "".join(self.lines)

    def trust(self) -> ssl.SSLContext:
        """What a client needs that has imported the CA."""
        return ssl.create_default_context(cafile=str(self.state / "ca.pem"))

    def get(self, path: str, **headers: str) -> tuple[int, str, dict[str, str]]:
        class Stay(HTTPRedirectHandler):
            def redirect_request(self, *_: object) -> None:
                return None

            def http_error_303(self, *found: object) -> object:
                return found[1]

        opener = build_opener(ProxyHandler({}), HTTPSHandler(context=self.trust()), Stay())
        request = Request(f"https://localhost:{self.port}{path}", headers=headers)
        with opener.open(request, timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode(), dict(answer.headers)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._queue.put(line)
        self._queue.put(None)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "roomline", *arguments]


def environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ROOMLINE_")}
    return {**kept, "PYTHONPATH": SOURCES, "PYTHONUNBUFFERED": "1"}


def local(folder: Path) -> list[str]:
    """Loopback only, with ports that the system chooses."""
    flags = ["--state-dir", str(folder / "state"), "--host", "localhost", "--bind", "127.0.0.1"]
    ports = ["--https-port", "0", "--turn-port", "0", "--media-ports", "0"]
    return [*flags, *ports, "--address", "127.0.0.1"]


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        env={**environment(), **variables},
        timeout=PATIENCE,
        check=False,
    )


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[Process]:
    process = Process(folder, *arguments)
    try:
        yield process
    finally:
        process.close()


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 2, done
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr
