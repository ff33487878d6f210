"""The page and the token endpoint together: two people in Chromium see each other."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from playwright.async_api import Browser, Page, async_playwright, expect

from support.example import (
    CHROMIUM,
    LOOPBACK_FLAGS,
    documented_security,
    load_example,
    negotiated,
    serving,
)

PASSWORD = "open-sesame"
PATIENCE_MS = 30_000


@contextmanager
def application(app: object) -> Iterator[str]:
    """The token endpoint, served over HTTP; where it is."""
    ready = threading.Event()

    class Announced(uvicorn.Server):
        async def startup(self, sockets: list[object] | None = None) -> None:
            await super().startup(sockets)  # type: ignore[arg-type]
            ready.set()

    server = Announced(uvicorn.Config(app, port=0, log_config=None))  # type: ignore[arg-type]
    thread = threading.Thread(target=server.run)
    thread.start()
    assert ready.wait(PATIENCE_MS / 1000)
    try:
        yield f"http://localhost:{server.servers[0].sockets[0].getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join()


async def join(browser: Browser, url: str, who: str) -> Page:
    """Open the page as somebody and press the button."""
    context = await browser.new_context(
        # The local CA is in no store here.
        ignore_https_errors=True,
        http_credentials={"username": who, "password": PASSWORD},
    )
    page = await context.new_page()
    await page.goto(url)
    await page.get_by_role("button", name="Join").click()
    await expect(page.get_by_role("status")).to_have_text("In standup.", timeout=PATIENCE_MS)
    return page


async def watch(page: Page, other: str) -> None:
    """Wait until a picture of the other plays, and until the page says how they are connected."""
    playing = "name => [...document.querySelectorAll('video')].some(v => v.title === name && v.videoWidth)"
    await page.wait_for_function(playing, arg=other, timeout=PATIENCE_MS)
    await expect(page.get_by_text(f"{other}: direct on port")).to_be_visible(timeout=PATIENCE_MS)


def test_two_people_see_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOMLINE_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("DEMO_PASSWORD", PASSWORD)
    example = load_example("token_endpoint/app.py")

    async def scene() -> None:
        async with serving(tmp_path) as server, async_playwright() as playwright:
            monkeypatch.setattr(example, "MEET_URL", server.url)
            with application(example.app) as url:
                browser = await playwright.chromium.launch(
                    executable_path=CHROMIUM, args=LOOPBACK_FLAGS
                )
                ada, bob = await join(browser, url, "ada"), await join(browser, url, "bob")
                await watch(ada, "Bob")
                await watch(bob, "Ada Lovelace")
                await bob.context.close()
                await expect(ada.get_by_text("Bob: direct")).to_be_hidden(timeout=PATIENCE_MS)
                assert negotiated(server) == {documented_security("Chromium")}
                await browser.close()

    asyncio.run(scene())
