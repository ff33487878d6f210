"""Real Chromium inside a client's namespace, trusting the server's CA through NSS."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Playwright

from netlab.namespaces import Namespace, run

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
PAGE = Path(__file__).with_name("page.js")


def trust(home: Path, ca: Path) -> None:
    """Make a home folder in whose NSS database the CA is trusted for servers."""
    database = home / ".pki" / "nssdb"
    database.mkdir(parents=True, exist_ok=True)
    run("certutil", "-d", f"sql:{database}", "-N", "--empty-password")
    run("certutil", "-d", f"sql:{database}", "-A", "-t", "C,,", "-n", "roomline", "-i", str(ca))


def launch(
    playwright: Playwright, host: Namespace, ca: Path, *, proxy: str | None = None
) -> Browser:
    """Start Chromium on a host of the lab. No certificate error is ignored."""
    home = host.folder / f"{host.name}.home"
    trust(home, ca)
    script = host.folder / f"{host.name}.chromium"
    command = " ".join(shlex.quote(word) for word in host.command([CHROMIUM]))
    script.write_text(f'#!/bin/sh\nexport HOME={shlex.quote(str(home))}\nexec {command} "$@"\n')
    script.chmod(0o755)
    flags = [*FLAGS, f"--proxy-server={proxy}"] if proxy else FLAGS
    return playwright.chromium.launch(executable_path=str(script), args=flags, headless=True)


class Client:
    """A page that has joined, or is about to."""

    def __init__(self, browser: Browser, url: str) -> None:
        # The page that measures comes from here, not from the server whose policy forbids that.
        self._context = browser.new_context(bypass_csp=True)
        self.page: Page = self._context.new_page()
        self.log: list[str] = []
        self.page.on("console", lambda message: self.log.append(message.text))
        self.page.on("pageerror", lambda error: self.log.append(str(error)))
        self.page.goto(f"{url}/healthz")
        self._url = url.replace("https:", "wss:") + "/v1/signal"
        self.page.evaluate(
            """source => import(URL.createObjectURL(new Blob([source], {type: "text/javascript"})))""",
            PAGE.read_text(),
        )

    def join(self, token: str, *, publish: bool, options: dict[str, Any] | None = None) -> None:
        """Call the SDK's `connect()`; returns when it has resolved."""
        self.page.evaluate(
            "([url, token, how]) => lab.join(url, token, how)",
            [self._url, token, {"publish": publish, "options": options or {}}],
        )

    def stats(self) -> dict[str, Any]:
        """The selected pair and what arrived (see page.js)."""
        result: dict[str, Any] = self.page.evaluate("() => lab.stats()")
        return result

    def state(self) -> dict[str, Any]:
        """What has been measured so far."""
        result: dict[str, Any] = self.page.evaluate(
            "() => { const {room, reply, ...rest} = lab.state; return rest; }"
        )
        return result

    def connection(self) -> dict[str, Any] | None:
        """The tier as the SDK tells it."""
        result: dict[str, Any] | None = self.page.evaluate(
            "() => { const c = lab.connection(); return c ? {...c} : null; }"
        )
        return result

    def close(self) -> None:
        """Close the page and everything in it."""
        self._context.close()


def certutil_present() -> bool:
    """Whether NSS's tool is installed."""
    found = subprocess.run(["sh", "-c", "command -v certutil"], capture_output=True, check=False)
    return found.returncode == 0
