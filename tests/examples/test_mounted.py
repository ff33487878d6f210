"""The mounted example under uvicorn, as a process: pages, signaling, and media in a browser."""

from __future__ import annotations

import os
import queue
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from playwright.sync_api import Page, sync_playwright

from support.example import CHROMIUM, LOOPBACK_FLAGS, ROOT
from support.process import PATIENCE, SOURCES

UVICORN_IS_UP = re.compile(r"Uvicorn running on (http://\S+)")
FIRST_DEVICE_PUBLISHES = """
async ([token]) => {
  const { connect } = await import("/video/sdk/roomline.js");
  const media = await navigator.mediaDevices.getUserMedia({ video: true });
  const room = await connect(`${location.origin}/video/`, token);
  await room.localParticipant.publish(media.getVideoTracks()[0], { source: "camera" });
  window.room = room;
}
"""
SECOND_WATCHES = """
async ([token]) => {
  const { connect } = await import("/video/sdk/roomline.js");
  const room = await connect(`${location.origin}/video/`, token);
  const track = await new Promise((resolve) => room.on("trackSubscribed", resolve));
  const video = document.createElement("video");
  video.muted = true;
  video.srcObject = new MediaStream([track]);
  await video.play();
  while (!room.localParticipant.connection.tier) {
    await new Promise((resolve) => room.on("connectionChanged", resolve));
  }
  return [video.videoWidth > 0, room.localParticipant.connection.tier];
}
"""


class Uvicorn:
    """`uvicorn app:app` in the folder of the example."""

    def __init__(self, folder: Path, *arguments: str, turn_port: int = 0) -> None:
        variables = {
            "PYTHONPATH": SOURCES,
            "PYTHONUNBUFFERED": "1",
            "ROOMLINE_STATE_DIR": str(folder),
            "ROOMLINE_BIND": "127.0.0.1",
            "ROOMLINE_MEDIA_ADDRESSES": "127.0.0.1",
            "ROOMLINE_MEDIA_PORTS": "0",
            "ROOMLINE_HTTPS_PORT": "0",
            "ROOMLINE_TURN_PORT": str(turn_port),
            "ROOMLINE_HOST": "localhost",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "app:app", "--port", "0", *arguments],
            cwd=ROOT / "examples/mounted",
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.text = ""
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def until(self, pattern: re.Pattern[str]) -> str:
        """The first group of the pattern, once it has been printed."""
        while not (found := pattern.search(self.text)):
            line = self._lines.get(timeout=PATIENCE)
            assert line is not None, self.text
            self.text += line
        return found[1]

    def close(self) -> None:
        """End it and everything it has printed."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(PATIENCE)
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)


@contextmanager
def uvicorn(folder: Path, *arguments: str, turn_port: int = 0) -> Iterator[Uvicorn]:
    server = Uvicorn(folder, *arguments, turn_port=turn_port)
    try:
        yield server
    finally:
        server.close()


def enter(url: str, name: str) -> str:
    """What the example's form gives: the link to the meet page, with a token."""
    answer = httpx.get(f"{url}/enter", params={"name": name, "room": "demo"}, trust_env=False)
    assert answer.status_code == 303
    return answer.headers["location"]


def open_page(page: Page, url: str) -> list[str]:
    """Go there; returns what could not be loaded, and errors of scripts."""
    failed: list[str] = []
    page.on("response", lambda r: failed.append(r.url) if r.status >= 400 else None)
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.goto(url)
    return failed


def test_two_devices_meet_under_the_mount_path(tmp_path: Path) -> None:
    with uvicorn(tmp_path) as server, sync_playwright() as playwright:
        url = server.until(UVICORN_IS_UP)
        for tier in ("1  direct    UDP", "2  turn-udp  UDP", "3  turn-tls  TCP"):
            assert tier in server.text
        links = [enter(url, name) for name in ("Ada", "Bob")]
        assert links[0].startswith(f"{url}/video/meet/#token=")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=LOOPBACK_FLAGS)
        tokens = [[link.partition("#token=")[2]] for link in links]
        first, second = browser.new_page(), browser.new_page()
        assert open_page(first, links[0]) == []
        first.get_by_role("button", name="Join").click()
        first.get_by_role("button", name="Leave").wait_for()
        for page in (first, second):
            page.goto(f"{url}/video/healthz")
        first.evaluate(FIRST_DEVICE_PUBLISHES, tokens[0])
        assert second.evaluate(SECOND_WATCHES, tokens[1]) == [True, "direct"]
        browser.close()


def test_two_workers_are_one_too_many(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with uvicorn(tmp_path, "--workers", "2", turn_port=port) as server:
        server.until(re.compile(r"(roomline.errors.AlreadyRunning: .*one worker)"))
