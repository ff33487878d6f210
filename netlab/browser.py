"""Real browsers inside a client's namespace, trusting the server's CA through NSS."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any, Protocol

from playwright.sync_api import Browser, Playwright

from netlab.bidi import Firefox
from netlab.namespaces import Namespace, behind, run

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]
SCRIPT = Path(__file__).with_name("page.js")


def trust(home: Path, ca: Path) -> None:
    """Make a home folder in whose NSS database the CA is trusted for servers."""
    database = home / ".pki" / "nssdb"
    if database.exists():
        return
    database.mkdir(parents=True)
    run("certutil", "-d", f"sql:{database}", "-N", "--empty-password")
    run("certutil", "-d", f"sql:{database}", "-A", "-t", "C,,", "-n", "roomline", "-i", str(ca))


def launch(
    playwright: Playwright,
    host: Namespace,
    ca: Path,
    *,
    proxy: str | None = None,
    flags: tuple[str, ...] = (),
    yields: bool = False,
) -> Browser:
    """Start Chromium on a host of the lab. No certificate error is ignored.

    One that `yields` gets what processor time others leave.
    """
    home = host.folder / f"{host.name}.home"
    trust(home, ca)
    script = host.folder / f"{host.name}.chromium{'.yields' if yields else ''}"
    inside = host.command([CHROMIUM])  # Playwright begins a session for each browser.
    command = shlex.join(behind(inside) if yields else inside)
    script.write_text(f'#!/bin/sh\nexport HOME={shlex.quote(str(home))}\nexec {command} "$@"\n')
    script.chmod(0o755)
    all_flags = [*FLAGS, *flags, *([f"--proxy-server={proxy}"] if proxy else [])]
    return playwright.chromium.launch(executable_path=str(script), args=all_flags, headless=True)


class Page(Protocol):
    """A page of either browser."""

    def goto(self, url: str) -> None:
        """Open a page and wait until it is loaded."""

    def run(self, script: str) -> None:
        """Run a classic script in it."""

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, awaited."""

    def close(self) -> None:
        """Close it."""


class ChromiumPage:
    """A page of a running Chromium, in a context of its own."""

    def __init__(self, browser: Browser) -> None:
        self._context = browser.new_context()
        self.page = self._context.new_page()
        self.log: list[str] = []
        self.page.on("console", lambda message: self.log.append(message.text))
        self.page.on("pageerror", lambda error: self.log.append(str(error)))

    def goto(self, url: str) -> None:
        """Open a page and wait until it is loaded."""
        self.page.goto(url)

    def run(self, script: str) -> None:
        """Run a classic script in it."""
        self.page.evaluate(script)

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, awaited."""
        return self.page.evaluate(expression)

    def close(self) -> None:
        """Close the page and everything in it."""
        self._context.close()


class Client:
    """A page that has joined, or is about to."""

    def __init__(self, page: Page | Firefox, url: str) -> None:
        self.page = page
        self._signal = url.replace("https:", "wss:") + "/v1/signal"
        page.goto(f"{url}/sdk/roomline.js")  # shown as text; only its origin matters
        page.run(SCRIPT.read_text())

    def join(
        self,
        token: str,
        *,
        publish: bool,
        ask: bool | None = None,
        options: dict[str, Any] | None = None,
    ) -> None:
        """Call the SDK's `connect()`; returns when it has resolved.

        `ask` has the page send requests on a data channel and count the echoes; by default whoever
        doesn't publish does that.
        """
        ask = not publish if ask is None else ask
        how = {"publish": publish, "ask": ask, "options": options or {}}
        arguments = ", ".join(json.dumps(a) for a in (self._signal, token, how))
        self.page.evaluate(f"lab.join({arguments})")

    def stats(self) -> dict[str, Any]:
        """The selected pair and what arrived (see page.js)."""
        result: dict[str, Any] = self.page.evaluate("lab.stats()")
        return result

    def state(self) -> dict[str, Any]:
        """What has been measured so far."""
        result: dict[str, Any] = self.page.evaluate("lab.measured()")
        return result

    def security(self) -> dict[str, Any]:
        """DTLS version and SRTP profile by the browser's own statistics."""
        result: dict[str, Any] = self.page.evaluate("lab.security()")
        return result

    def connection(self) -> dict[str, Any] | None:
        """The tier as the SDK tells it."""
        result: dict[str, Any] | None = self.page.evaluate("lab.connection()")
        return result

    def close(self) -> None:
        """Close the page and everything in it."""
        self.page.close()
