"""Firefox through WebDriver BiDi, as far as the lab needs it.

The browser listens on a port of its own namespace's loopback, so the connection is made in there.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import socket
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from netlab.namespaces import LabError, Namespace, run, stop

FIREFOX = "/usr/bin/firefox-esr"
START_WITHIN_S = 60.0
ANSWER_WITHIN_S = 60.0
CLONE_NEWNET = 0x40000000
PREFERENCES = {
    "app.update.disabledForTesting": True,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.disable_beforeunload": True,
    "dom.min_background_timeout_value": 4,
    "media.autoplay.default": 0,
    "media.autoplay.block-webaudio": False,
    "media.autoplay.blocking_policy": 0,
    "media.gmp-manager.updateEnabled": False,
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": True,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "remote.prefs.recommended": True,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}


class Firefox:
    """One headless Firefox with one page, and more on demand."""

    def __init__(
        self, host: Namespace, ca: Path, preferences: dict[str, Any] | None = None
    ) -> None:
        profile = host.folder / f"{host.name}.firefox"
        profile.mkdir()
        self._prepare(profile, ca, preferences or {})
        env = {**os.environ, "HOME": str(profile), "MOZ_HEADLESS": "1"}
        self._process = host.start(
            [
                FIREFOX,
                "--headless",
                "--no-remote",
                "--profile",
                str(profile),
                "--remote-debugging-port",
                "0",
            ],
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self._port = self._wait_for_port()
        self._open = ExitStack()
        self._socket = self._open.enter_context(self._connect(host))
        self._next = 0
        self.command("session.new", {"capabilities": {}})
        tree = self.command("browsingContext.getTree", {})
        self.page = FirefoxPage(self, tree["contexts"][0]["context"])

    def _prepare(self, profile: Path, ca: Path, preferences: dict[str, Any]) -> None:
        lines = [
            f"user_pref({json.dumps(k)}, {json.dumps(v)});"
            for k, v in {**PREFERENCES, **preferences}.items()
        ]
        (profile / "user.js").write_text("\n".join(lines) + "\n")
        run("certutil", "-d", f"sql:{profile}", "-N", "--empty-password")
        run("certutil", "-d", f"sql:{profile}", "-A", "-t", "C,,", "-n", "roomline", "-i", str(ca))

    def _wait_for_port(self) -> int:
        found: list[int] = []
        ready = threading.Event()

        def read() -> None:
            assert self._process.stderr is not None
            # The pipe is closed under us when a grandchild outlives the browser.
            with suppress(ValueError):
                for line in self._process.stderr:
                    match = re.search(rb"ws://127\.0\.0\.1:(\d+)", line)
                    if match and not found:
                        found.append(int(match[1]))
                        ready.set()
            ready.set()

        threading.Thread(target=read, daemon=True).start()
        if not ready.wait(START_WITHIN_S) or not found:
            stop(self._process)
            raise LabError("Firefox did not open its WebDriver BiDi port")
        return found[0]

    def _connect(self, host: Namespace) -> ClientConnection:
        def inside() -> socket.socket:
            enter(host.path)
            return socket.create_connection(("127.0.0.1", self._port))

        # A thread of its own: the namespace is a property of the thread, the socket keeps it.
        with ThreadPoolExecutor(1) as pool:
            made = pool.submit(inside).result()
        return connect(
            f"ws://127.0.0.1:{self._port}/session",
            sock=made,
            max_size=None,
            compression=None,
            proxy=None,
        )

    def command(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Send a command and return its result. Raises LabError with the browser's words."""
        self._next += 1
        number = self._next
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv(timeout=ANSWER_WITHIN_S))
            if message.get("id") != number:
                continue
            if message["type"] == "error":
                raise LabError(f"{method}: {message['error']}: {message['message']}")
            result: dict[str, Any] = message["result"]
            return result

    def open(self) -> FirefoxPage:
        """A further page, in a window of its own so that nothing counts it as hidden.

        It is somebody else's, in a container of its own: pages of one container dial their WebSockets
        to a server one after the other, and wait for one another's failures.
        """
        context = self.command("browser.createUserContext", {})["userContext"]
        made = self.command("browsingContext.create", {"type": "window", "userContext": context})
        return FirefoxPage(self, made["context"])

    def goto(self, url: str) -> None:
        """Open a page and wait until it is loaded."""
        self.page.goto(url)

    def evaluate(self, expression: str) -> Any:
        """The value of an expression (awaited), by way of JSON."""
        return self.page.evaluate(expression)

    def run(self, script: str) -> None:
        """Run a classic script in the page."""
        self.page.run(script)

    def close(self) -> None:
        """End the browser."""
        self._open.close()
        stop(self._process)


class FirefoxPage:
    """One page of a running Firefox."""

    def __init__(self, browser: Firefox, context: str) -> None:
        self._browser = browser
        self.context = context

    def goto(self, url: str) -> None:
        """Open a page and wait until it is loaded."""
        self._browser.command(
            "browsingContext.navigate", {"context": self.context, "url": url, "wait": "complete"}
        )

    def evaluate(self, expression: str) -> Any:
        """The value of an expression (awaited), by way of JSON."""
        wrapped = f"(async () => JSON.stringify((await ({expression})) ?? null))()"
        result = self._browser.command(
            "script.evaluate",
            {
                "expression": wrapped,
                "target": {"context": self.context},
                "awaitPromise": True,
                "userActivation": True,
            },
        )
        if result["type"] == "exception":
            raise LabError(f"in Firefox: {result['exceptionDetails']['text']}")
        return json.loads(result["result"]["value"])

    def run(self, script: str) -> None:
        """Run a classic script in the page."""
        result = self._browser.command(
            "script.evaluate",
            {"expression": script, "target": {"context": self.context}, "awaitPromise": False},
        )
        if result["type"] == "exception":
            raise LabError(f"in Firefox: {result['exceptionDetails']['text']}")

    def close(self) -> None:
        """Close the page and everything in it."""
        self._browser.command("browsingContext.close", {"context": self.context})


def enter(namespace: Path) -> None:
    """Move the calling thread into a network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with namespace.open() as file:
        if libc.setns(file.fileno(), CLONE_NEWNET) != 0:
            raise LabError(f"{namespace}: {os.strerror(ctypes.get_errno())}")
